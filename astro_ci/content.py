"""The identity of what is shipped: one digest for the DAGs, one for the image's inputs. Pure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence

from astro_ci.classify import Rules, below
from astro_ci.history import Digests
from astro_ci.model import TreeEntry

_DIGITS = 16


def digests(
    entries: Iterable[TreeEntry], rules: Rules, *, image_inputs: Sequence[str] = ()
) -> Digests:
    """Digest the shipped files by what they affect; files that affect nothing do not count.

    `image_inputs` is what else makes the image: build arguments, the target stage. Paths count
    relative to the DAGs directory and to the project, so that neither may be moved unnoticed,
    and a checkout elsewhere is the same.
    """
    dags, image = hashlib.sha256(), hashlib.sha256()
    # By bytes: the order of characters is another one in another locale.
    for entry in sorted(entries, key=lambda entry: os.fsencode(entry.path)):
        affects, _ = rules.classify(entry.path)
        if affects == "nothing":
            continue
        side, roots = (dags, rules.dags) if affects == "dags" else (image, (rules.project,))
        _add(side, _relative(entry.path, roots), entry.mode, entry.object_id)
    for text in sorted(image_inputs):
        _add(image, "", "input", text)
    return Digests(dags=dags.hexdigest()[:_DIGITS], image=image.hexdigest()[:_DIGITS])


def _relative(path: str, roots: Sequence[str]) -> str:
    inner = next((name for root in roots if (name := below(path, root)) is not None), None)
    return f"/{path}" if inner is None else inner


def _add(digest: hashlib._Hash, *fields: str) -> None:
    digest.update(b"\0".join(os.fsencode(field) for field in fields) + b"\0\n")
