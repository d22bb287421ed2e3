"""The verbosity and the colours of a run. Few modules are imported, as every run needs this."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TextIO

import click


@functools.cache
def verbosity() -> tuple[click.Option, ...]:
    """The options of every verb, which may be before or after its name."""
    return (
        _switch("-v", "--verbose", "is_verbose", "Say more."),
        _switch("-q", "--quiet", "is_quiet", "Say only how it ended, and what went wrong."),
        _switch("", "--no-color", "is_colourless", "Use no colours, as with NO_COLOR."),
    )


def _switch(short: str, name: str, attribute: str, help_text: str) -> click.Option:
    def set_it(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            setattr(ctx.obj, attribute, True)

    stem = name.removeprefix("--").replace("-", "_")
    return click.Option(
        [*filter(None, [short]), name],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=set_it,
        envvar=f"ASTRO_CI_{stem.upper()}",
        show_envvar=True,
        help=help_text,
    )


def wants_colour(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal that shows colours, and colours are not turned off.

    Source: no-color.org; TERM is empty where there is no terminal at all.
    """
    is_capable = env.get("TERM", "") not in ("", "dumb")
    return is_capable and not env.get("NO_COLOR") and stream.isatty()
