"""The pipeline files that a repository has already, and what they mean for ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from astro_ci.commands.init.systems import System
from astro_ci.text import listed

_GITLAB_STAGE = "deploy"
_MOST_BYTES = 1_000_000
_DEPLOYS = re.compile(
    r"^(?!\s*(?:#|//))(?:(?! #).)*\b(astronomer/deploy-action|astro[ \t]+deploy)\b", re.M
)


class _AnyTag(yaml.SafeLoader):
    """Takes YAML with the tags of any CI system, such as `!reference`."""


_AnyTag.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def how_to_add(system: System, there: Path, pipeline: str) -> Iterator[str]:
    """What to mind when the pipeline is added to the file that is there."""
    present, ours = _mapping(_text(there)), _mapping(pipeline)
    shared = [key for key in ours if key in present]
    if shared:
        yield (
            f"{system.path} has {listed(shared)} already: put what is in ours into "
            f"{'those' if len(shared) > 1 else 'that'}, as YAML takes only one of each"
        )
    stages = present.get("stages")
    names = stages if isinstance(stages, list) else []
    is_known = names and all(isinstance(name, str) for name in names)
    if system.key == "gitlab" and is_known and _GITLAB_STAGE not in names:
        yield (
            f"{system.path} has no stage {_GITLAB_STAGE}: add it to `stages`, or name another one "
            "with the input `stage`"
        )


def other_deploys(root: Path, systems: Iterable[System]) -> Iterator[str]:
    """The pipeline files that may deploy to Astro in another way."""
    markers = [marker for system in systems for marker in system.markers]
    for path in sorted({path for marker in markers for path in root.glob(marker)}):
        if found := _DEPLOYS.search(_text(path)):
            yield (
                f"{path.relative_to(root)} has `{found[1]}`: if that deploys to the same "
                "Deployment, remove it, as two deploys of one push race with each other"
            )


def _mapping(text: str) -> Mapping[str, Any]:
    """The file's keys; of one that has a header, those after it."""
    try:
        found = list(yaml.load_all(text, _AnyTag))[-1:]
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not found or not isinstance(found[0], dict):
        return {}
    # The old YAML that this reads takes the word for a boolean.
    return {"on" if key is True else str(key): value for key, value in found[0].items()}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
