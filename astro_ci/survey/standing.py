"""Find the running deploys of the Deployment, and the bases to compare the checkout with."""

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
    """The running deploys, and the bases to compare the checkout with."""

    connected: Connected | None
    """The Deployment and its connection; None without credentials."""
    runs: WhatRuns
    """The running deploy of each part; unknown for every part without credentials."""
    bases: Bases
    assumptions: tuple[str, ...]

    @property
    def is_dag_deploy_enabled(self) -> bool:
        """Whether DAGs ship as a bundle; True without credentials."""
        return self.connected is None or self.connected.deployment.is_dag_deploy_enabled

    @property
    def has_digests(self) -> bool:
        """Whether a running deploy's marker has digests of the deployed files."""
        return any(running.digest for running in self.runs.values())

    def layout(self, config: Config) -> str:
        """Return the DAG bundle's layout: as configured, else that of the running bundle."""
        return config.bundle_layout or self.runs[Part.DAGS].layout or PREFIXED_LAYOUT


def find_standing(
    config: Config, checkout: Checkout, asked: Asked, *, needs_credentials: bool
) -> Standing:
    """Wait for Astro's answers about the running deploys, and find their commits in git.

    `asked` is the result of `ask_astro`. Raises AuthenticationError when credentials are needed
    and missing, ApiError, and ConfigurationError for an unknown Deployment or base.
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
    # The running deploy may have gone live after the history was read.
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
    if config.base not in BASE_WORDS:
        notes = (*notes, f"what runs is assumed to be --base {config.base}")
    return (*bases.assumptions, *notes)


def _layout_note(connected: Connected, running: Running, config: Config) -> tuple[str, ...]:
    """Say which layout is assumed for another client's bundle, which Astro does not report."""
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
