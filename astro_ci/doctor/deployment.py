"""Check the Deployment: found, healthy, and ready for a deploy of the project."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from urllib.parse import urlsplit

from astro_ci.astro.client import FIRST_PAGE, AstroClient
from astro_ci.configuration.config import Config
from astro_ci.deployments.find import connect_with, find_deployment
from astro_ci.doctor.access import Access
from astro_ci.doctor.check import Check, Steps, not_checked, ok, problem, warning
from astro_ci.doctor.files import Files
from astro_ci.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    RegistryError,
    UnavailableError,
)
from astro_ci.image.checks import check_image
from astro_ci.image.facts import ImageFacts
from astro_ci.model import Deploy, Deployment, Request
from astro_ci.survey.fitness import refuse_other_platform, refuse_runtime
from astro_ci.text import listed
from astro_ci.web.auth import NoAuth
from astro_ci.web.http import Http
from astro_ci.web.session import Patience

_FRESH_SECONDS = 3600
_ASLEEP = "it accepts deploys, but runs nothing until it wakes up"
_STATES = {
    "CREATING": "it is still being created",
    "DEPLOYING": "a deploy is rolling out",
    "HIBERNATING": _ASLEEP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The Deployment, and the connection to ask about it."""

    deployment: Deployment
    client: AstroClient = field(repr=False)


def find(
    config: Config,
    access: Access,
    env: Mapping[str, str],
    *,
    patience: Patience,
    interactive: bool,
) -> Steps[Platform]:
    """Find the Deployment."""
    astro = connect_with(config, access.endpoint, access.credentials, patience)
    found = find_deployment(astro, config, env, interactive=interactive)
    yield ok("Deployment", f"{found.name} ({found.id})")
    return Platform(deployment=found, client=astro.client)


def health(deployment: Deployment) -> Steps[None]:
    """Check the health of the Deployment."""
    if deployment.status == "HEALTHY":
        yield ok("health", "HEALTHY")
        return
    why = deployment.status_reason or _STATES.get(deployment.status, "Astro gives no reason")
    remedy = {
        "HIBERNATING": "To run its DAGs, wake the Deployment up in Astro; to wake it up only for "
        "a deploy, use --wake.",
        "UNHEALTHY": "Look at the Deployment's logs in Astro; a new deploy may repair it.",
    }.get(deployment.status, "Run the doctor again in a few minutes.")
    yield warning("health", f"{deployment.status}: {why}", remedy)


def dag_deploys(deployment: Deployment, requested: Request) -> Steps[None]:
    """Check whether DAGs can be deployed without an image."""
    if deployment.is_dag_deploy_enabled:
        yield ok("DAG-only", "DAG-only deploys are enabled")
        return
    message = "DAG-only deploys are disabled"
    hint = "Enable DAG-only deploys in the Deployment's settings in Astro."
    if requested in (Request.DAGS, Request.IMAGE):
        error = ConfigurationError(f"{message}, and --type {requested} needs them", hint=hint)
        yield problem("DAG-only", error)
    else:
        yield warning("DAG-only", f"{message}: every change builds the image", hint)


def enforcement(deployment: Deployment, access: Access) -> Steps[None]:
    """Check whether the Deployment accepts deploys with these credentials."""
    if not deployment.is_cicd_enforced:
        yield ok("CI/CD", "deploys are not limited to CI/CD")
    elif access.credentials.kind == "astro login":
        raise AuthenticationError(
            "the Deployment accepts deploys from CI/CD only, and these credentials are the session "
            "of `astro login`",
            hint="Use an API token in ASTRO_API_TOKEN.",
        )
    else:
        yield ok("CI/CD", "only deploys from CI/CD are accepted, and an API token counts as CI/CD")


def runtime(platform: Platform, files: Files | None) -> Steps[None]:
    """Check whether the Deployment can run the Runtime version of the project."""
    runs = platform.deployment.astro_runtime_version
    if files and files.base:
        refuse_other_platform(files.base)
    if not (files and files.base and files.base.runtime_version):
        yield not_checked("Runtime", "the Dockerfile does not name a Runtime version")
        return
    refuse_runtime(files.base, running=runs, supported=_supported(platform))
    yield _change(files.base.runtime_version, runs)


def prebuilt_runtime(platform: Platform, image: ImageFacts | None) -> Steps[None]:
    """Check whether the Deployment can run the prebuilt image."""
    if image is None:
        yield not_checked("Runtime", "the image has to be found first")
        return
    runs = platform.deployment.astro_runtime_version
    check_image(image, running=runs, supported=_supported(platform))
    yield _change(image.runtime_version or "", runs)


def unfinished(platform: Platform, *, now: float) -> Steps[None]:
    """Warn about unfinished deploys of the last hour."""
    newest = islice(platform.client.list_deploys(platform.deployment.id), FIRST_PAGE)
    fresh = [d.id for d in newest if d.status == "INITIALIZED" and _age(d, now) < _FRESH_SECONDS]
    if fresh:
        yield warning(
            "other deploys",
            f"started in the last hour and not finished: {listed(fresh)}",
            "Let deploys of one Deployment wait for each other; deploys that a cancelled run left "
            "unfinished do no harm.",
        )
    else:
        yield ok("other deploys", "none is in progress")


def registry(deployment: Deployment, patience: Patience) -> Steps[None]:
    """Check that the image registry answers this process, not the engine."""
    host = deployment.image_repository.partition("/")[0]
    if not host:
        yield not_checked("registry", "the Deployment names no image repository yet")
        return
    is_local = urlsplit(f"//{host}").hostname in ("localhost", "127.0.0.1")
    url = f"{'http' if is_local else 'https'}://{host}"
    try:
        Http(url, NoAuth(), patience).get("/v2/")
    except UnavailableError as error:
        hint = "Allow the job to reach the registry, in its proxy or firewall."
        raise RegistryError(error.message, hint=hint) from error
    except (ApiError, AuthenticationError):
        pass  # it asks for credentials, as expected
    yield ok("registry", f"{host} answers")


def _supported(platform: Platform) -> set[str]:
    releases = platform.client.list_runtimes(platform.deployment.id)
    return {release.version for release in releases}


def _change(built: str, runs: str) -> Check:
    change = f"stays at {built}" if built == runs else f"goes from {runs or 'none'} to {built}"
    return ok("Runtime", f"the next image {change}")


def _age(deploy: Deploy, now: float) -> float:
    with suppress(ValueError):
        return now - datetime.fromisoformat(deploy.created_at).timestamp()
    return float("inf")
