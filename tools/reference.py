"""Write the reference tables of the documentation, the man pages, the JSON Schema, the inputs of
the actions and templates, and the index of the CI systems, from what they describe.

Usage: python tools/reference.py [--check]      --check fails when something is out of date.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import man
import messages
import migrating
import surfaces
import systems
import verbs
import yaml
from schema import SCHEMA, described, rendered_schema

from astro_ci import errors
from astro_ci.checks import rules
from astro_ci.configuration.file import DEPLOYMENT_KEYS, PROJECT_KEYS, TOP_KEYS
from astro_ci.planning.rules import default_ignore
from astro_ci.reporting.exit_code import SKIPPED_EXIT_CODE

ROOT = Path(__file__).parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OTHER_CODES = {
    0: "Deployed, or rightly skipped; the last line says which",
    1: "A bug of ours, with a traceback",
    SKIPPED_EXIT_CODE: "With `--fail-on-skip`: a Deployment was skipped",
    130: "Interrupted by SIGINT (143: by SIGTERM); says what became of the deploy",
}
ALSO = {
    1: ". With `plan --detailed-exitcode`: the plan failed; `error.exit_code` says how",
    2: ". With `plan --detailed-exitcode`: there is something to deploy",
}


def keys_table() -> Iterator[str]:
    """A row for each key of `astro-ci.yaml`."""
    yield "| key | where | meaning |"
    yield "|---|---|---|"
    places = {"top": TOP_KEYS, "project": PROJECT_KEYS, "Deployment": DEPLOYMENT_KEYS}
    for key in dict.fromkeys(key for found in places.values() for key in found):
        where = [place for place, found in places.items() if key in found]
        meaning = described(key).replace("*", r"\*")
        yield f"| `{key}` | {', '.join(where)} | {meaning} |"


def exit_codes_table() -> Iterator[str]:
    """A row for each exit code."""
    yield "| code | meaning |"
    yield "|---|---|"
    found = dict(OTHER_CODES)
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if "exit_code" in vars(error) and name not in ("AstroCIError", "CancelledError"):
            found[vars(error)["exit_code"]] = _first_clause(error)
    for code, meaning in sorted(found.items()):
        yield f"| {code} | {meaning}{ALSO.get(code, '')} |"


def default_ignore_list() -> Iterator[str]:
    """The globs that are ignored without being named."""
    yield ", ".join(f"`{glob}`" for glob in default_ignore(systems.files()))


def pipelines_list() -> Iterator[str]:
    """The systems that `init` writes a pipeline for."""
    yield ", ".join(systems.with_pipelines())


def rules_reference() -> Iterator[str]:
    """A section for each rule of the checks."""
    yield from ("", *rules.table(), "")


def github_inputs_table() -> Iterator[str]:
    """A row for each input of the actions."""
    deploy, plan = (_action(name) for name in ("deploy", "plan"))
    yield "| input | meaning |"
    yield "|---|---|"
    for name, given in {**deploy["inputs"], **plan["inputs"]}.items():
        only = "" if name in plan["inputs"] else " (deploy)"
        only = only if name in deploy["inputs"] else " (plan)"
        yield f"| `{name}` | {given['description'].strip()}{only} |"


def github_action_inputs_table(action: str) -> Iterator[str]:
    """A row for each input of an action of one verb."""
    yield "| input | meaning |"
    yield "|---|---|"
    for name, given in _action(action)["inputs"].items():
        yield f"| `{name}` | {given['description'].strip()} |"


def github_outputs_table() -> Iterator[str]:
    """A row for each output of the actions."""
    deploy, plan = (_action(name) for name in ("deploy", "plan"))
    yield "| output | meaning |"
    yield "|---|---|"
    for name, given in deploy["outputs"].items():
        only = "" if name in plan["outputs"] else " (deploy)"
        yield f"| `{name}` | {given['description']}{only} |"


def gitlab_inputs_table(template: str) -> Iterator[str]:
    """A row for each input of a template."""
    header = next(yaml.safe_load_all((ROOT / "gitlab-templates" / template).read_text()))
    yield "| input | default | meaning |"
    yield "|---|---|---|"
    for name, given in header["spec"]["inputs"].items():
        has_default = given["type"] == "string" and given["default"]
        default = f"`{given['default']}`" if has_default else ""
        words = [f"`{word}`" for word in given.get("options", ()) if word]
        one_of = f" One of {', '.join(words)}." if words else ""
        yield f"| `{name}` | {default} | {given['description'].strip()}{one_of} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "options": verbs.shared_table,
    "verbs": verbs.reference,
    "keys": keys_table,
    "errors": messages.index,
    "exit codes": exit_codes_table,
    "default ignore": default_ignore_list,
    "pipelines": pipelines_list,
    "migration": migrating.migration_table,
    "rules": rules_reference,
    "github inputs": github_inputs_table,
    "github outputs": github_outputs_table,
    "gitlab build inputs": functools.partial(gitlab_inputs_table, "build.yml"),
    "gitlab deploy inputs": functools.partial(gitlab_inputs_table, "deploy.yml"),
    "gitlab check inputs": functools.partial(gitlab_inputs_table, "checks.yml"),
    "github check inputs": functools.partial(github_action_inputs_table, "check"),
    "github build inputs": functools.partial(github_action_inputs_table, "build"),
    "gitlab plan inputs": functools.partial(gitlab_inputs_table, "plan.yml"),
}


def rendered(text: str) -> str:
    """The text with every table between its markers made anew."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        before, found, rest = text.partition(start)
        if not found:
            continue
        _, _, after = rest.partition(end)
        text = "\n".join([f"{before}{start}", *table(), f"{end}{after}"])
    return text


def _rendered_document(path: Path) -> str:
    return rendered(path.read_text())


WRITTEN: dict[Path, Callable[[], str]] = {
    **{path: functools.partial(surfaces.rendered, path) for path in surfaces.PATHS},
    **{path: functools.partial(_rendered_document, path) for path in DOCUMENTS},
    SCHEMA: rendered_schema,
    systems.PATH: systems.rendered_index,
    **{path: functools.partial(man.rendered, words) for path, words in man.PAGES.items()},
}


def _action(name: str) -> Any:
    return yaml.safe_load((ROOT / "actions" / name / "action.yml").read_text())


def _first_clause(error: type) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0].partition(";")[0].rstrip(".")


def main() -> int:
    """Write, or compare."""
    stale = []
    # The tables of inputs are made from the actions and templates, which so come first.
    for path, render in WRITTEN.items():
        new = render()
        if not path.exists() or path.read_text() != new:
            stale.append(path)
            if "--check" not in sys.argv[1:]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(new)
    if "--check" not in sys.argv[1:]:
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: run `make format`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
