"""The index of the CI systems, made from their modules."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from astro_ci.ci import systems
from astro_ci.ci.system import CISystem

PATH = Path(systems.__file__).with_name("index.py")
_NO_SYSTEMS = ("index",)


def found() -> list[CISystem]:
    """The systems, in the order in which they are asked."""
    names = [one.name for one in pkgutil.iter_modules(systems.__path__)]
    modules = {n: import_module(f"{systems.__name__}.{n}") for n in names if n not in _NO_SYSTEMS}
    for name, module in modules.items():
        if module.SYSTEM.key != name:
            raise SystemExit(f"the module {name} holds the system {module.SYSTEM.key}")
    loaded: list[CISystem] = [module.SYSTEM for module in modules.values()]
    return sorted(loaded, key=lambda system: (system.turn, system.key))


def files() -> list[str]:
    """What they keep in a repository."""
    return [file for system in found() for file in system.files]


def with_pipelines() -> list[str]:
    """The names of those that `init` writes a pipeline for, in the order in which it lists them."""
    ranked = sorted((s.pipeline.rank, s.key, s.name) for s in found() if s.pipeline)
    return [name for _, _, name in ranked]


def rendered_index() -> str:
    """The module as it has to be."""
    return "\n".join(
        [
            '"""The CI systems of this package. Generated from their modules by `make format`."""',
            "",
            "from __future__ import annotations",
            "",
            "MARKS = {",
            *(f'    "{system.key}": {_dict(system.marks)},' for system in found()),
            "}",
            '"""The variables that show each system, in the order in which they are asked."""',
            "",
            *_tuple("FILES", files()),
            '"""Globs of what they keep in a repository, which no deploy depends on."""',
            "",
        ]
    )


def _dict(marks: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'"{name}": "{word}"' for name, word in marks.items()) + "}"


def _tuple(name: str, values: Sequence[str]) -> Iterator[str]:
    yield f"{name} = ("
    yield from (f'    "{value}",' for value in values)
    yield ")"
