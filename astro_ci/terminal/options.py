"""The options of the command line, made from the rows of the table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.configuration import kinds
from astro_ci.configuration.config import options
from astro_ci.configuration.fast import written_age
from astro_ci.configuration.option import Option, Scope, Section
from astro_ci.configuration.values import parse_boolean, written_duration
from astro_ci.errors import ConfigurationError
from astro_ci.terminal.verb import RowOption as RowOption
from astro_ci.terminal.verb import VerbCommand as VerbCommand

if TYPE_CHECKING:  # loaded for completion
    from click.shell_completion import CompletionItem

CONFIG_FILE = Option(
    flag="--config",
    field="config_file",
    kind=kinds.PATH,
    default=None,
    section=Section.WHERE,
    metavar="FILE",
    help="The configuration file; by default the nearest astro-ci.yaml, in the project or above.",
)
DETAILED_EXITCODE = Option(
    flag="--detailed-exitcode",
    field="detailed_exitcode",
    kind=kinds.BOOLEAN,
    default=False,
    section=Section.OUTPUT,
    help="Exit with 0 when there is nothing to deploy, 2 when there is, 1 when the plan failed.",
    has_input=False,
)
FAIL_ON_SKIP = Option(
    flag="--fail-on-skip",
    field="fail_on_skip",
    kind=kinds.BOOLEAN,
    default=False,
    section=Section.OUTPUT,
    help="Exit with 10 when a Deployment was skipped.",
)
COMMENT = Option(
    flag="--comment",
    field="comment",
    kind=kinds.BOOLEAN,
    default=False,
    section=Section.OUTPUT,
    help="Write the result into one comment on the pull or merge request, updated by each run.",
    input_help="It needs the permission pull-requests: write on GitHub, and the variable "
    "GITLAB_TOKEN on GitLab.",
)
SAVE = Option(
    flag="--save",
    field="save",
    kind=kinds.BOOLEAN,
    default=False,
    section=Section.WHERE,
    help="Write the Deployment to astro-ci.yaml, for the branch that is checked out.",
    has_input=False,
)
PLAN_FILE = Option(
    flag="--plan",
    field="plan_file",
    kind=kinds.PATH,
    default=None,
    section=Section.GUARDS,
    metavar="FILE",
    help="Deploy only this saved plan; refuse if the checkout or the running versions changed.",
    input_help="As `plan` wrote it with `out`.",
)
PLAN_OUT = Option(
    flag="--out",
    field="out",
    kind=kinds.PATH,
    default=None,
    section=Section.OUTPUT,
    metavar="FILE",
    help="Write the plan to this file as JSON, for `deploy --plan`.",
)
SARIF = Option(
    flag="--sarif",
    field="sarif",
    kind=kinds.PATH,
    default=None,
    section=Section.OUTPUT,
    metavar="FILE",
    help="Write the findings of the checks to this file, as SARIF for code scanning.",
)
JUNIT_XML = Option(
    flag="--junit-xml",
    field="junit_xml",
    kind=kinds.PATH,
    default=None,
    section=Section.OUTPUT,
    metavar="FILE",
    help="Write the findings of the checks to this file, as a JUnit report.",
)
CODE_QUALITY = Option(
    flag="--code-quality",
    field="code_quality",
    kind=kinds.PATH,
    default=None,
    section=Section.OUTPUT,
    metavar="FILE",
    help="Write the findings of the checks to this file, as a code quality report for GitLab.",
)
_READ = (
    *(kinds.DEPLOY_TYPE, kinds.DURATION, kinds.IMAGE_NAME),
    *(kinds.LAYOUT, kinds.RUNNER, kinds.SECONDS, kinds.AGE, kinds.FAST),
)
_FLAGS_WITH_VALUE = (kinds.CHECK_NAMES, kinds.TESTS)
"""The kinds of flags with an optional value; without a value, such a flag is true."""
RUN_OPTIONS = (
    CONFIG_FILE,
    SAVE,
    DETAILED_EXITCODE,
    FAIL_ON_SKIP,
    COMMENT,
    PLAN_FILE,
    PLAN_OUT,
    SARIF,
    JUNIT_XML,
    CODE_QUALITY,
)
"""The additional options of a verb that are not fields of Config."""


class Lines(click.ParamType[str]):
    """Text whose environment variable holds one value per line."""

    name = "text"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text unchanged."""
        return str(value)


class Boolean(click.types.BoolParamType):
    """A flag whose environment variable must be true, false, yes, no, 1 or 0."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Read the variable; flags come as booleans."""
        if isinstance(value, bool):
            return value
        try:
            return parse_boolean("the value", str(value))
        except ConfigurationError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


