"""Write what the GitHub actions and the GitLab templates share, and their inputs.

Between a line `# NAME: generated` and the next `# NAME: end`, text is made; the rest is written by
hand.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from astro_ci.commands.build import build
from astro_ci.commands.check import check
from astro_ci.commands.deploy import deploy
from astro_ci.commands.plan import plan
from astro_ci.configuration import kinds
from astro_ci.configuration.option import Option
from astro_ci.terminal.options import RowOption, shown_default

ROOT = Path(__file__).parent.parent
VERBS: dict[str, click.Command] = {
    "build": build,
    "check": check,
    "deploy": deploy,
    "plan": plan,
}
ACTIONS = {
    "action.yml": "deploy",
    "actions/build/action.yml": "build",
    "actions/check/action.yml": "check",
    "actions/deploy/action.yml": "deploy",
    "actions/plan/action.yml": "plan",
}
TEMPLATES = {
    "gitlab-templates/build.yml": "build",
    "gitlab-templates/checks.yml": "check",
    "gitlab-templates/deploy.yml": "deploy",
    "gitlab-templates/plan.yml": "plan",
}
FILES = ("sarif", "junit_xml", "code_quality", "save_to")
"""Fields that no template has an input for: GitLab takes the files from where its job says."""
WIDTH = 98
_YAML_WORDS = ("true", "false", "yes", "no", "on", "off")
"""What YAML takes for a boolean without quotes."""


def rows(verb: str) -> Sequence[Option]:
    """The options of a verb that a pipeline can set."""
    found = [param.row for param in VERBS[verb].params if isinstance(param, RowOption)]
    return [row for row in found if row and row.has_input]


def action_inputs(verb: str) -> Iterator[str]:
    """The inputs of an action, and their other names."""
    for row in rows(verb):
        name = row.action_input or row.stem
        yield from _input(name, _described(row, words=row.kind is kinds.BOOLEAN))
        for alias in row.input_aliases:
            same = f"The same as `{name}`, for workflows that come from astronomer/deploy-action."
            yield from _input(alias, same)


def action_variables(verb: str) -> Iterator[str]:
    """What hands the inputs of an action to the command."""
    for row in rows(verb):
        names = (row.action_input or row.stem, *row.input_aliases)
        inputs = " || ".join(f"inputs.{name}" for name in names)
        yield f"        {row.variable}: ${{{{ {inputs} || env.{row.variable} }}}}"


def _template_rows(verb: str) -> Sequence[Option]:
    return [row for row in rows(verb) if row.field not in FILES]


def _template_input(row: Option) -> str:
    return row.template_input or row.stem


def template_inputs(verb: str) -> Iterator[str]:
    """The inputs of a template."""
    for row in _template_rows(verb):
        yield f"    {_template_input(row)}:"
        is_variable = row.kind in (kinds.ID, kinds.IMAGE_NAME, kinds.TARGET_NAME)
        may_be = " May be a variable that holds it." if is_variable else ""
        yield from _description(f"{_described(row)}{may_be}", indent=6)
        yield "      type: string"
        if row.kind.words:
            quoted = (f'"{word}"' if word in _YAML_WORDS else word for word in row.kind.words)
            yield f'      options: ["", {", ".join(quoted)}]'
        yield '      default: ""'


def template_variables(verb: str) -> Iterator[str]:
    """What hands the inputs of a template to the command."""
    for row in _template_rows(verb):
        value = f'"$[[ inputs.{_template_input(row)} ]]"'
        if row.kind.is_name:
            yield f"    {row.variable}: {value}"
        else:
            yield from _unexpanded(row.variable, value)
        if row.field == "image_name":
            yield "    # The name as it was given, which may be a variable of an earlier job."
            yield from _unexpanded("ASTRO_TEMPLATE_IMAGE_NAME", value)


def _unexpanded(name: str, value: str) -> tuple[str, ...]:
    return (f"    {name}:", f"      value: {value}", "      expand: false")


# A template can include no file of its own repository where it is included by its URL.
_NAMED_IMAGE = """\
    # An empty variable would mean another image.
    - >-
      test -n "$ASTRO_CI_IMAGE_NAME" || test -z "$ASTRO_TEMPLATE_IMAGE_NAME" ||
      { echo "error: image-name is $ASTRO_TEMPLATE_IMAGE_NAME, which is empty in this job. Add the
      job that sets it to needs." >&2; exit 2; }
"""
_PYTHON = """\
    # The default image has git and the docker command, but no Python.
    - command -v python3 >/dev/null || apk add --quiet --no-cache py3-pip python3
"""
_RUN = """\
    # pip's settings in the job or the image may be for the project.
    - >-
      test -z "$ASTRO_CI_PACKAGE" ||
      env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT -u PIP_REQUIREMENT -u PIP_NO_BINARY
      -u PIP_DRY_RUN -u PIP_PYTHON
      PIP_REQUIRE_VIRTUALENV=0 PIP_USER=0 PIP_CONSTRAINT=/dev/null
      python3 -I -m pip install --quiet --disable-pip-version-check --no-input --no-compile
      --root-user-action ignore --target "$PWD.astro-ci" -- "$ASTRO_CI_PACKAGE"
    # -P and -I: Python does not import modules of the checkout.
    - PYTHONPATH="$PWD.astro-ci" python3 -P -m astro_ci {verb}
"""


def template_start(verb: str) -> Iterator[str]:
    """The first commands of a template's job: what it needs is there."""
    if any(row.field == "image_name" for row in _template_rows(verb)):
        yield from _NAMED_IMAGE.splitlines()
    yield from _PYTHON.splitlines()


def template_run(verb: str) -> Iterator[str]:
    """The last commands of a template's job: install the package, and run the verb."""
    yield from _RUN.format(verb=verb).splitlines()


_ACTION_PARTS: dict[str, Callable[[str], Iterator[str]]] = {
    "inputs": action_inputs,
    "variables": action_variables,
}
_TEMPLATE_PARTS: dict[str, Callable[[str], Iterator[str]]] = {
    "inputs": template_inputs,
    "variables": template_variables,
    "start": template_start,
    "run": template_run,
}


def rendered(path: Path) -> str:
    """The text of an action or a template with its generated lines made anew."""
    name = path.relative_to(ROOT).as_posix()
    is_action = name in ACTIONS
    verb = (ACTIONS if is_action else TEMPLATES)[name]
    parts = _ACTION_PARTS if is_action else _TEMPLATE_PARTS
    lines: list[str] = []
    end = ""
    for line in path.read_text().splitlines():
        words = line.strip()
        if words == end:
            end = ""
        if not end:
            lines.append(line)
        for part, make in parts.items():
            if words == f"# {part}: generated":
                lines += make(verb)
                end = f"# {part}: end"
    return "\n".join(lines) + "\n"


def _described(row: Option, *, words: bool = False) -> str:
    help_text = row.help
    if row.kind.is_list:
        help_text += " One a line."
    if words:
        help_text = f"{help_text.removesuffix('.')}: {' or '.join(row.kind.words)}."
    if row.input_help:
        help_text += f" {row.input_help}"
    default = shown_default(row)
    if "Default:" not in help_text and default not in (None, "", ()):
        text = str(default).lower() if isinstance(default, bool) else default
        help_text += f" Default: {text}."
    return help_text


def _input(name: str, description: str) -> Iterator[str]:
    yield f"  {name}:"
    yield from _description(description, indent=4)
    yield "    required: false"
    yield '    default: ""'


def _description(text: str, *, indent: int) -> Iterator[str]:
    yield f"{' ' * indent}description: >-"
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * (indent + 2),
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


PATHS = tuple(ROOT / name for name in (*ACTIONS, *TEMPLATES))
