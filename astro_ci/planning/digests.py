"""The identity of what is shipped: a digest for each part. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from astro_ci.model import Digests, Part
from astro_ci.paths import below
from astro_ci.planning.marker import PREFIXED_LAYOUT
from astro_ci.planning.rules import Rules
from astro_ci.project.leftovers import is_excluded_name

_DIGITS = 16


def digests(
    lines: Sequence[str],
    rules: Rules,
    *,
    image_inputs: Sequence[str] = (),
    line_ends: str = "",
    dags_in_image: bool = False,
    layout: str = PREFIXED_LAYOUT,
) -> Digests:
    """Digest the shipped files by what they affect; files that affect nothing do not count.

    A line is `mode object 0<TAB>path`, as `git ls-files --stage` prints a file, and they are
    sorted by the bytes of the paths, as git sorts them. `image_inputs` is what else makes the
    image: build arguments, the target stage. `line_ends` is what the checkout made of those, which
    objects do not tell.

    Paths count relative to the DAGs directory and to the project, so that a checkout elsewhere
    is the same; with `dags_in_image` to the project alone, as the image holds them where they are.
    `layout` is how a bundle has its files.
    """
    sides = {part: hashlib.sha256() for part in Part}
    roots: Mapping[Part, Sequence[str]] = {
        Part.IMAGE: (rules.project,),
        Part.DAGS: (rules.project,) if dags_in_image else rules.dags,
    }
    for part, text in _shipped(lines, rules, roots):
        sides[part].update(os.fsencode(f"{text}\0"))
    if line_ends:
        for side in sides.values():
            side.update(os.fsencode(f"line ends\t{line_ends}\0"))
    if layout != PREFIXED_LAYOUT and not dags_in_image:
        sides[Part.DAGS].update(os.fsencode(f"layout\t{layout}\0"))
    for value in sorted(image_inputs):
        sides[Part.IMAGE].update(b"input\t" + os.fsencode(f"{value}\0"))
    return {part: side.hexdigest()[:_DIGITS] for part, side in sides.items()}


def _shipped(
    lines: Sequence[str], rules: Rules, roots: Mapping[Part, Sequence[str]]
) -> Iterator[tuple[Part, str]]:
    """List the content of each part, with paths relative to the part; directories as a whole.

    There may be a hundred thousand files, and a rule seldom tells those of a directory apart.
    """
    for directory, group in groupby(lines, key=_directory):
        found = list(group)
        parts = rules.parts_of_all_in(directory)
        if parts is not None and not parts:
            continue
        if parts and not (Part.DAGS in parts and _holds_leftovers(found)):
            # A name may hold a tab, but no `/`: only the start of each path is replaced.
            text = "\0".join(found)
            for part in parts:
                inner = _relative(f"{directory}/", roots[part])
                yield part, text.replace(f"\t{directory}/", f"\t{inner}")
            continue
        for line in found:
            meta, _, path = line.partition("\t")
            for part in _parts(path, rules):
                yield part, f"{meta}\t{_relative(path, roots[part])}"


def _parts(path: str, rules: Rules) -> frozenset[Part]:
    """Return the parts that contain a file; a file that makes its directory a leftover counts."""
    parts, _ = rules.classify(path)
    return parts - {Part.DAGS} if Part.DAGS in parts and rules.is_leftover(path) else parts


def _holds_leftovers(lines: Sequence[str]) -> bool:
    return any(is_excluded_name(line.rpartition("/")[2]) for line in lines)


def _directory(line: str) -> str:
    return line.partition("\t")[2].rpartition("/")[0]


def _relative(path: str, roots: Sequence[str]) -> str:
    """A path from the first root that it lies below; from the repository, with `/`, elsewhere."""
    for root in roots:
        inner = below(path, root)
        if inner is not None:
            return inner
    return f"/{path}"