class _BooleanOrText(Boolean):
    """A flag whose environment variable may also hold a text that its kind reads."""

    def __init__(self, row: Option) -> None:
        self._row = row

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the variable; flags come as booleans."""
        if isinstance(value, bool):
            return value
        read = self._row.kind.read(self._row.variable, str(value))
        return read == "true" if read in ("true", "false") else read


class _Read(click.ParamType[Any]):
    """A value that is read by its kind."""

    name = "text"

    def __init__(self, row: Option) -> None:
        self._row = row

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a text; a default has been converted already."""
        return self._row.kind.read(self._row.flag, value) if type(value) is str else value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete one of the kind's fixed words."""
        from click.shell_completion import CompletionItem

        words = self._row.kind.words
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def with_options(
    scope: Scope | None, *others: Option | Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Decorate a verb with the options of a scope, and with others."""
    rows: Iterator[Option] = (row for row in options() if scope and row.scope <= scope)
    added = [_decorator(row) for row in rows]
    if scope and scope >= Scope.PLAN:
        added += [*_SHORTCUTS, _decorator(CONFIG_FILE), AS_JSON]
    added += [_decorator(other) if isinstance(other, Option) else other for other in others]

    def decorate(function: Any) -> Any:
        return functools.reduce(lambda f, add: add(f), reversed(added), function)

    return decorate


def row(field: str) -> Option:
    """Return the row of a field of Config, for a verb that takes only some fields."""
    return next(one for one in options() if one.field == field)


def option(
    flag: str, *others: str, section: str = Section.HOW, **settings: Any
) -> Callable[[Any], Any]:
    """Make an option of a single verb, with an environment variable of the same name."""
    stem = flag.split("/")[0].removeprefix("--").replace("-", "_").upper()
    return click.option(
        flag,
        *others,
        cls=RowOption,
        section=section,
        envvar=[f"ASTRO_CI_{stem}"],
        show_envvar=True,
        **settings,
    )


def flag(
    name: str, *others: str, section: str = Section.HOW, **settings: Any
) -> Callable[[Any], Any]:
    """Make a flag of a single verb, without an environment variable."""
    return click.option(name, *others, cls=RowOption, section=section, is_flag=True, **settings)


_PATH = click.Path(path_type=Path)  # one, as each looks for translations when it is made


def _decorator(row: Option) -> Callable[[Any], Any]:
    is_flag = row.kind is kinds.BOOLEAN or row.kind is kinds.SWITCH_OR_TESTS
    settings: dict[str, Any] = {
        "metavar": row.metavar or None,
        "section": row.section,
        "row": row,
    }
    if is_flag:
        settings.pop("metavar")
    if row.default in (False, ""):  # the default off or empty is not shown
        settings["show_default"] = False
    if row.kind in _FLAGS_WITH_VALUE and not is_flag:
        settings |= {"is_flag": False, "flag_value": "true", "show_default": False}
    if row.has_variable:
        settings |= {"envvar": [row.variable, *row.variables], "show_envvar": True}
    help_text = row.help if row.has_variable else f"{row.help}  [env var: {row.variable}]"
    return click.option(
        f"{row.flag}/--no-{row.stem}" if is_flag else row.flag,
        row.field,
        cls=RowOption,
        type=_type(row),
        multiple=row.kind.is_list,
        default=None if not row.has_variable or row.kind.is_list else shown_default(row),
        help=help_text,
        **settings,
    )


def _type(row: Option) -> click.ParamType[Any]:
    if row.kind is kinds.BOOLEAN:
        return Boolean()
    if row.kind is kinds.SWITCH_OR_TESTS:
        return _BooleanOrText(row)
    if row.kind is kinds.PATH:
        return _PATH
    if row.kind.is_list:
        return Lines()
    if row.kind in _READ or row.kind in _FLAGS_WITH_VALUE:
        return _Read(row)
    return click.STRING


def shown_default(row: Option) -> Any:
    """Return the default as a user would write it."""
    if row.kind is kinds.DURATION:
        return written_duration(row.default)
    if row.kind is kinds.AGE:
        return written_age(row.default)
    return getattr(row.default, "value", row.default)


AS_JSON = flag("--json", "as_json", section=Section.OUTPUT, help="Print one JSON document.")
_SHORTCUTS: Sequence[Callable[[Any], Any]] = (
    flag("--dags", "dags", section=Section.WHAT, help="The same as --type dags."),
    flag("--image", "image", section=Section.WHAT, help="The same as --type image."),
)
