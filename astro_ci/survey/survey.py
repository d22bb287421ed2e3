"""Examine the checkout, the running deploys and their differences, and make the Plan.

`plan` prints the Plan, and `deploy` acts on the Plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from astro_ci.ci import CIContext, detect
from astro_ci.configuration.config import Config
from astro_ci.model import Digests, Part, Plan
from astro_ci.planning.decision import Facts, make_plan
from astro_ci.survey.asking import Asked, ask_astro
from astro_ci.survey.checkout import Checkout, open_checkout
from astro_ci.survey.differences import Differences, digest_lines, find_differences
from astro_ci.survey.image import open_prebuilt
from astro_ci.survey.shipping import Shipping, find_shipping
from astro_ci.survey.silenced import silenced
from astro_ci.survey.standing import Standing, find_standing
from astro_ci.survey.static import DagCheck

if TYPE_CHECKING:
    from astro_ci.checks.static.process import Reader
    from astro_ci.image.source import ImageSource
    from astro_ci.survey.fast import FastBase
    from astro_ci.web.session import Patience


class Survey(Struct, frozen=True, kw_only=True):
    """The Plan, and the values that a deploy needs to act on the Plan."""

    plan: Plan
    checkout: Checkout
    standing: Standing
    shipping: Shipping
    differences: Differences
    fast: FastBase | None = None
    """The inputs for an image without a build; None when the image is built, or none is made."""

    def digest_again(self) -> Digests:
        """Digest the checkout again, to find changes since the survey. Raises GitError."""
        with self.checkout.snapshot(needs_tree=False) as snapshot:
            return snapshot.read(lambda lines: digest_lines(lines, self.checkout, self.shipping))


def survey(
    config: Config,
    env: Mapping[str, str],
    *,
    asked: Asked | None = None,
    ci: CIContext | None = None,
    interactive: bool = False,
    needs_credentials: bool = False,
    patience: Patience | None = None,
    image: ImageSource | None = None,
    reader: Reader | None = None,
    written: Collection[Path] = (),
    build_reason: str = "",
) -> Survey:
    """Read the project, git, the CI context and Astro, and make the Plan. This changes nothing.

    `asked` is the result of `ask_astro`, and `ci` the CI context; without them, this function asks.
    `image` is the source of the prebuilt image, for a Config that names one. `reader` is for the
    static check, and is stopped at the end. `written` are files that this run writes, such as a
    saved plan. `build_reason` is a clause that says why an image must be built, unless --fast
    requires one that is not.
    """
    asked = asked or ask_astro(config, env, interactive=interactive, patience=patience)
    with DagCheck(env, reader) as dag_check:
        checkout = open_checkout(
            config,
            env,
            ci or detect(env),
            written=written,
            on_found=None if image else partial(dag_check.start_early, config),
        )
        # git examines every file of the checkout while Astro answers.
        with checkout.snapshot() as snapshot:
            standing = find_standing(config, checkout, asked, needs_credentials=needs_credentials)
            prebuilt = open_prebuilt(image, config, checkout)
            shipping = find_shipping(config, standing, prebuilt)
            if Part.DAGS in shipping.parts:
                dag_check.start(checkout, standing, prebuilt)
            differences = find_differences(
                snapshot,
                checkout,
                standing,
                shipping,
                needs_digests=needs_credentials or standing.connected is not None,
                ignored=dag_check.ignored,
            )
        plan = _plan(config, checkout, standing, shipping, differences, dag_check)
        found = Survey(
            plan=plan,
            checkout=checkout,
            standing=standing,
            shipping=shipping,
            differences=differences,
        )
        if not plan.deploy_type.has_image:
            return found
        return _with_image(config, env, found, build_reason)


def _with_image(config: Config, env: Mapping[str, str], found: Survey, build_reason: str) -> Survey:
    """Refuse an image that Astro cannot run, and look for an image without a build."""
    from astro_ci.survey.fast import look_for_fast
    from astro_ci.survey.fitness import refuse_unfit_image

    refuse_unfit_image(found.checkout, found.standing, found.shipping.prebuilt)
    fast = look_for_fast(config, env, found, build_reason=build_reason)
    if fast is None:
        return found
    return replace(found, plan=replace(found.plan, fast=fast.plan), fast=fast.base)


def _plan(
    config: Config,
    checkout: Checkout,
    standing: Standing,
    shipping: Shipping,
    differences: Differences,
    dag_check: DagCheck,
) -> Plan:
    """Decide what to deploy, and add the findings of the static check when DAGs are deployed."""
    plan = replace(
        make_plan(facts_of(checkout, standing, shipping, differences), config),
        title=checkout.head.subject,
        repository=checkout.page,
        digests=differences.digests,
        origin=checkout.origin,
    )
    if Part.DAGS not in plan.deploy_type.parts & shipping.parts:
        return plan
    checks = dag_check.checked(checkout, standing)
    return replace(plan, checks=silenced(checks, config, checkout))


def facts_of(
    checkout: Checkout, standing: Standing, shipping: Shipping, differences: Differences
) -> Facts:
    """Gather the facts from which the Plan is made."""
    return Facts(
        head=checkout.head.sha,
        uncommitted=differences.uncommitted,
        source=standing.bases.source,
        compared=differences.compared,
        digests=differences.digests,
        dag_files=differences.dag_files,
        dag_deploy_enabled=standing.is_dag_deploy_enabled,
        deployment=standing.connected.deployment if standing.connected else None,
        assumptions=standing.assumptions,
        image=shipping.prebuilt.in_plan if shipping.prebuilt else None,
        has_image=_has_image(checkout, standing, shipping),
        bundle_layout=shipping.layout,
    )


def _has_image(checkout: Checkout, standing: Standing, shipping: Shipping) -> bool:
    """Whether the project has an image: to build, prebuilt, or running and made from this project.

    When an image of this project runs and the Dockerfile is missing, the build reports the error.
    A running image counts as made from this project when it was shipped with DAGs and names no
    repository.
    """
    running = standing.runs[Part.IMAGE]
    is_ours = running.commit is not None or running.is_nameless
    return bool(shipping.prebuilt) or checkout.project.dockerfile.is_file() or is_ours
