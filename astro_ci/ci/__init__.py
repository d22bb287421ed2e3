"""CI systems: their facts about the run, and the commands for their logs."""

from __future__ import annotations

from astro_ci.ci.access import git_access
from astro_ci.ci.context import CIContext
from astro_ci.ci.detect import detect, system_in
from astro_ci.ci.dialects.base import Dialect, Level
from astro_ci.ci.systems import dialect_for, system_of

__all__ = [
    "CIContext",
    "Dialect",
    "Level",
    "detect",
    "dialect_for",
    "git_access",
    "system_in",
    "system_of",
]
