"""Look at the existing pipeline files of a repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from astro_ci.configuration.nodes import LOADER
from astro_ci.pipelines.systems import System
from astro_ci.project.files import read_text
from astro_ci.text import listed

_MOST_BYTES = 1_000_000
_DEPLOYS = re.compile(
    r"^(?![^\S\n]*(?:#|//))(?:(?! #).)*\b(astronomer/deploy-action|astro[ \t]+deploy)\b", re.M
)
_IS_OURS = re.compile(
    r"^[^\S\n]*(?!#|//)\S.*\b"
    r"(?:astro-ci/astro_ci@|gitlab-templates/deploy\.yml|astro[-_]ci[ \t]+deploy)",
    re.M,
)


def how_to_add(system: System, there: Path, pipeline: str) -> Iterator[str]:
    """Return warnings about adding the pipeline to an existing file."""
    if _IS_OURS.search(_text(there)):
        yield (
            f"{system.path} already deploys with astro-ci: change that instead of adding a second "
            "deploy"
        )
    present, ours = _mapping(_text(there)), _mapping(pipeline)
    shared = [key for key in ours if key in present]
    if shared:
        yield (
            f"{system.path} already has {listed(shared)}: add the new content under the existing "
            f"key{'s' if len(shared) > 1 else ''}, as YAML allows each key only once"
        )
    stages = present.get("stages")
    names = stages.value if isinstance(stages, yaml.SequenceNode) else []
    stage = system.pipeline.stage
    is_known = stage and names and all(map(_is_text, names))
    if is_known and stage not in [one.value for one in names]:
        yield (
            f"{system.path} has no stage {stage}: add it to `stages`, or name another one "
            "with the input `stage`"
        )


def other_deploys(root: Path, systems: Iterable[System]) -> Iterator[str]:
    """Find pipeline files that may already deploy to Astro in another way."""
    markers = [marker for system in systems for marker in system.pipeline.markers]
    for path in sorted({path for marker in markers for path in root.glob(marker)}):
        if found := _DEPLOYS.search(_text(path)):
            yield (
                f"{path.relative_to(root)} has `{found[1]}`: if that deploys to the same "
                "Deployment, remove it, as two deploys of one push race with each other"
            )


def _mapping(text: str) -> Mapping[str, yaml.Node]:
    """The file's keys, as they are written; of one that has a header, those after it.

    Nothing is made of the values, whose tags (`!reference`) are the CI system's own.
    """
    try:
        found = list(yaml.compose_all(text, LOADER))[-1:]
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not found or not isinstance(found[0], yaml.MappingNode):
        return {}
    return {key.value: value for key, value in found[0].value if _is_text(key)}


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.tag.startswith("!")


def _text(path: Path) -> str:
    try:
        return read_text(path, most_bytes=_MOST_BYTES, errors="replace")
    except OSError:
        return ""
