"""The examples, by their directory: a module for each CI system."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tests.surfaces.examples.system import System

KEYS = sorted(module.name for module in pkgutil.iter_modules(__path__))
"""As `astro_ci` calls them, and `shell`."""
BY_KEY: dict[str, System] = {key: import_module(f"{__name__}.{key}").SYSTEM for key in KEYS}
SYSTEMS = {system.directory: system for system in BY_KEY.values()}
