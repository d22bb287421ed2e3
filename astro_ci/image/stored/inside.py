"""Find the machine of an image and its DAG files in its layers."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Iterator, Sequence

from astro_ci.image.elf import HEADER_BYTES, machine_of
from astro_ci.image.stored.layers import UnreadableLayerError, entries

log = logging.getLogger(__name__)

Layer = Callable[[], Iterator[bytes]]
"""Reads a layer, which may be compressed, from its start."""

_PROGRAMS = ("bin", "usr/bin", "sbin", "usr/sbin", "usr/local/bin")
_MOST_LOOKED_AT = 20_000
"""The number of entries in which to look for a program: distributions have some early."""
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def find_machine(layers: Sequence[Layer]) -> str:
    """Return the machine that a program of the image was compiled for; empty when unknown.

    The lowest layers are the base image, which may be of another platform than the build.
    """
    looked = 0
    for layer in layers:
        pieces = layer()
        try:
            for entry, start in entries(pieces):
                looked += 1
                directory = posixpath.dirname(posixpath.normpath(entry.name)).lstrip("/")
                if entry.isreg() and directory in _PROGRAMS and entry.mode & 0o111:
                    machine = machine_of(start(HEADER_BYTES))
                    if machine:
                        return machine
                if looked > _MOST_LOOKED_AT:
                    return ""
        except UnreadableLayerError as error:
            log.debug("a layer could not be listed: %s", error)
            return ""
        finally:
            _close(pieces)
    return ""


def list_files(layers: Sequence[Layer], directory: str) -> Sequence[str] | None:
    """List the files below a directory of the image, relative to it; None when unreadable."""
    below = directory.strip("/")
    found: set[str] = set()
    for layer in layers:
        pieces = layer()
        added: set[str] = set()
        try:
            for entry, _ in entries(pieces):
                name = posixpath.normpath(entry.name).lstrip("/")
                parent, base = posixpath.split(name)
                if base == _OPAQUE:
                    found = _without(found, below, parent, is_opaque=True)
                elif base.startswith(_WHITEOUT):
                    gone = posixpath.join(parent, base.removeprefix(_WHITEOUT))
                    found = _without(found, below, gone)
                elif name == below and not entry.isdir():
                    found.clear()  # a file or a link in the place of the directory
                elif name.startswith(f"{below}/"):
                    within = name[len(below) + 1 :]
                    if not entry.isdir():
                        found = _without(found, below, name)
                        added.add(within)
                    else:
                        found.discard(within)
        except UnreadableLayerError as error:
            log.debug("a layer could not be listed: %s", error)
            return None
        finally:
            _close(pieces)
        found |= added
    return sorted(found)


def _without(found: set[str], below: str, gone: str, *, is_opaque: bool = False) -> set[str]:
    """Remove the file or directory that a whiteout hides."""
    if below == gone or below.startswith(f"{gone}/") or not gone:
        return set()
    if not gone.startswith(f"{below}/"):
        return found
    within = gone[len(below) + 1 :]
    return {
        name
        for name in found
        if not (name.startswith(f"{within}/") or (name == within and not is_opaque))
    }


def _close(pieces: Iterator[bytes]) -> None:
    close = getattr(pieces, "close", None)
    if close:
        close()
