"""`init`: write the pipeline file of this repository."""

from __future__ import annotations

from typing import Any

import click

from astro_ci.configuration.option import Scope
from astro_ci.terminal.options import VerbCommand, flag, option, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@with_options(Scope.TARGET)
@option(
    "--ci",
    metavar="NAME",
    help="The CI system; by default found by the repository's files and remote.",
)
@option("--branch", help="The branch to deploy; by default the repository's default branch.")
@flag("--print", "--dry-run", "print_only", help="Print the files, and write nothing.")
@click.pass_obj
@click.pass_context
def init(
    ctx: click.Context,
    session: Session,
    /,
    ci: str | None,
    branch: str | None,
    print_only: bool,
    **_options: Any,
) -> None:
    """Write the pipeline file and astro-ci.yaml for this repository. Overwrites nothing."""
    from astro_ci.configuration.config import Config
    from astro_ci.pipelines import adopt, adoption_text
    from astro_ci.terminal.picker import picker
    from astro_ci.terminal.settings import read_settings

    session.start(as_json=False, quiet=True)
    settings = {name: one.value for name, one in read_settings(ctx, session.env).items()}
    project = settings.pop("project", None)
    made = adopt(
        Config(**settings),
        session.env,
        project=project,
        ci=ci or None,
        branch=branch or None,
        ask=session.prompt.ask if session.is_interactive else None,
        pick=picker(session.prompt),
        print_only=print_only,
    )
    session.show(adoption_text(made))
