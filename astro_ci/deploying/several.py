"""The Deployments of one run: each in turn, none stopped by another's failure, and one answer.

For a single Deployment the answer is its own, with nothing added. For several, or for none, it
is a summary in the same keys, with a list of `deployments`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from astro_ci.configuration.choice import Target
from astro_ci.errors import AstroCIError, CancelledError, of_the_disk
from astro_ci.model import DeployResult, DeployType, Outcome, Plan
from astro_ci.reporting.text import (
    SCHEMA,
    error_document,
    plan_document,
    plan_text,
    result_document,
    result_text,
)
from astro_ci.text import sentence

SKIPPED_EXIT_CODE = 10
PENDING_EXIT_CODE = 2


class Explain(Protocol):
    """Tells people about an error, and with which Deployment."""

    def __call__(self, error: AstroCIError, *, label: str) -> None:
        """Tell."""
        ...


@dataclass(slots=True, kw_only=True)
class Ending:
    """How it went for one Deployment, as far as it went."""

    target: Target
    plan: Plan | None = None
    result: DeployResult | None = None
    error: AstroCIError | None = None

    @property
    def outcome(self) -> Outcome:
        """Exactly one of three."""
        if self.error:
            return "failed"
        return self.result.outcome if self.result else "skipped"

    @property
    def deploy_type(self) -> DeployType | None:
        """What the Plan deploys; a deploy may have ended with another one than it began with.

        None: it did not come to a Plan.
        """
        found = self.result.plan if self.result else self.plan
        return found.deploy_type if found else None


def each(
    targets: Sequence[Target], act: Callable[[Ending], None], explain: Explain
) -> list[Ending]:
    """Act on each target, and keep each error; those of several are explained as they come.

    A cancelled run does not try what it has not reached.
    """
    endings = [Ending(target=target) for target in targets]
    cancelled: CancelledError | None = None
    for ending in endings:
        try:
            if cancelled:
                raise CancelledError(
                    "not tried, as the run was cancelled before; the Deployment is as it was",
                    signal_number=cancelled.exit_code - 128,
                )
            act(ending)
        except (AstroCIError, OSError) as error:
            known = error if isinstance(error, AstroCIError) else of_the_disk(error)
            if known is None:
                raise
            cancelled = known if isinstance(known, CancelledError) else None
            ending.error = known
            if len(endings) > 1:
                explain(known, label=ending.target.label)
    return endings


def only_error(endings: Sequence[Ending]) -> AstroCIError | None:
    """The error of the one Deployment: then it is that of the run."""
    return endings[0].error if len(endings) == 1 else None


def exit_code(
    endings: Sequence[Ending], *, detailed: bool = False, fails_on_skip: bool = False
) -> int:
    """That of the first failure; without one, what was asked for, or 0.

    A dry run that would deploy is no skip. No Deployment at all is one.
    """
    for ending in endings:
        if ending.error:
            return ending.error.exit_code
    pending = [ending.deploy_type is not DeployType.NONE for ending in endings]  # none failed
    if detailed and any(pending):
        return PENDING_EXIT_CODE
    return SKIPPED_EXIT_CODE if fails_on_skip and not (pending and all(pending)) else 0


def plans_document(endings: Sequence[Ending], reason: str) -> dict[str, Any]:
    """The document of `plan --json`; `reason` says why there is no Deployment."""
    if len(endings) == 1 and endings[0].plan:
        return plan_document(endings[0].plan)
    pending = sum(ending.deploy_type not in (None, DeployType.NONE) for ending in endings)
    found = f"{pending} of {len(endings)} Deployments have something to deploy"
    return {
        "schema": SCHEMA,
        **_deploy_type(endings),
        "reason": reason or found,
        **_list(endings, deploys=False),
    }


def results_document(endings: Sequence[Ending], reason: str) -> dict[str, Any]:
    """The document of `deploy --json`; `reason` says why there is no Deployment."""
    if len(endings) == 1 and endings[0].result:
        return result_document(endings[0].result)
    return {
        "schema": SCHEMA,
        **_deploy_type(endings),
        "reason": reason or counted(endings),
        "outcome": overall(endings),
        **_list(endings, deploys=True),
    }


def plans_text(endings: Sequence[Ending], reason: str) -> str:
    """The Plans for people."""
    if not endings:
        return f"Plan: nothing to deploy\n  because {reason}"
    if len(endings) == 1 and endings[0].plan:
        return plan_text(endings[0].plan)
    return "\n\n".join(
        f"--- {ending.target.label}\n{plan_text(ending.plan) if ending.plan else _failed(ending)}"
        for ending in endings
    )


def results_text(endings: Sequence[Ending], reason: str) -> str:
    """How each deploy ended, a line for each."""
    if not endings:
        return f"skipped: {reason}"
    if len(endings) == 1 and endings[0].result:
        return result_text(endings[0].result)
    return "\n".join(
        f"{ending.target.label}: {result_text(ending.result) if ending.result else _failed(ending)}"
        for ending in endings
    )


def _list(endings: Sequence[Ending], *, deploys: bool) -> Mapping[str, Any]:
    documents = [
        {
            "project": ending.target.project,
            "target": ending.target.entry,
            **_document(ending, deploys=deploys),
        }
        for ending in endings
    ]
    errors = [document["error"] for document in documents if "error" in document]
    return {**({"error": errors[0]} if errors else {}), "deployments": documents}


def _document(ending: Ending, *, deploys: bool) -> dict[str, Any]:
    if ending.error:
        return error_document(ending.error, ending.plan, outcome=deploys)
    if ending.result:
        return result_document(ending.result)
    return plan_document(ending.plan) if ending.plan else {}


def _deploy_type(endings: Sequence[Ending]) -> Mapping[str, str]:
    found = union_type(endings)
    return {"deploy_type": found.value} if found else {}


def _failed(ending: Ending) -> str:
    return f"failed: {sentence(str(ending.error))}"


def overall(endings: Sequence[Ending]) -> Outcome:
    """The outcome of them all: a failure counts most, then a deploy."""
    outcomes = [ending.outcome for ending in endings]
    if "failed" in outcomes:
        return "failed"
    return "deployed" if "deployed" in outcomes else "skipped"


def counted(endings: Sequence[Ending]) -> str:
    """How many ended in which way."""
    outcomes = [ending.outcome for ending in endings]
    words = [word for word in ("deployed", "skipped", "failed") if word in outcomes]
    counts = ", ".join(f"{outcomes.count(word)} {word}" for word in words)
    return f"{len(endings)} Deployments: {counts}"


def union_type(endings: Sequence[Ending]) -> DeployType | None:
    """What is deployed taken together; None when no Deployment came to a Plan."""
    types = [ending.deploy_type for ending in endings if ending.deploy_type]
    if endings and not types:
        return None
    has_image = any(kind.has_image for kind in types)
    has_dags = any(kind.has_dags for kind in types)
    if has_image and has_dags:
        return DeployType.IMAGE_AND_DAGS
    if has_image:
        return DeployType.IMAGE
    return DeployType.DAGS if has_dags else DeployType.NONE
