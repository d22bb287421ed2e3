"""The identity of what is shipped: one digest for the DAGs, one for the image's inputs. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby

from astro_ci.classify import Rules
from astro_ci.excludes import is_excluded_name
from astro_ci.history import Digests
from astro_ci.model import Affects
from astro_ci.paths import below

_DIGITS = 16


def digests(lines: Sequence[str], rules: Rules, *, image_inputs: Sequence[str] = ()) -> Digests:
    """Digest the shipped files by what they affect; files that affect nothing do not count.

    A line is `mode object 0<TAB>path`, as `git ls-files --stage` prints a file, and they are
    sorted by the bytes of the paths, as git sorts them. `image_inputs` is what else makes the
    image: build arguments, the target stage.

    Paths count relative to the DAGs directory and to the project, so that a checkout elsewhere
    is the same.
    """
    dags, image = hashlib.sha256(), hashlib.sha256()
    for affects, text in _shipped(lines, rules):
        (dags if affects == "dags" else image).update(os.fsencode(f"{text}\0"))
    for value in sorted(image_inputs):
        image.update(b"input\t" + os.fsencode(f"{value}\0"))
    return Digests(dags=dags.hexdigest()[:_DIGITS], image=image.hexdigest()[:_DIGITS])


def _shipped(lines: Sequence[str], rules: Rules) -> Iterator[tuple[Affects, str]]:
    """What affects each side, with paths that are relative there; directories as a whole.

    There may be a hundred thousand files, and a rule seldom tells those of a directory apart.
    """
    for directory, group in groupby(lines, key=_directory):
        found = list(group)
        affects = rules.affects_all_in(directory)
        text = "\0".join(found)
        if affects == "nothing":
            continue
        if affects and text.count("\t") == len(found) and not _holds_leftovers(found, affects):
            inner = _relative(f"{directory}/", rules, affects)
            yield affects, text.replace(f"\t{directory}/", f"\t{inner}")
            continue
        for line in found:
            meta, _, path = line.partition("\t")
            affects, _ = rules.classify(path)
            if affects != "nothing":
                yield affects, f"{meta}\t{_relative(path, rules, affects)}"


def _holds_leftovers(lines: Sequence[str], affects: Affects) -> bool:
    return affects == "dags" and any(is_excluded_name(line.rpartition("/")[2]) for line in lines)


def _directory(line: str) -> str:
    return line.partition("\t")[2].rpartition("/")[0]


def _relative(path: str, rules: Rules, affects: Affects) -> str:
    """A path from the DAGs directory or the project; from the repository, with `/`, elsewhere."""
    for root in rules.dags if affects == "dags" else (rules.project,):
        inner = below(path, root)
        if inner is not None:
            return inner
    return f"/{path}"
