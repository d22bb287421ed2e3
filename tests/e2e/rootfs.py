"""Copy this machine's programs into the file system of an image, as no image can be pulled here."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.images import unavailable

_LEFT_OUT = {"test", "site-packages", "idlelib", "ensurepip", "lib2to3", "turtledemo"}
_ALWAYS_NEEDED = ("libstdc++.so.6", "libgcc_s.so.1", "librt.so.1", "libpthread.so.0", "libdl.so.2")


def programs(*names: str) -> list[str]:
    """Find the programs on this machine; without them, skip the test."""
    found = [path for path in map(shutil.which, names) if path]
    if len(found) < len(names):
        unavailable(
            f"no {' and '.join(names)} to make a base image of (busybox-static has busybox)"
        )
    return found


def add_libraries(archive: tarfile.TarFile, of: Sequence[str], stdlib: Path) -> None:
    """Add the shared libraries that programs and Python's extensions load, under those names."""
    extensions = [str(path) for path in stdlib.glob("lib-dynload/*.so")]
    words = output_of(["ldd", *of, *extensions]).split()
    known = output_of(["ldconfig", "-p"]).split()
    words += [path for path in known if Path(path).name in _ALWAYS_NEEDED]
    for path in {Path(word) for word in words if word.startswith("/") and Path(word).is_file()}:
        archive.add(path.resolve(), str(path), filter=of_root)


def output_of(argv: Sequence[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Give an entry of a tar to the user root."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def without_tests(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out the parts of Python's library that no test needs."""
    return None if Path(entry.name).name in _LEFT_OUT else of_root(entry)
