"""The results of a run: for each Deployment, and for all of them together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from astro_ci.configuration.choice import Target
from astro_ci.errors import AstroCIError
from astro_ci.finding import Checked
from astro_ci.model import DeployResult, DeployType, Outcome, Plan


class TargetResult(Struct, kw_only=True):
    """The result of a run for one Deployment, as far as it came."""

    target: Target
    plan: Plan | None = None
    """The Plan that was printed."""
    deploy_result: DeployResult | None = None
    error: AstroCIError | None = None

    @property
    def outcome(self) -> Outcome:
        """`deployed`, `skipped` or `failed`."""
        if self.error:
            return "failed"
        return self.deploy_result.outcome if self.deploy_result else "skipped"

    @property
    def final_plan(self) -> Plan | None:
        """The Plan that the deploy acted on, which may be newer than the printed Plan."""
        return self.deploy_result.plan if self.deploy_result else self.plan

    @property
    def known_deploy(self) -> DeployResult | None:
        """The result of the deploy, or its state when it failed."""
        return self.deploy_result or (self.error.result if self.error else None)

    @property
    def deploy_type(self) -> DeployType | None:
        """The deploy type of the Plan; None without a Plan."""
        plan = self.final_plan
        return plan.deploy_type if plan else None


def checks_of(results: Sequence[TargetResult]) -> list[Checked]:
    """Return the checks of all Plans."""
    return [checked for result in results if result.plan for checked in result.plan.checks]


def only_error(results: Sequence[TargetResult]) -> AstroCIError | None:
    """Return the error of the only Deployment: it is the error of the run."""
    return results[0].error if len(results) == 1 else None


def overall_outcome(results: Sequence[TargetResult]) -> Outcome:
    """Return one outcome for all: a failure counts most, then a deploy."""
    outcomes = [result.outcome for result in results]
    if "failed" in outcomes:
        return "failed"
    return "deployed" if "deployed" in outcomes else "skipped"


def counted_outcomes(results: Sequence[TargetResult]) -> str:
    """Say how many Deployments have each outcome."""
    outcomes = [result.outcome for result in results]
    words = [word for word in ("deployed", "skipped", "failed") if word in outcomes]
    counts = ", ".join(f"{outcomes.count(word)} {word}" for word in words)
    return f"{len(results)} Deployments: {counts}"


def combined_deploy_type(results: Sequence[TargetResult]) -> DeployType | None:
    """Return what all Plans together deploy; None when no Deployment has a Plan."""
    types = [result.deploy_type for result in results if result.deploy_type]
    if results and not types:
        return None
    has_image = any(kind.has_image for kind in types)
    has_dags = any(kind.has_dags for kind in types)
    if has_image and has_dags:
        return DeployType.IMAGE_AND_DAGS
    if has_image:
        return DeployType.IMAGE
    return DeployType.DAGS if has_dags else DeployType.NONE
