"""Read the machine that a program was compiled for from the start of its file. Pure.

Source: elf(5). The platform in an image's config can be wrong: a build on a base image of another
platform writes the platform of the build.
"""

from __future__ import annotations

from collections.abc import Mapping

HEADER_BYTES = 20

_MAGIC = b"\x7fELF"
_DATA, _MACHINE = 5, 18
_ORDERS = {1: "little", 2: "big"}
_NAMES: Mapping[int, str] = {
    3: "386",
    21: "ppc64le",
    22: "s390x",
    40: "arm",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
}
"""The machines by number, with the names that image configs use."""


def machine_of(start: bytes) -> str:
    """Return the machine of a program, such as `amd64`; empty for a file that is no program."""
    if len(start) < HEADER_BYTES or not start.startswith(_MAGIC):
        return ""
    order = _ORDERS.get(start[_DATA])
    if order is None:
        return ""
    number = int.from_bytes(start[_MACHINE:HEADER_BYTES], "little" if order == "little" else "big")
    return _NAMES.get(number, f"machine {number}")
