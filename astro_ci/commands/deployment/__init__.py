"""`deployment`: look at Deployments and their deploys, and switch DAG-only deploys."""

from __future__ import annotations

import click

from astro_ci.terminal.group import LazyGroup

SUMMARIES = {
    "list": "List the Deployments that the credentials can see, and what they run.",
    "inspect": "Show one Deployment, or a single value of it for scripts.",
    "update": "Enable or disable DAG-only deploys, and change nothing else.",
    "history": "List the deploys of a Deployment, and which part of which deploy is live now.",
}
"""The first paragraph of each verb's help."""


EXAMPLES = {
    "list": (("astro-ci deployment list --json", "Every Deployment, for a script"),),
    "inspect": (
        (
            "astro-ci deployment inspect production --key image_tag",
            "The tag of the image that production runs",
        ),
    ),
    "update": (
        (
            "astro-ci deployment update production --dag-deploy enable --deploy",
            "Switch DAG-only deploys on, and deploy right after",
        ),
    ),
    "history": (("astro-ci deployment history production", "What was deployed, and when"),),
}
"""For the end of each verb's help."""


@click.group(
    cls=LazyGroup,
    package="astro_ci.commands.deployment",
    summaries=SUMMARIES,
    examples=EXAMPLES,
)
def deployment() -> None:
    """List and inspect Deployments, switch DAG-only deploys, and read the deploy history."""
