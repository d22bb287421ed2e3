"""Find the step of astronomer/deploy-action in a repository, and keep its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml
from msgspec import Struct

from astro_ci.configuration.config import options
from astro_ci.configuration.nodes import LOADER
from astro_ci.pipelines.systems import System
from astro_ci.project.files import read_text
from astro_ci.text import listed

_ACTION = "astronomer/deploy-action@"
_MOST_BYTES = 1_000_000
_CREDENTIALS = ("ASTRO_API_TOKEN", "ASTRONOMER_KEY_ID", "ASTRONOMER_KEY_SECRET")
_SAID_ELSEWHERE = ("deployment-id", "deployment-name", "root-folder", "project")
"""What astro-ci.yaml says."""


class OldStep(Struct, frozen=True, kw_only=True):
    """A step of deploy-action, as it is written."""

    path: str
    """The file, from the repository's root."""
    inputs: Mapping[str, str]
    env: Mapping[str, str]
    """The credentials that it gets, from its own `env` or from one around it."""

    @property
    def deployment_id(self) -> str:
        """The id; empty when an expression stands in its place."""
        return _plain(self.inputs.get("deployment-id", ""))

    @property
    def deployment_name(self) -> str:
        """The name; empty when an expression stands in its place."""
        return _plain(self.inputs.get("deployment-name", ""))

    @property
    def kept(self) -> dict[str, str]:
        """The inputs for the new step."""
        known = set(_known_inputs()) - {*_SAID_ELSEWHERE}
        return {name: text for name, text in self.inputs.items() if name in known}

    def notes(self) -> Iterator[str]:
        """What is kept, and what is lost."""
        if self.kept:
            yield f"kept from the step in {self.path}: {listed([*self.kept], most=20)}"
        named = [name for name in _SAID_ELSEWHERE[:2] if _is_expression(self.inputs.get(name, ""))]
        if named:
            yield (
                f"the step in {self.path} takes its {listed(named)} from an expression: "
                "astro-ci.yaml names the Deployment instead"
            )
        lost = sorted({*self.inputs} - {*self.kept} - {*_SAID_ELSEWHERE})
        if lost:
            yield (
                f"not kept from the step in {self.path}, as there is no such input here: "
                f"{listed(lost, most=20)}"
            )


def old_step(root: Path, systems: Iterable[System]) -> OldStep | None:
    """Find the step; None when there is no step, or more than one."""
    globs = {marker for system in systems for marker in system.pipeline.markers}
    paths = sorted({path for glob in globs for path in root.glob(glob) if path.is_file()})
    found = [step for path in paths for step in _steps(root, path)]
    return found[0] if len(found) == 1 else None


def _steps(root: Path, path: Path) -> Iterator[OldStep]:
    try:
        text = read_text(path, most_bytes=_MOST_BYTES, errors="replace")
        node = yaml.compose(text, LOADER) if _ACTION in text else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return
    for step, env in _walk(node, {}, set()):
        yield OldStep(
            path=path.relative_to(root).as_posix(),
            inputs=_texts(_mapping(step.get("with"))),
            env={name: text for name, text in env.items() if name in _CREDENTIALS},
        )


def _walk(
    node: yaml.Node | None, env: Mapping[str, str], seen: set[int]
) -> Iterator[tuple[Mapping[str, yaml.Node], Mapping[str, str]]]:
    """Yield each step of the action below a node, with the variables of its job."""
    if id(node) in seen:  # an alias: what it names may hold itself, or be named a million times
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, env, seen)
    if isinstance(node, yaml.MappingNode):
        found = _mapping(node)
        env = {**env, **_texts(_mapping(found.get("env")))}
        uses = found.get("uses")
        if isinstance(uses, yaml.ScalarNode) and uses.value.startswith(_ACTION):
            yield found, env
        for value in found.values():
            yield from _walk(value, env, seen)


def _mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _texts(nodes: Mapping[str, yaml.Node]) -> dict[str, str]:
    return {name: node.value for name, node in nodes.items() if isinstance(node, yaml.ScalarNode)}


def _known_inputs() -> Iterator[str]:
    for row in options():
        if row.has_input:
            yield from (row.action_input or row.stem, *row.input_aliases)


def _is_expression(text: str) -> bool:
    return "${{" in text


def _plain(text: str) -> str:
    return "" if _is_expression(text) else text.strip()
