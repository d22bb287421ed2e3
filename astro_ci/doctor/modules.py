"""Check the working directory for modules that hide installed ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import all_suffixes
from pathlib import Path

from astro_ci.doctor.check import Check, ok, warning
from astro_ci.text import listed

DEPENDENCIES = (
    *("click", "docker", "git", "isal", "msgspec", "pathspec", "requests", "tenacity"),
    "yaml",
)
"""Modules that astro-ci imports, maybe later in the run."""
_OURS = "astro_ci"


def modules(directory: Path, *, loaded: Iterable[str] = ()) -> Check:
    """Look for modules that `python -m astro_ci` would load instead of the installed ones.

    `loaded` are the names of all modules that this process has loaded.
    """
    known = {*sys.stdlib_module_names, _OURS, *DEPENDENCIES, *loaded} - {"__main__"}
    found = sorted(_shadowing(directory, known))
    if not found:
        return ok("modules", "no file here takes the place of a Python module")
    return warning(
        "modules",
        f"the working directory holds {listed(found)}, which `python -m astro_ci` loads instead of "
        "the installed modules of the same names",
        "Start `astro-ci`, or `python -P -m astro_ci`: they load nothing from the working "
        "directory.",
    )


def _shadowing(directory: Path, known: set[str]) -> Iterable[str]:
    """List the files and packages with these import names, except those of astro-ci itself."""
    ours = Path(__file__).parent.parent
    for path in directory.iterdir():
        name, _, _ = path.name.partition(".")
        ends = [path.name.removeprefix(name)]
        if path.is_dir():
            ends = [file.name.removeprefix("__init__") for file in path.glob("__init__.*")]
        if name in known and path.resolve() != ours and {*ends} & {*all_suffixes()}:
            yield f"{path.name}/" if path.is_dir() else path.name
