"""The table of rules: what each finding means and how to fix it, as in `docs/checks.md`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astro_ci.finding import CheckName


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A kind of finding. A rule keeps its name, because users write names in `checks.ignore`."""

    name: str
    title: str
    """A few words, used as a heading."""
    meaning: str
    """Whole sentences."""
    remedy: str
    """Whole sentences."""
    checks: tuple[CheckName, ...] = ("static",)
    """The checks that report this rule."""


_RULES = (
    Rule(
        name="dag-syntax",
        title="The file is not valid Python",
        meaning="The file does not compile for the Python version of the Runtime. The finding is "
        "an error when Airflow parses the file or imports it, and a warning otherwise.",
        remedy="Correct the line. If the syntax is newer than the Runtime's Python, write it the "
        "older way or upgrade the Runtime. List templates in `.airflowignore`.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-import",
        title="The file cannot be imported",
        meaning="Importing the DAG file raises an exception, or the file imports a module that "
        "neither the project, its requirements, Airflow nor Python has.",
        remedy="Correct the line that the finding names. Add a missing package to "
        "`requirements.txt`, or the missing module to the project.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-duplicate-id",
        title="Two DAGs have the same id",
        meaning="Airflow keeps one DAG for each id, so the DAG that it loads later replaces the "
        "other one or is refused.",
        remedy="Give each DAG its own `dag_id`.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-timeout",
        title="The file takes too long to load",
        meaning="Airflow stops loading a file after a time limit, and then has none of its DAGs.",
        remedy="Move slow work, such as queries and downloads, from the top of the file into "
        "tasks. Raise the limit with `--max-parse-seconds` if the Deployment's limit is higher.",
        checks=("parse",),
    ),
    Rule(
        name="dag-none",
        title="There is no DAG",
        meaning="Airflow would find no DAG in what is deployed. Airflow parses a file only when "
        "the file mentions both `airflow` and `dag`.",
        remedy="Check `--dags-path` and `.airflowignore`. If a Deployment without DAGs is "
        "intended, use `--allow-no-dags`.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-encoding",
        title="The file is not text that Python can decode",
        meaning="The file holds a null byte, or bytes that are not UTF-8 although no coding line "
        "names another encoding. Python refuses such a file.",
        remedy="Save the file as UTF-8.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-unreadable",
        title="The file cannot be read",
        meaning="The file is there and could not be read, so it could not be checked.",
        remedy="Check the permissions of the file in the checkout.",
        checks=("static", "parse"),
    ),
    Rule(
        name="dag-crash",
        title="The file ends the process that loads it",
        meaning="Loading the file ends Python itself: a crash in native code, `os._exit`, too much "
        "memory, or a signal that the file sends. Airflow then has none of its DAGs, and shows no "
        "import error.",
        remedy="Look at the line that the finding names, and at the native packages that the file "
        "imports.",
        checks=("parse",),
    ),
    Rule(
        name="dag-fork",
        title="The file starts a process while it is loaded",
        meaning="The file calls `os.fork` at its top. Airflow loads the file over and over, and "
        "starts another process each time.",
        remedy="Move the code into a task.",
        checks=("parse",),
    ),
    Rule(
        name="dag-link",
        title="The link leads nowhere on Astro",
        meaning="The link leads out of the project, or to a file that does not exist where Airflow "
        "runs. Airflow 2 does not see such a file, and Airflow 3 refuses the bundle.",
        remedy="Replace the link with the file that it points to.",
        checks=("parse",),
    ),
    Rule(
        name="dag-stand-in",
        title="Whether the file can be loaded depends on a made-up value",
        meaning="The file reads an Airflow Variable or a Connection while it is loaded. The check "
        "does not know the value: with a text in its place the file fails, and with a value that "
        "is text, number and JSON at once it loads.",
        remedy="Give the real value with `--set-variable` or `--env-file`, give the call a "
        "default, or read the value in a task.",
        checks=("parse",),
    ),
    Rule(
        name="dag-variable",
        title="The file reads a Variable while it is loaded",
        meaning="Airflow loads the file over and over, and asks its database or secrets backend "
        "for the Variable each time. The check had no value for it, so it used the default of the "
        "call, or a made-up value.",
        remedy="Read the Variable in a task, or with a template. To check with the real value, use "
        "`--set-variable`.",
        checks=("parse",),
    ),
    Rule(
        name="dag-connection",
        title="The file reads a Connection while it is loaded",
        meaning="Airflow loads the file over and over, and asks its database or secrets backend "
        "for the Connection each time. The check had no value for it, so it used a made-up one.",
        remedy="Read the Connection in a task. To check with a real value, set `AIRFLOW_CONN_NAME` "
        "in the file that `--env-file` names.",
        checks=("parse",),
    ),
    Rule(
        name="plugin-import",
        title="The plugin cannot be loaded",
        meaning="Airflow goes on without a plugin that it cannot import.",
        remedy="Correct the plugin, or remove it.",
        checks=("parse",),
    ),
    Rule(
        name="dag-too-large",
        title="The file is too large to be checked",
        meaning="A Python file of more than 2 MiB takes too much memory to compile.",
        remedy="Move data from the file into a data file, such as JSON.",
    ),
    Rule(
        name="dag-too-complex",
        title="The file is too complex to be compiled",
        meaning="Python gave up on the file: its expressions are nested too deeply, or compiling "
        "it takes too much memory or time.",
        remedy="Split the expression into several statements.",
    ),
    Rule(
        name="dag-bad-zip",
        title="The zip file cannot be opened",
        meaning="Airflow looks for DAGs in zip files, and this one is damaged or encrypted.",
        remedy="Build the archive anew, or list it in `.airflowignore`.",
    ),
    Rule(
        name="dag-link-loop",
        title="A directory is reached twice",
        meaning="Airflow follows links, and stops looking for DAGs altogether when it meets a "
        "directory a second time.",
        remedy="Remove the link, or list it in `.airflowignore`.",
    ),
    Rule(
        name="airflowignore-pattern",
        title="A line of `.airflowignore` has no effect",
        meaning="The line is not valid in the syntax that the Runtime uses (regular expressions "
        "on Airflow 2, globs as in `.gitignore` on Airflow 3), so Airflow skips it.",
        remedy="Correct the line.",
    ),
    Rule(
        name="airflow-AIR301",
        title="The name was removed in Airflow 3",
        meaning="Ruff's AIR301: Airflow 3 no longer has what the file uses.",
        remedy="Use the replacement that the finding names.",
    ),
    Rule(
        name="airflow-AIR302",
        title="The name moved to a provider in Airflow 3",
        meaning="Ruff's AIR302: what the file imports now comes from a provider package.",
        remedy="Import it from the provider, and add the provider to `requirements.txt`.",
    ),
    Rule(
        name="airflow-AIR303",
        title="The signature changed in Airflow 3",
        meaning="Ruff's AIR303: the call does not fit the function's parameters in Airflow 3.",
        remedy="Change the arguments as the finding says.",
    ),
    Rule(
        name="airflow-AIR311",
        title="The name is deprecated in Airflow 3",
        meaning="Ruff's AIR311: the name still works in Airflow 3, and will be removed.",
        remedy="Use the replacement that the finding names.",
    ),
    Rule(
        name="airflow-AIR312",
        title="The name moves to a provider",
        meaning="Ruff's AIR312: the import still works in Airflow 3, and will be removed.",
        remedy="Import it from the provider, and add the provider to `requirements.txt`.",
    ),
    Rule(
        name="lint-F821",
        title="The name is not defined",
        meaning="Ruff's F821: the code uses a name that nothing defines, and fails with a "
        "`NameError` when the line runs.",
        remedy="Import or define the name.",
    ),
    Rule(
        name="lint-E9",
        title="The linter cannot read the file",
        meaning="Ruff's E9 rules: the file has an error that keeps ruff from reading it.",
        remedy="Correct the line.",
    ),
    Rule(
        name="test-failed",
        title="A test failed",
        meaning="A test of the project failed, or could not be run.",
        remedy="Correct the code or the test. The log holds the whole output of pytest.",
        checks=("pytest",),
    ),
)

RULES: Mapping[str, Rule] = {rule.name: rule for rule in _RULES}
"""The rules by name, in the order of the documentation."""


def table() -> list[str]:
    """Return the reference of the rules, as lines of Markdown."""
    lines = []
    for rule in _RULES:
        made_by = ", ".join(rule.checks)
        lines += [f"### `{rule.name}`", "", f"**{rule.title}** ({made_by}). {rule.meaning}", ""]
        lines += [rule.remedy, ""]
    return lines[:-1]
