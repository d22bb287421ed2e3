"""The values of the options, from flags and variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from astro_ci.configuration.config import options
from astro_ci.configuration.keys import Setting, Settings
from astro_ci.configuration.values import BASE_WORDS, TYPE_WORDS
from astro_ci.errors import ConfigurationError
from astro_ci.model import Request

_SHORTCUTS = ("dags", "image")
_SAID = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def read_settings(ctx: click.Context, env: Mapping[str, str]) -> Settings:
    """Read flags and variables, by field of Config; an empty variable counts as unset.

    Raises ConfigurationError when flags contradict each other.
    """
    found = {}
    names = {*_SHORTCUTS, *(row.field for row in options())}
    for param in ctx.command.params:
        name = str(param.name)
        source = ctx.get_parameter_source(name)
        if name not in names or source not in _SAID:
            continue
        value = ctx.params[name]
        if type(value) is str:  # not the value of an enumeration
            value = value.strip()  # pasted secrets and variables may have blanks
        if isinstance(value, tuple):
            value = tuple(item.strip() for item in value if item.strip())
        is_flag = source is ParameterSource.COMMANDLINE
        says_nothing = value == "" or (param.multiple and not value)
        if is_flag or not says_nothing:
            found[name] = Setting(value=value, source=_source(param, value, env, is_flag=is_flag))
    _take_shortcut(found)
    _let_flag_name_deployment(found)
    # ASTRO_CI_BASE may also be a commit of the CI event, which is read with the CI context.
    mode = env.get("ASTRO_CI_BASE", "").strip().lower()
    if mode in BASE_WORDS and "base" not in found:
        found["base"] = Setting(value=mode, source="ASTRO_CI_BASE")
    return found


def _let_flag_name_deployment(found: dict[str, Setting]) -> None:
    """Ignore the variable for the Deployment's id if a flag gives its name, and vice versa."""
    names = {"deployment_id", "deployment_name"}
    flags = {name for name in names & found.keys() if found[name].source.startswith("--")}
    if len(flags) == 1:
        for name in names - flags:
            found.pop(name, None)


def _source(param: click.Parameter, value: Any, env: Mapping[str, str], *, is_flag: bool) -> str:
    """Return the flag or the variable that a value came from."""
    if is_flag:
        return param.secondary_opts[0] if value is False else param.opts[0]
    names = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    return next(name for name in names if env.get(name))


def _take_shortcut(found: dict[str, Setting]) -> None:
    """Convert --dags and --image to --type."""
    said = found.get("requested")
    has_type = said is not None and said.source == "--type" and said.value is not Request.AUTO
    shortcuts = [name for name in _SHORTCUTS if found.pop(name, None)]
    if shortcuts and (len(shortcuts) == 2 or has_type):
        raise ConfigurationError(
            "--type, --dags and --image contradict each other", hint="Use only one of them."
        )
    for name in shortcuts:
        found["requested"] = Setting(value=TYPE_WORDS[name], source=f"--{name}")
