"""A stand-in for Alpine's image of Python, as no image can be pulled here.

Its file system is this machine's own: busybox, Python with pip, git, and the libraries that they
need. apk finds everything installed already; pip finds packages in /wheels alone.
"""

from __future__ import annotations

import io
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astro_ci.image.engine import Engine
from tests.e2e import rootfs
from tests.e2e.images import unique

DOCKERFILE = """\
FROM {rootfs}
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
"""
APK = """\
#!/bin/sh
echo "apk $*"
"""
FILES = {
    "etc/passwd": ("root:x:0:0:root:/root:/bin/sh\n", 0o644),
    "etc/group": ("root:x:0:\n", 0o644),
    "etc/shadow": ("root:*::0:::::\n", 0o600),
    "usr/local/bin/apk": (APK, 0o755),
}


@contextmanager
def python_image(engine: Engine, wheels: Path) -> Iterator[str]:
    """Make the image, with these wheels, and remove it afterwards."""
    name = unique("alpine")
    repository, tag = name.split(":")
    python = Path(sys.executable).resolve()
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            _fill(archive, python, wheels)
        file.flush()
        engine.client.api.import_image_from_file(
            file.name,
            repository,
            f"{tag}-rootfs",
            changes=[f"ENV PATH={python.parent}:/usr/local/bin:/usr/bin:/bin"],
        )
    try:
        dockerfile = DOCKERFILE.format(rootfs=f"{name}-rootfs").encode()
        engine.client.images.build(fileobj=io.BytesIO(dockerfile), tag=name, rm=True)
        yield name
    finally:
        for one in (name, f"{name}-rootfs"):
            engine.remove_image(one)


def download(lock: Path, to: Path) -> None:
    """Fetch the wheels of a lock file, by their hashes."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    words = ["--only-binary", ":all:", "--requirement", str(lock), "--dest", str(to)]
    done = subprocess.run([*pip, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def _fill(archive: tarfile.TarFile, python: Path, wheels: Path) -> None:
    busybox, git = rootfs.programs("busybox", "git")
    stdlib = Path(sysconfig.get_path("stdlib"))
    for name, (text, mode) in FILES.items():
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text), mode
        archive.addfile(entry, io.BytesIO(text.encode()))
    temporary = tarfile.TarInfo("tmp")
    temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
    archive.addfile(temporary)
    for path, place in ((busybox, "/bin/busybox"), (git, "/usr/bin/git"), (python, str(python))):
        archive.add(Path(path).resolve(), place, filter=rootfs.of_root)
    archive.add(python, str(python.with_name("python3")), filter=rootfs.of_root)
    archive.add(stdlib, filter=rootfs.without_tests)
    pip = Path(sysconfig.get_path("purelib")) / "pip"
    archive.add(pip, str(stdlib / "site-packages" / "pip"), filter=rootfs.of_root)
    archive.add(wheels, "/wheels", filter=rootfs.of_root)
    rootfs.add_libraries(archive, [str(python), git], stdlib)
