"""The standing: what runs on the Deployment, and what to compare the checkout with."""

from __future__ import annotations

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.configuration.values import BASE_WORDS
from astro_ci.model import Part
from astro_ci.planning.marker import PREFIXED_LAYOUT
from astro_ci.planning.running import Ours, Running, WhatRuns, what_runs
from astro_ci.project.runtime import RuntimeVersion
from astro_ci.remote import repository_identity
from astro_ci.survey.asking import Asked, Connected
from astro_ci.survey.bases import Bases, find_bases
from astro_ci.survey.checkout import Checkout


class Standing(Struct, frozen=True, kw_only=True):
    """The running deploys, and what to compare the checkout with."""

    connected: Connected | None
    """None: there are no credentials."""
    runs: WhatRuns
    """Nothing is known of any part without credentials."""
    bases: Bases
    assumptions: tuple[str, ...]

    @property
    def is_dag_deploy_enabled(self) -> bool:
        """Whether DAGs ship as a bundle; assumed without credentials."""
        return self.connected is None or self.connected.deployment.is_dag_deploy_enabled

    @property
    def has_digests(self) -> bool:
        """Whether a running deploy says what it shipped."""
        return any(running.digest for running in self.runs.values())

    def layout(self, config: Config) -> str:
        """How the DAG bundle has its files: as asked for, else as the running one."""
        return config.bundle_layout or self.runs[Part.DAGS].layout or PREFIXED_LAYOUT


def find_standing(
    config: Config, checkout: Checkout, asked: Asked, *, needs_credentials: bool
) -> Standing:
    """Wait for what Astro says of what runs, and ask git for the commits that it came from.

    `asked` is what `ask_astro` began. Raises AuthenticationError where credentials are needed and
    missing, ApiError, and ConfigurationError for a Deployment or a base that cannot be found.
    """
    connected = asked.result()
    if needs_credentials and not connected:
        from astro_ci.astro.auth import missing_credentials

        raise missing_credentials(checkout.ci.secret_hint)
    runs = _runs(connected, checkout) if connected else None
    bases = find_bases(config, checkout.ci, checkout.repo, runs)
    return Standing(
        connected=connected,
        runs=runs or dict.fromkeys(Part, Running()),
        bases=bases,
        assumptions=_assumptions(bases, config, connected, runs),
    )


def _runs(connected: Connected, checkout: Checkout) -> WhatRuns:
    deployment, url = connected.deployment, checkout.remote_url
    ours = Ours(
        repository=repository_identity(url) if url else None, project=checkout.layout.project
    )
    client = connected.astro.client
    history = client.list_deploys(deployment.id, newest=connected.newest)
    found = what_runs(deployment, history, ours)
    if all(running.deploy_id for running in found.values()):
        return found
    # What runs may have gone live after the history was read.
    return what_runs(deployment, client.list_deploys(deployment.id), ours)


def _assumptions(
    bases: Bases, config: Config, connected: Connected | None, runs: WhatRuns | None
) -> tuple[str, ...]:
    if connected is None or runs is None:
        return (
            "no credentials, so what runs is not known",
            *bases.assumptions,
            "DAG-only deploys are enabled on the Deployment",
        )
    notes = _layout_note(connected, runs[Part.DAGS], config)
    if config.base not in ("auto", *BASE_WORDS):
        notes = (*notes, f"what runs is assumed to be --base {config.base}")
    return (*bases.assumptions, *notes)


def _layout_note(connected: Connected, running: Running, config: Config) -> tuple[str, ...]:
    """Say which layout is assumed for a bundle of another client: Astro does not report it."""
    version = RuntimeVersion.parse(connected.deployment.astro_runtime_version)
    is_told = bool(config.bundle_layout or running.layout) or running.deploy_id is None
    if is_told or not connected.deployment.is_dag_deploy_enabled:
        return ()
    if version is None or version.airflow < 3:
        return ()
    return (
        f"deploy {running.deploy_id} by another client put dags/ in front of the files of its DAG "
        "bundle (if not, use --bundle-layout root)",
    )
