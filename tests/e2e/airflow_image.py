"""A stand-in for Astro Runtime that holds a real Airflow: made once on a machine, then kept.

No image can be pulled here, so its file system is this machine's own: Python, the libraries that
Python needs, and an environment with Airflow, all where they are on this machine. Started as a
program, it makes both images: `python -m tests.e2e.airflow_image`.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from astro_ci.image.engine import Engine, connect
from tests.conftest import AIRFLOW_HOME
from tests.e2e import rootfs
from tests.e2e.images import RUNTIME_LABEL

HOME = "/usr/local/airflow"
UID = 50000
VERSIONS = {2: "13.5.0", 3: "3.1-12"}
"""The Runtime version that each major version of Airflow comes with."""

# The triggers of the real image, with a copy in the place of apt and pip.
DOCKERFILE = """\
FROM {rootfs}
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV AIRFLOW_HOME=/usr/local/airflow PYTHONPATH=/usr/local/airflow HOME=/usr/local/airflow
WORKDIR /usr/local/airflow
RUN chown astro:0 /usr/local/airflow
ENTRYPOINT ["/bin/false", "the entrypoint of the image was started"]
ONBUILD COPY packages.txt .
ONBUILD USER root
ONBUILD RUN cp packages.txt /packages-installed
ONBUILD COPY requirements.txt .
ONBUILD RUN cp requirements.txt /requirements-installed
ONBUILD USER astro
ONBUILD COPY --chown=astro:0 . .
USER astro
"""
PASSWD = f"root:x:0:0:root:/root:/bin/sh\nastro:x:{UID}:0:astro:{HOME}:/bin/sh\n"
GROUP = "root:x:0:\n"
"""BuildKit looks the users of its steps up in there."""
_FACTS = (
    "import os, sys, sysconfig; "
    "print(os.path.realpath(sys.executable), sysconfig.get_path('stdlib'), sep='\\n')"
)


def runtime_tag(engine: Engine, major: int, python: Path) -> str:
    """Return the image with this Airflow, which is made when the engine does not have it."""
    made_from = python.parent.parent.joinpath(".made-from").read_bytes()
    code = Path(__file__).read_bytes() + Path(rootfs.__file__).read_bytes()
    digest = hashlib.sha256(made_from + code).hexdigest()[:12]
    tag = f"astro-ci-test-airflow-{major}:{digest}"
    if not engine.client.images.list(name=tag):
        _make(engine, tag, major, python)
    return tag


def _make(engine: Engine, tag: str, major: int, python: Path) -> None:
    environment = python.parent.parent
    # A container could not keep the bytecode that it makes, so each would make it again.
    subprocess.run([python, "-m", "compileall", "-q", "-j0", environment / "lib"], check=False)
    repository, version = tag.split(":")
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        _write_rootfs(file, environment, python)
        file.flush()
        engine.client.api.import_image_from_file(
            file.name,
            repository,
            f"{version}-rootfs",
            changes=[f"ENV PATH={environment / 'bin'}:/bin"],
        )
    engine.client.images.build(
        fileobj=io.BytesIO(DOCKERFILE.format(rootfs=f"{tag}-rootfs").encode()),
        tag=tag,
        rm=True,
        labels={RUNTIME_LABEL: VERSIONS[major]},
    )


def _write_rootfs(out: IO[bytes], environment: Path, python: Path) -> None:
    [busybox] = rootfs.programs("busybox")
    program, stdlib = rootfs.output_of([str(python), "-c", _FACTS]).splitlines()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(Path(busybox).resolve(), "bin/busybox", filter=rootfs.of_root)
        for name, mode in (("tmp", 0o1777), ("root", 0o755), (HOME[1:], 0o755)):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, mode
            archive.addfile(directory)
        for name, text in (("etc/passwd", PASSWD), ("etc/group", GROUP)):
            file = tarfile.TarInfo(name)
            file.size = len(text)
            archive.addfile(file, io.BytesIO(text.encode()))
        for link in _chain(python.parent / "python"):
            if not link.is_relative_to(environment):
                archive.add(link, filter=rootfs.of_root)
        archive.add(stdlib, filter=rootfs.without_tests)
        archive.add(environment, filter=rootfs.of_root)
        rootfs.add_libraries(archive, [program], Path(stdlib))


def _chain(path: Path) -> Iterator[Path]:
    """Follow links to a file, and name each on the way."""
    while path.is_symlink():
        yield path
        path = path.parent / path.readlink()
    yield path


def main() -> None:
    """Make the images that are missing, and print their names."""
    engine = connect(os.environ)
    for major in VERSIONS:
        python = AIRFLOW_HOME / f"airflow-{major}" / "bin" / "python"
        sys.stdout.write(f"{runtime_tag(engine, major, python)}\n")
    engine.close()


if __name__ == "__main__":
    main()
