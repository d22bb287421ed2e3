"""`completion`: print the script that completes our words in a shell."""

from __future__ import annotations

import click

from astro_ci.errors import ConfigurationError
from astro_ci.terminal.session import Session
from astro_ci.terminal.verb import VerbCommand

_VARIABLE = "_ASTRO_CI_COMPLETE"
"""How click's scripts ask for completions."""


@click.command(cls=VerbCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
@click.pass_context
def completion(ctx: click.Context, session: Session, /, shell: str) -> None:
    """Print the script that completes astro-ci's words in a shell."""
    from click.shell_completion import get_completion_class

    session.start(as_json=False)
    found = get_completion_class(shell)
    if found is None:
        raise ConfigurationError(
            f"completion for {shell} is not available", hint="Use bash, zsh or fish."
        )
    program = ctx.find_root().info_name or "astro-ci"
    session.emit(found(ctx.find_root().command, {}, program, _VARIABLE).source())
