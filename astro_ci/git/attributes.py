"""Find files whose bytes on disk differ from git's object: by a filter, `ident` or an encoding.

The bundle and the image hold the bytes on disk, so the digests must be made from these bytes. Most
projects have no such files, so git is asked only when an attributes file names a conversion.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from astro_ci.errors import GitError
from astro_ci.git.process import Git
from astro_ci.git.settings import last_value

_NAME = ".gitattributes"
_ENCODING = "working-tree-encoding"
_KEPT_AS_IS = ("lfs", "git-crypt")
"""A checkout that did not run these filters is refused, because it holds placeholders."""
_NO_VALUE = ("unspecified", "unset", "set")
_MAX_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_SYSTEM = Path("/etc/gitattributes")


def attribute_files(git: Git, lines: Iterable[str], above: Iterable[str]) -> list[Path]:
    """List the attributes files: those that ship, those in parent directories, and git's own."""
    names = {name for name in (line.rpartition("\t")[2] for line in lines if _NAME in line)}
    tracked = {name for name in names if name.rpartition("/")[2] == _NAME}
    for directory in above:
        parts = Path(directory).parts
        tracked.update("/".join((*parts[:count], _NAME)) for count in range(len(parts) + 1))
    config = Path(git.env.get("XDG_CONFIG_HOME") or Path(git.env.get("HOME", "/"), ".config"))
    named = last_value(git.settings, "core.attributesfile")
    if named and named.startswith("~/"):
        named = named.replace("~", git.env.get("HOME", ""), 1)
    user = git.root / named if named else config / "git/attributes"
    return [*(git.root / name for name in sorted(tracked)), user, _SYSTEM]


def names_conversion(file: Path) -> bool:
    """Whether an attributes file names a conversion; true for a file that is too large to read."""
    text = _read_start(file)
    return len(text) > _MAX_BYTES or any(map(_is_conversion, text.split()))


def converted(git: Git, paths: Sequence[str]) -> dict[str, str]:
    """Map the paths whose bytes differ from git's object to the name of their filter, or to "".

    Raises GitError.
    """
    if not paths:
        return {}
    listing = os.fsencode("".join(f"{path}\0" for path in paths))
    ask = ("check-attr", "-z", "--stdin", "filter", "ident", _ENCODING)
    fields = git.out(*ask, stdin=listing).split("\0")[:-1]
    found: dict[str, str] = {}
    for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
        if name == "filter" and value not in (*_NO_VALUE, *_KEPT_AS_IS):
            found[path] = value
        elif (name == "ident" and value == "set") or (name == _ENCODING and value not in _NO_VALUE):
            found.setdefault(path, "")
    return found


def as_on_disk(root: Path, lines: Sequence[str], paths: Mapping[str, str]) -> list[str]:
    """Replace the object in the lines of some files by the object id of the bytes on disk.

    A line is `mode object 0<TAB>path`. Raises GitError when a file cannot be read.
    """
    found = []
    for line in lines:
        meta, _, path = line.partition("\t")
        mode, object_id, stage = meta.split(" ")
        if path in paths and mode.startswith("100"):
            line = f"{mode} {_blob_id(root / path, object_id)} {stage}\t{path}"
        found.append(line)
    return found


def _blob_id(file: Path, committed: str) -> str:
    """Return the object id of a file's bytes; the committed id when the file is missing."""
    made = hashlib.new("sha1" if len(committed) == 40 else "sha256", usedforsecurity=False)
    try:
        with open(file, "rb", opener=_no_link) as stream:
            made.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
            while chunk := stream.read(_CHUNK_BYTES):
                made.update(chunk)
    except FileNotFoundError:
        return committed
    except OSError as error:
        raise GitError(
            f"{file} could not be read: {error.strerror}", hint="Check the file's permissions."
        ) from error
    return made.hexdigest()


def _read_start(file: Path) -> bytes:
    """Read at most one byte more than the size limit of attributes files; b"" if not a file."""
    try:
        with open(file, "rb", opener=_no_link) as stream:
            is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            return stream.read(_MAX_BYTES + 1) if is_file else b""
    except OSError:
        return b""


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_conversion(word: bytes) -> bool:
    name, _, value = os.fsdecode(word).partition("=")
    if name == "filter":
        return bool(value) and value not in _KEPT_AS_IS
    return name == _ENCODING or word == b"ident"
