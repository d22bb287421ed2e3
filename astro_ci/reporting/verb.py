"""The verbs that report their results, with the words of the reports."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Verb(Struct, frozen=True, kw_only=True):
    """A verb of the command line, with the words of its reports."""

    name: str
    has_outcome: bool
    """Whether the verb changes a Deployment, so that a report names an outcome and a deploy."""
    failed_heading: str
    skipped_heading: str
    """For a run that is about no Deployment."""


PLAN = Verb(
    name="plan",
    has_outcome=False,
    failed_heading="Plan failed",
    skipped_heading="Plan: nothing to deploy",
)
DEPLOY = Verb(
    name="deploy", has_outcome=True, failed_heading="Deploy failed", skipped_heading="Skipped"
)
BUILD = Verb(
    name="build",
    has_outcome=False,
    failed_heading="Build failed",
    skipped_heading="Build: nothing to build",
)
VERBS: Mapping[str, Verb] = {verb.name: verb for verb in (PLAN, DEPLOY, BUILD)}
"""By name. Verbs that are missing here have no report."""
