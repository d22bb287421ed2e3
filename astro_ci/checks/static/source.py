"""Read an untrusted file safely; it may be a pipe, very large, or binary."""

from __future__ import annotations

import errno
import os
import re
import stat

from astro_ci.checks.static.request import Problem

MOST_BYTES = 2 << 20
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")


def read_source(path: str, *, limit: int = MOST_BYTES) -> bytes | Problem | None:
    """Read a regular file; None when no regular file is, or is still, at the path."""
    try:
        # Opening a pipe without a writer would block for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # Airflow ignores a link to itself, and so does this function.
        return None if error.errno == errno.ELOOP else _unreadable(error)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        if found.st_size > limit:
            return _too_large(found.st_size)
        data = _read(descriptor, found.st_size, limit)
    except OSError as error:
        return _unreadable(error)
    finally:
        os.close(descriptor)
    return _too_large(len(data)) if len(data) > limit else data


def _read(descriptor: int, size: int, limit: int) -> bytes:
    """Read at most one byte more than the limit. `size` is the file's expected size in bytes."""
    # One more byte shows whether the file has grown. A buffer of the limit's size for each file
    # would take as long to allocate as the file takes to read.
    data = os.read(descriptor, size + 1)
    if 0 < size == len(data):
        return data
    while block := os.read(descriptor, limit + 1 - len(data)):
        data += block
    return data


def is_inside(path: str, repository: str) -> bool:
    """Whether a path, after links are followed, is in the repository and not in its `.git`."""
    real = f"{os.path.realpath(path)}/"
    return real.startswith(f"{repository}/") and "/.git/" not in real[len(repository) :].lower()


def undecodable(data: bytes) -> Problem | None:
    """Return the problem that keeps Python from decoding the bytes.

    None when the bytes are UTF-8, or when a coding line names another encoding.
    """
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        return Problem(rule="dag-encoding", message="the file holds a null byte", line=line)
    if data.isascii():
        return None
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if any(_CODING.match(line) for line in data.split(b"\n", 2)[:2]):
            return None  # compiling shows whether the named encoding fits
        start = data.rfind(b"\n", 0, error.start) + 1
        return Problem(
            rule="dag-encoding",
            message=f"the byte 0x{data[error.start]:02x} is not UTF-8, and no coding line names "
            "another encoding",
            line=data[:start].count(b"\n") + 1,
            column=len(data[start : error.start].decode()) + 1,
        )
    return None


def _unreadable(error: OSError) -> Problem:
    return Problem(rule="dag-unreadable", message=f"the file cannot be read: {error.strerror}")


def _too_large(size: int) -> Problem:
    return Problem(
        rule="dag-too-large",
        message=f"the file has {size / (1 << 20):.1f} MiB, more than the {MOST_BYTES >> 20} MiB "
        "that are checked",
    )
