"""Write the reference tables of the README from the code that they describe.

Usage: python tools/reference.py [--check]      --check fails when a table is out of date.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from astro_ci import errors
from astro_ci.classify import DEFAULT_IGNORE
from astro_ci.cli import cli

README = Path(__file__).parent.parent / "README.md"
OTHER_CODES = {
    0: "Deployed, or rightly skipped; the last line says which",
    1: "A bug of ours, with a traceback",
    130: "Interrupted by SIGINT (143: by SIGTERM); says what became of the deploy",
}


def options_table() -> Iterator[str]:
    """A row for each option of plan and deploy."""
    yield "| option | variable | default | meaning |"
    yield "|---|---|---|---|"
    shared = {option.name for option in _options("plan")}
    for option in _options("deploy"):
        only = "" if option.name in shared else " (deploy)"
        variables = ", ".join(f"`{name}`" for name in _variables(option))
        names = " / ".join([*option.opts, *option.secondary_opts])
        help_text = (option.help or "").partition("  [env var")[0]
        yield f"| `{names}` | {variables} | {_default(option)} | {help_text}{only} |"


def exit_codes_table() -> Iterator[str]:
    """A row for each exit code."""
    yield "| code | meaning |"
    yield "|---|---|"
    found = dict(OTHER_CODES)
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if "exit_code" in vars(error) and name not in ("AstroCIError", "CancelledError"):
            found[vars(error)["exit_code"]] = _first_clause(error)
    for code, meaning in sorted(found.items()):
        yield f"| {code} | {meaning} |"


def default_ignore_list() -> Iterator[str]:
    """The globs that are ignored without being named."""
    yield ", ".join(f"`{glob}`" for glob in DEFAULT_IGNORE)


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "options": options_table,
    "exit codes": exit_codes_table,
    "default ignore": default_ignore_list,
}


def rendered(text: str) -> str:
    """The text with every table between its markers made anew."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = "\n".join([f"{before}{start}", *table(), f"{end}{after}"])
    return text


def _first_clause(error: type) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0].partition(";")[0].rstrip(".")


def _options(command: str) -> list[click.Option]:
    return [option for option in cli.commands[command].params if isinstance(option, click.Option)]


def _variables(option: click.Option) -> list[str]:
    if option.name == "base":
        return ["ASTRO_CI_BASE"]
    names: Any = option.envvar or []
    return [names] if isinstance(names, str) else list(names)


def _default(option: click.Option) -> str:
    if option.multiple or (option.is_flag and not option.secondary_opts) or option.default is None:
        return ""
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    text = str(option.default)
    return f"`{text}`" if text and "UNSET" not in text.upper() else ""


def main() -> int:
    """Write, or compare."""
    text = README.read_text()
    if "--check" in sys.argv[1:]:
        return 0 if rendered(text) == text else 1
    README.write_text(rendered(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
