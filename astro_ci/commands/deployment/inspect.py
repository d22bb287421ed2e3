"""`deployment inspect`: one Deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.configuration.option import Scope, Section
from astro_ci.terminal.options import AS_JSON, CONFIG_FILE, RowOption, VerbCommand, with_options
from astro_ci.terminal.session import Session


@click.command(cls=VerbCommand)
@click.argument("named", metavar="[ID|NAME]", required=False)
@with_options(
    Scope.TARGET,
    CONFIG_FILE,
    click.option(
        "--key",
        cls=RowOption,
        section=Section.OUTPUT,
        metavar="NAME",
        help="Print the value of this key alone.",
    ),
    AS_JSON,
)
@click.pass_obj
@click.pass_context
def inspect(
    ctx: click.Context,
    session: Session,
    /,
    named: str | None,
    key: str | None,
    as_json: bool,
    config_file: Path | None,
    **_options: Any,
) -> None:
    """Show one Deployment, or a single value of it for scripts.

    The keys are those of the JSON document, such as image_tag, image_commit, bundle_version and
    dags_commit.
    """
    from astro_ci.deployments.listing import overview
    from astro_ci.reporting.deployments import overview_document, overview_text, overview_value
    from astro_ci.terminal.target import find_target

    session.start(as_json=as_json, quiet=True)
    found = find_target(ctx, session, named, config_file)
    shown = overview(found.astro, found.deployment)
    if key:
        session.show(overview_value(shown, key))
    else:
        session.answer(overview_document(shown), overview_text(shown, columns=session.columns))
