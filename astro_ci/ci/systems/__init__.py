"""The CI systems, a module for each, which is loaded when the system is asked for.

A system is the value SYSTEM of its module or package; `index` lists them. Nothing else has to name
a system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.resources import files
from typing import TextIO

from astro_ci.ci.dialects.base import Dialect
from astro_ci.ci.lookup import Lookup
from astro_ci.ci.system import CISystem
from astro_ci.ci.systems.index import MARKS


def system_of(key: str) -> CISystem:
    """Load the CI system with this `CIContext.key`. Raises KeyError for an unknown key."""
    if key not in MARKS:
        raise KeyError(key)
    found: CISystem = import_module(f"{__name__}.{key}").SYSTEM
    return found


def all_systems() -> Iterator[CISystem]:
    """Load one after the other, in the order in which they are asked."""
    return map(system_of, MARKS)


def system_here(env: Lookup) -> CISystem:
    """Load the CI system of this run, the first one with a mark in the environment."""
    return next(system_of(key) for key, marks in MARKS.items() if not marks or _has(env, marks))


def _has(env: Lookup, marks: Mapping[str, str]) -> bool:
    return any(env.says(name, word) if word else env.text(name) for name, word in marks.items())


def template_of(system: CISystem) -> str:
    """Read the template of the pipeline file; the system has a `pipeline`."""
    return files(f"{__name__}.{system.key}").joinpath("pipeline.template").read_text("utf-8")


def dialect_for(key: str, *, env: Mapping[str, str], out: TextIO) -> Dialect:
    """Choose the dialect of the CI system with this `CIContext.key`, writing to `out`.

    `out` is a stream that the CI system reads: stderr, where stdout is for results.
    """
    return system_of(key).speak(out, env)
