"""Read the files of a checkout, whose content and types a pull request can choose.

A pull request can make any file a link: to `/proc/self/environ`, whose variables an error could
print; to `/dev/zero`, which never ends; or to a file of the job outside the checkout. Therefore
only this module opens files of a checkout, as a test checks. This module refuses links out of the
repository or into its `.git`, which may hold a token, and reads only regular files, up to a limit.

The user or the CI system may give a path (`--config FILE`, GITHUB_EVENT_PATH). Outside of every
repository such a path is trusted: links are followed, and pipes are read. Within a repository the
path may be a link from a pull request, and the rules above apply. The content of a file is never
trusted. A pull request cannot create hard links or mounts.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

_GIT = ".git"
_MAX_LINKS = 40  # Linux too reports a loop after 40 links
# Without O_NONBLOCK, opening a pipe without a writer would block for ever.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


class UnfitFileError(OSError):
    """A file exists but must not be read. `strerror` says why; `hint` says what to change."""

    def __init__(self, number: int, why: str, hint: str) -> None:
        super().__init__(number, why)
        self.hint = hint


def remedy(error: OSError) -> str:
    """Say what to change about a file that could not be read."""
    return error.hint if isinstance(error, UnfitFileError) else "Check that it is a readable file."


def repository_root(directory: Path) -> Path:
    """Return the nearest directory upward that holds `.git`, else the directory itself.

    Links in the path are not followed, so resolve the path first where links must not count.
    """
    return next((p for p in (directory, *directory.parents) if (p / _GIT).exists()), directory)


def read_text(path: Path, *, most_bytes: int, errors: str = "strict") -> str:
    """Read a file of a checkout as UTF-8, with any byte order mark; `errors` is as for decode().

    Raises OSError when the file cannot be read; UnfitFileError is one.
    """
    return _decode(read_bytes(path, most_bytes=most_bytes), errors)


def read_bytes(path: Path, *, most_bytes: int) -> bytes:
    """Read a file of a checkout. Raises OSError; UnfitFileError is one."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    root = repository_root(path.parent)
    with _opened_below(root, path.relative_to(root).parts) as descriptor:
        return _read(descriptor, most_bytes)


def read_named_text(path: Path, *, most_bytes: int, errors: str = "strict") -> str:
    """Read a file whose path the user or the CI system gave. Raises OSError as `read_text` does."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    if (repository_root(absolute.parent) / _GIT).exists():
        return read_text(absolute, most_bytes=most_bytes, errors=errors)
    descriptor = _open_file(absolute, None, may_be_pipe=True)
    try:
        os.set_blocking(descriptor, True)  # wait for the writer of a pipe
        return _decode(_read(descriptor, most_bytes), errors)
    finally:
        os.close(descriptor)


@contextmanager
def opened_named_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file, whose path the user or the CI system gave, for reading and seeking.

    Raises OSError as `read_text` does, on entering.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
    root = repository_root(absolute.parent)
    with ExitStack() as held:
        if (root / _GIT).exists():
            within = _opened_below(root, absolute.relative_to(root).parts)
            descriptor = held.enter_context(within)
        else:
            descriptor = _open_file(absolute, None)
            held.callback(os.close, descriptor)
        yield held.enter_context(os.fdopen(descriptor, "rb", closefd=False))


@contextmanager
def _opened_below(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open a file part by part of its path, without letting the kernel follow a link.

    The target of a link is read and then walked like the path itself, so a change of the disk in
    the meantime cannot lead out of `root`.
    """
    with ExitStack() as opened:
        here, ahead = [_open_directory(root, None, opened)], list(reversed(parts))
        links_left = _MAX_LINKS
        while ahead:
            name = ahead.pop()
            if name == os.pardir:
                here.pop()
            if not here or name.lower() == _GIT:
                raise _leads_out()
            if name == os.pardir:
                continue
            mode = os.stat(name, dir_fd=here[-1], follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                links_left -= 1
                if links_left < 0:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = PurePosixPath(os.readlink(name, dir_fd=here[-1]))
                ahead.extend(reversed(_parts_within(root, target)))
                here = here[:1] if target.is_absolute() else here
            elif ahead:
                here.append(_open_directory(name, here[-1], opened))
            else:
                descriptor = _open_file(name, here[-1])
                opened.callback(os.close, descriptor)
                yield descriptor
                return
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _open_directory(name: str | Path, within: int | None, opened: ExitStack) -> int:
    no_link = 0 if within is None else os.O_NOFOLLOW
    descriptor = os.open(name, _DIRECTORY | no_link, dir_fd=within)
    opened.callback(os.close, descriptor)
    return descriptor


def _parts_within(root: Path, target: PurePosixPath) -> Sequence[str]:
    """Return the parts of a link's target; an absolute target must be below the root."""
    if not target.is_absolute():
        return target.parts
    for known in (root, os.path.realpath(root)):
        if target.is_relative_to(known):
            return target.relative_to(known).parts
    raise _leads_out()


def _open_file(name: str | Path, directory: int | None, *, may_be_pipe: bool = False) -> int:
    """Open a regular file; with `directory`, do not follow a link."""
    is_checkout = directory is not None
    # Checked before the file is opened, because opening a device may have an effect.
    found = os.stat(name, dir_fd=directory, follow_symlinks=not is_checkout)
    _refuse_special(found.st_mode, may_be_pipe=may_be_pipe)
    descriptor = os.open(name, _READ | (os.O_NOFOLLOW if is_checkout else 0), dir_fd=directory)
    try:
        _refuse_special(os.fstat(descriptor).st_mode, may_be_pipe=may_be_pipe)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_special(mode: int, *, may_be_pipe: bool) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(mode) or (may_be_pipe and stat.S_ISFIFO(mode))):
        raise UnfitFileError(
            errno.EINVAL, "it is not a regular file", "Replace it with a regular file."
        )


def _leads_out() -> UnfitFileError:
    return UnfitFileError(
        errno.ELOOP,
        "it is a link that leads out of the repository",
        "Replace the link with a file, or with a link to another file of the repository.",
    )


def _read(descriptor: int, most_bytes: int) -> bytes:
    """Read to the end of the file, ignoring its size, which is 0 for files in /proc."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        found = file.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise UnfitFileError(
            errno.EFBIG,
            f"it is larger than {most_bytes:,} bytes",
            "Check that it is the right file, and shorten it.",
        )
    return found


def _decode(found: bytes, errors: str) -> str:
    try:
        return found.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise UnfitFileError(
            errno.EILSEQ, f"line {line} is not UTF-8 text", "Save the file as UTF-8."
        ) from error
