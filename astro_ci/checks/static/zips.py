"""Read the Python files at the top of zip files, in which Airflow looks for DAGs too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from astro_ci.checks.static.request import Problem
from astro_ci.checks.static.source import MOST_BYTES

_TAIL_BYTES = 22 + 65535
_END = b"PK\x05\x06"
_MOST_MEMBERS = 2000


class Member(NamedTuple):
    """A Python file at the top of a zip file."""

    name: str
    data: bytes


def may_be_zip(path: str) -> bool:
    """Whether a file ends like a zip file; true for every zip file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - quicker
        if not stat.S_ISREG(found.st_mode) or found.st_size < 22:
            return False
        with open(path, "rb") as file:  # noqa: PTH123 - quicker
            file.seek(max(0, found.st_size - _TAIL_BYTES))
            return _END in file.read(_TAIL_BYTES)
    except OSError:
        return False


def read_zip(path: str) -> Iterator[Member | Problem]:
    """Yield the members that Airflow may import, and a problem for each damaged member."""
    import zipfile  # importing `zipfile` takes longer than reading most projects

    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                yield _bad(f"it has {len(members)} members; {_MOST_MEMBERS} are looked at")
            for info in members[:_MOST_MEMBERS]:
                if "/" in info.filename.rstrip("/") or not info.filename.endswith(".py"):
                    continue
                with archive.open(info) as file:
                    data = file.read(MOST_BYTES + 1)
                if len(data) > MOST_BYTES:
                    yield _bad(f"{info.filename} has more than {MOST_BYTES >> 20} MiB")
                else:
                    yield Member(info.filename, data)
    except (OSError, RuntimeError, ValueError, EOFError, NotImplementedError) as error:
        yield _bad(f"the archive cannot be read: {error}")
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        yield _bad(f"the archive cannot be read: {error}")
    except Exception as error:
        # The errors of zlib, bz2 and lzma for damaged members share no base class but Exception.
        if type(error).__module__ not in ("zlib", "_lzma", "lzma", "bz2"):
            raise
        yield _bad(f"the archive cannot be read: {error}")


def _bad(message: str) -> Problem:
    return Problem(rule="dag-bad-zip", message=message)
