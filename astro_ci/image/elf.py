"""What a program was compiled for, by the start of its file. Pure.

Source: elf(5). The image's own word for its platform can be wrong: a base image for another one
leaves the word of the build in place.
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
"""In the words of images."""


def machine_of(start: bytes) -> str:
    """Tell what a program is for, such as `amd64`; empty for what is no program."""
    if len(start) < HEADER_BYTES or not start.startswith(_MAGIC):
        return ""
    order = _ORDERS.get(start[_DATA])
    if order is None:
        return ""
    number = int.from_bytes(start[_MACHINE:HEADER_BYTES], "little" if order == "little" else "big")
    return _NAMES.get(number, f"machine {number}")
