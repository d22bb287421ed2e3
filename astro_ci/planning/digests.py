"""The identity of what is shipped: one digest for the DAGs, one for the image's inputs. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby

from astro_ci.model import Affects
from astro_ci.paths import below
from astro_ci.planning.rules import Rules
from astro_ci.planning.running import Digests
from astro_ci.project.leftovers import is_excluded_name

_DIGITS = 16


def digests(
    lines: Sequence[str],
    rules: Rules,
    *,
    image_inputs: Sequence[str] = (),
    line_ends: str = "",
    dags_in_image: bool = False,
) -> Digests:
    """Digest the shipped files by what they affect; files that affect nothing do not count.

    A line is `mode object 0<TAB>path`, as `git ls-files --stage` prints a file, and they are
    sorted by the bytes of the paths, as git sorts them. `image_inputs` is what else makes the
    image: build arguments, the target stage. `line_ends` is what the checkout made of those, which
    objects do not tell.

    Paths count relative to the DAGs directory and to the project, so that a checkout elsewhere
    is the same; with `dags_in_image` to the project alone, as the image holds them where they are.
    """
    dags, image = hashlib.sha256(), hashlib.sha256()
    for affects, text in _shipped(lines, rules, dags_in_image):
        (dags if affects == "dags" else image).update(os.fsencode(f"{text}\0"))
    if line_ends:
        for side in (dags, image):
            side.update(os.fsencode(f"line ends\t{line_ends}\0"))
    for value in sorted(image_inputs):
        image.update(b"input\t" + os.fsencode(f"{value}\0"))
    return Digests(dags=dags.hexdigest()[:_DIGITS], image=image.hexdigest()[:_DIGITS])


def _shipped(
    lines: Sequence[str], rules: Rules, dags_in_image: bool
) -> Iterator[tuple[Affects, str]]:
    """What affects each side, with paths that are relative there; directories as a whole.

    There may be a hundred thousand files, and a rule seldom tells those of a directory apart.
    """
    roots: dict[Affects, Sequence[str]] = {
        "image": (rules.project,),
        "dags": (rules.project,) if dags_in_image else rules.dags,
    }
    for directory, group in groupby(lines, key=_directory):
        found = list(group)
        affects = rules.affects_all_in(directory)
        text = "\0".join(found)
        if affects == "nothing":
            continue
        is_whole = text.count("\t") == len(found) and not _holds_leftovers(found, affects)
        if affects and is_whole and not (affects == "image" and rules.also_dags(f"{directory}/")):
            inner = _relative(f"{directory}/", roots[affects])
            yield affects, text.replace(f"\t{directory}/", f"\t{inner}")
            continue
        for line in found:
            meta, _, path = line.partition("\t")
            for side in _sides(path, rules):
                yield side, f"{meta}\t{_relative(path, roots[side])}"


def _sides(path: str, rules: Rules) -> Iterator[Affects]:
    affects, _ = rules.classify(path)
    if affects == "image":
        yield "image"
        if rules.also_dags(path):
            yield "dags"
    elif affects == "dags" and not rules.is_leftover(path):
        yield "dags"


def _holds_leftovers(lines: Sequence[str], affects: Affects | None) -> bool:
    return affects == "dags" and any(is_excluded_name(line.rpartition("/")[2]) for line in lines)


def _directory(line: str) -> str:
    return line.partition("\t")[2].rpartition("/")[0]


def _relative(path: str, roots: Sequence[str]) -> str:
    """A path from the first root that it lies below; from the repository, with `/`, elsewhere."""
    for root in roots:
        inner = below(path, root)
        if inner is not None:
            return inner
    return f"/{path}"
