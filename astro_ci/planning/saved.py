"""A saved plan, and whether it still holds. Pure.

A saved plan is only compared with, never acted on: it may come from a stranger's pull request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from astro_ci.errors import ConfigurationError, OutdatedPlanError
from astro_ci.model import Deployment, DeployType, FastPlan, Part, Plan
from astro_ci.text import excerpt, listed, printable, short

_AGAIN = "Make a new plan, have it approved, and deploy with the new one. Nothing was deployed."
_OPTIONS = "Give `plan` and `deploy` the same options. Nothing was deployed."


class _Place(Struct):
    repository: str = ""
    project: str = ""


class _Deployment(Struct):
    id: str
    name: str
    dag_deploy_enabled: bool
    runtime_version: str = ""


class _Running(Struct):
    image_tag: str = ""
    bundle_version: str = ""


class _Image(Struct):
    digest: str


class _Base(Struct):
    image: str | None
    dags: str | None


class SavedError(Struct):
    """The error that a plan was saved with, when the plan could not be made."""

    message: str = ""


class _Fast(Struct):
    mode: str
    possible: bool
    reasons: Sequence[str] = ()


class SavedPlan(Struct):
    """The plan of one Deployment, as far as it is compared."""

    deploy_type: str
    requested: str
    head: str
    base: _Base
    bundle_layout: str
    digests: Mapping[str, str | None]
    source: _Place
    deployment: _Deployment | None
    running: _Running | None
    image: _Image | None = None
    error: SavedError | None = None
    fast: _Fast | None = None

    def check(self, plan: Plan) -> None:
        """Raise when the plan as it is made now is another one.

        OutdatedPlanError when something has changed since, ConfigurationError for other options.
        A Plan that deploys nothing may be later than what runs: then somebody did what was planned.
        """
        name = printable(plan.deployment.name) if plan.deployment else "the Deployment"
        if self.error:
            raise ConfigurationError(
                f"the saved plan of {name} is of a run that failed: {excerpt(self.error.message)}",
                hint="Correct what made the plan fail, and make a new one.",
            )
        if plan.requested.value != self.requested:
            raise ConfigurationError(
                f"the saved plan of {name} was made with --type {excerpt(self.requested)}, and "
                f"this deploy has --type {plan.requested}",
                hint=_OPTIONS,
            )
        changed = self._switched(plan) or next(self._of_the_checkout(plan), "")
        if not changed and plan.deploy_type is not DeployType.NONE:
            changed = next(self._of_what_runs(plan), "")
        if changed:
            raise OutdatedPlanError(
                f"the saved plan of {name} no longer holds: {changed}", hint=_AGAIN
            )
        if plan.deploy_type is DeployType.NONE:
            return
        if plan.deploy_type.value != self.deploy_type or self._other_base(plan):
            raise OutdatedPlanError(
                f"the saved plan of {name} no longer holds: {excerpt(self.deploy_type)} was "
                f"planned, and now the plan is {plan.deploy_type}: {plan.reason}",
                hint=f"{_OPTIONS} If they are the same, make a new plan and have it approved.",
            )
        self._check_fast(plan, name)

    def is_for(self, deployment: Deployment, project: str) -> bool:
        """Whether the plan is about a Deployment and a project."""
        found = self.deployment if self.says_what_ran else None
        return found is not None and found.id == deployment.id and self.source.project == project

    @property
    def says_what_ran(self) -> bool:
        """Whether the plan was made with credentials."""
        return self.deployment is not None and self.running is not None

    def _check_fast(self, plan: Plan, name: str) -> None:
        """Raise when the image would be made in another way than the plan says."""
        planned, found = (_fast_mode(one.fast) for one in (self, plan))
        if planned != found:
            raise ConfigurationError(
                f"the saved plan of {name} was made with --fast {excerpt(planned)}, and this "
                f"deploy has --fast {found}",
                hint=_OPTIONS,
            )
        then, now = self.fast, plan.fast
        # With `verify`, the image that is deployed is built in any case.
        if then is None or now is None or now.mode == "verify" or then.possible == now.is_possible:
            return
        changed = (
            "the image was to be built, and can now be made without a build"
            if now.is_possible
            else f"the image was to be made without a build, and has to be built: {now.reasons[0]}"
        )
        raise OutdatedPlanError(f"the saved plan of {name} no longer holds: {changed}", hint=_AGAIN)

    def _switched(self, plan: Plan) -> str:
        now, then = plan.deployment, self.deployment
        if now is None or then is None or then.dag_deploy_enabled == now.is_dag_deploy_enabled:
            return ""
        state = "enabled" if now.is_dag_deploy_enabled else "disabled"
        return f"DAG-only deploys have been {state} since"

    def _of_the_checkout(self, plan: Plan) -> Iterator[str]:
        if self.head != plan.head:
            yield f"commit {_commit(self.head)} was planned, and {short(plan.head)} is checked out"
        planned = self.image.digest if self.image else ""
        found = plan.image.digest if plan.image else ""
        if planned != found:
            yield (f"{_named_image(planned)} was planned, and the deploy has {_named_image(found)}")
        others = [part for part in Part if self.digests.get(part) != plan.digests.get(part)]
        if others:
            yield f"what would ship has changed since ({listed([part.value for part in others])})"
        if self.bundle_layout != plan.bundle_layout:
            yield (
                f"the layout of the DAG bundle was {excerpt(self.bundle_layout)}, and is "
                f"{plan.bundle_layout}"
            )

    def _of_what_runs(self, plan: Plan) -> Iterator[str]:
        now, then, running = plan.deployment, self.deployment, self.running
        if now is None or then is None or running is None:
            return
        if running.image_tag != now.image_tag:
            yield f"{_ran('image', running.image_tag)} ran, and now {_ran('image', now.image_tag)}"
        if running.bundle_version != now.running_bundle_version:
            before = _ran("DAG bundle", running.bundle_version)
            yield f"{before} ran, and now {_ran('DAG bundle', now.running_bundle_version)}"
        if then.runtime_version != now.astro_runtime_version:
            yield (
                f"Astro Runtime {excerpt(then.runtime_version)} ran, and now "
                f"{printable(now.astro_runtime_version)}"
            )

    def _other_base(self, plan: Plan) -> bool:
        return (self.base.image, self.base.dags) != (plan.base.image, plan.base.dags)


class SavedPlans(Struct, frozen=True, kw_only=True):
    """All plans of a file."""

    plans: Sequence[SavedPlan] = field(default_factory=list)

    def check(self, plan: Plan) -> None:
        """Raise ConfigurationError or OutdatedPlanError when this Plan is not as it was saved."""
        deployment = plan.deployment
        if deployment is None:
            raise ConfigurationError("a saved plan cannot be compared without credentials")
        matching = [one for one in self.plans if one.is_for(deployment, plan.origin.project)]
        if not matching:
            raise self._of_another(deployment, plan)
        for one in matching:
            theirs, ours = one.source.repository, plan.origin.repository
            if theirs and ours and theirs != ours:
                raise ConfigurationError(
                    f"the saved plan is for the repository {excerpt(theirs)}, and this is "
                    f"{printable(ours)}",
                    hint="Pass on the plan of this repository.",
                )
            one.check(plan)

    def _of_another(self, deployment: Deployment, plan: Plan) -> ConfigurationError:
        known = [one for one in self.plans if one.says_what_ran]
        if not known:
            return ConfigurationError(
                "the saved plan was made without credentials, so it does not say what ran",
                hint="Give the job that plans a token of Astro; one that may only read will do.",
            )
        names = listed([_described(one) for one in known])
        project = plan.origin.project
        within = f" from the project {printable(project)}" if project else ""
        return ConfigurationError(
            f"the saved plan is for {names}, and this run deploys to "
            f"{printable(deployment.name)}{within}",
            hint="Name the same Deployment and project in both jobs, or pass on its own plan.",
        )


def _commit(text: str) -> str:
    return excerpt(short(text))


def _named_image(digest: str) -> str:
    return f"the image {excerpt(digest)[:19]}" if digest else "no prebuilt image"


def _fast_mode(fast: _Fast | FastPlan | None) -> str:
    return fast.mode if fast else "off"


def _ran(what: str, version: str) -> str:
    return f"{what} {excerpt(version)}" if version else f"no {what}"


def _described(saved: SavedPlan) -> str:
    assert saved.deployment  # noqa: S101 - asked before
    project = f" from the project {excerpt(saved.source.project)}" if saved.source.project else ""
    return f"{excerpt(saved.deployment.name)}{project}"
