"""One attempt to deploy: build, create, send, finalize, wait, and look for other deploys."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field, structs

from astro_ci.astro.client import DeploysPage
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import ArtifactMaker, Artifacts
from astro_ci.deploying.check_runner import Surroundings
from astro_ci.deploying.go_live import go_live
from astro_ci.deploying.order import Known
from astro_ci.deploying.progress import Progress, cancelled
from astro_ci.deploying.provenance import new_deploy
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.deploying.requests import create
from astro_ci.deploying.rivals import Rivals, queue_hint
from astro_ci.deploying.rollout import Rollout, pauses
from astro_ci.deploying.run_checks import run_checks
from astro_ci.deploying.second_look import SecondLook
from astro_ci.deploying.secrecy import hide_credentials, hide_upload
from astro_ci.deploying.tools import Tools
from astro_ci.deploying.transfer import Transfer
from astro_ci.deploying.without_build import may_build_instead, verify
from astro_ci.deploying.workshop import Workshop
from astro_ci.deployments.enforcement import refuse_session
from astro_ci.deployments.find import Astro
from astro_ci.errors import AstroCIError, CancelledError, DeployFailedError, RegistryError
from astro_ci.finding import Checked, CheckName
from astro_ci.model import (
    Deploy,
    Deployment,
    DeployResult,
    DeployType,
    Outcome,
    Plan,
)
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.silenced import silenced
from astro_ci.survey.survey import Survey, survey

if TYPE_CHECKING:  # loaded with --wake, and when an image is named
    from astro_ci.deploying.wake import Waker
    from astro_ci.image.source import ImageSource

OnChecks = Callable[[Plan, Sequence[Checked]], None]
"""A callback with the Plan and all its checks, and with the checks that just ran."""
GRACE_SECONDS = 60.0
"""The time to wait for the job of a newer commit to replace a deploy of an older commit."""
FRESH_SECONDS = 2.0
"""The maximum age of the survey's deploy history when the new deploy is created."""


class Attempt(Struct, kw_only=True):
    """One attempt to deploy. `is_last`: a previous attempt of this run ended without a deploy."""

    config: Config
    env: Mapping[str, str]
    console: Console
    tools: Tools
    workshop: Workshop
    started: float
    survey: Survey
    surveyed_at: float
    """The start of the survey, by the clock of the tools."""
    astro: Astro
    deployment: Deployment
    newest: DeploysPage
    """The newest deploys, as read by the survey."""
    is_last: bool = False
    overridden: tuple[CheckName, ...] = ()
    """The failed checks that `--force` overrides."""
    on_checks: OnChecks = lambda plan, made: None
    approve: Callable[[Plan], None] = lambda plan: None
    """Raises an AstroCIError for a Plan that must not be acted on."""
    written: Collection[Path] = ()
    """Files that this run writes."""
    image: ImageSource | None = None
    """The source of the prebuilt image; None when the image is built."""
    waker: Waker | None = None
    """None without `--wake`."""
    progress: Progress = field(default_factory=Progress)
    known: Known = field(default_factory=Known)
    opened: Deploy | None = None
    bundle_version: str = ""
    replaced_by: str = ""
    fast_differences: list[str] | None = None

    def __repr__(self) -> str:
        """Show the attempt without the environment."""
        return f"Attempt(deployment={self.deployment!r}, progress={self.progress!r})"

    def run(self) -> DeployResult | None:
        """Build, create, send, finalize and wait; return None when a new Plan is needed.

        Raises AstroCIError, whose message says how far the deploy came.
        """
        with self.told():
            return self._run()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Add to every error in the block how far this attempt came."""
        try:
            with self.progress.told():
                yield
        except AstroCIError as error:
            error.result = self.result("failed")
            raise

    def cancelled_by(self, number: int) -> CancelledError:
        """Return the error for a signal that arrives now."""
        error = cancelled(number, str(self.progress))
        error.result = self.result("failed")
        return error

    def result(self, outcome: Outcome, *, plan: Plan | None = None) -> DeployResult:
        """Return the result of the attempt."""
        has_image = bool(self.opened) and self.survey.plan.deploy_type.has_image
        return DeployResult(
            outcome=outcome,
            plan=plan or self.survey.plan,
            deploy_id=self.progress.deploy_id,
            image_tag=self.opened.image_tag if self.opened and has_image else "",
            bundle_version=self.bundle_version,
            overridden=self.overridden,
            commit_url=self.opened.git.commit_url if self.opened and self.opened.git else "",
            replaced_by=self.replaced_by,
            fast_differences=self.fast_differences,
            url=self.astro.deployment_url(self.deployment),
            duration_seconds=round(self.tools.now() - self.started, 3),
            phases=dict(self.console.times),
        )

    def conclude(self, opened: Deploy) -> DeployResult | None:
        """Check other deploys, because the newest commit must run when this run ends.

        Returns None when an older commit replaced this deploy, so that a new Plan is needed. Raises
        DeployFailedError when this deploy replaced a newer commit that no job deploys again.
        """
        rivals = self._rivals()
        found = rivals.stand(opened)
        for pause in pauses(min(GRACE_SECONDS, self.config.wait_seconds)):
            # The job of the newer commit may still be running, and may deploy again.
            if not self.config.wait or not found.behind or found.behind.newest.id == opened.id:
                break
            self.tools.patience.sleep(pause)
            found = rivals.stand(opened)
        self.replaced_by = found.replaced_by.id if found.replaced_by else ""
        if found.behind is None:
            return self.result("deployed")
        if found.behind.newest.id == opened.id and not self.is_last:
            self.progress.phase = "replaced"
            older = found.behind.running.id
            self.console.say(f"deploy {older} replaced it with an older commit; planning again")
            return None
        raise rivals.failure(found.behind, opened)

    def _run(self) -> DeployResult | None:
        refuse_session(self.deployment, self.astro.credentials)
        has_image = self.survey.plan.deploy_type.has_image
        uses_registry = has_image or bool(self.config.parse or self.config.tests)
        hide_credentials(self.console, self.astro.credentials, uses_registry=uses_registry)
        with (
            tempfile.TemporaryDirectory(prefix="astro-ci-") as scratch,
            ArtifactMaker(
                config=self.config,
                env=self.env,
                survey=self.survey,
                deployment=self.deployment,
                client=self.astro.client,
                connect_engine=self.tools.connect_engine,
                password=self.astro.credentials.token,
                workshop=self.workshop,
                scratch=Path(scratch),
                console=self.console,
            ).make() as made,
        ):
            self._check(made)
            if self.waker:  # not before: a build or check that fails wakes nobody up
                self.deployment = self.waker.wake(self.astro.client, self.deployment)
            opened = self._open()
            transfer = Transfer(
                deploy=opened,
                password=self.astro.credentials.token,
                uploader=self.tools.uploader,
                sleep=self.tools.patience.sleep,
            )
            look = SecondLook(
                lambda: self.astro.client.get_deployment(self.deployment.id), self.tools.now
            )
            try:
                transfer.send(made, self.console, on_sent=look.begin)
            except RegistryError as error:
                if may_build_instead(error, self.console):
                    return None
                raise
            finally:
                self.bundle_version = transfer.bundle_version
            self.fast_differences = verify(self.survey, opened, Path(scratch), self.console)
        if late := self._overtaken(look.result()):
            if late.deploy_type is not DeployType.NONE:
                self._give_up(late)
                return None
            self.console.say(f"deploy {opened.id} stays unfinished, and changes nothing")
            return self.result("skipped", plan=late)
        with self.console.phase(Phase.ROLLOUT):
            self._roll_out(opened)
        return self.conclude(opened)

    def _roll_out(self, opened: Deploy) -> None:
        has_image = self.survey.plan.deploy_type.has_image
        rollout = Rollout(
            deployment=self.deployment,
            deploy=opened,
            bundle_version=self.bundle_version or None,
            image_tag=opened.image_tag if has_image else None,
        )
        go_live(
            self.astro.client,
            rollout,
            self.config,
            ci=self.survey.checkout.ci,
            tools=self.tools,
            progress=self.progress,
            console=self.console,
        )

    # --- before the deploy is created ------------------------------------------------------------

    def _check(self, made: Artifacts) -> None:
        """Run the checks that need Airflow. Raises CheckFailedError when a check does not pass."""
        plan = self.survey.plan
        surroundings = Surroundings(
            env=self.env,
            deployment=self.deployment,
            shipped=made.image,
            connect_engine=self.tools.connect_engine,
            password=self.astro.credentials.token,
            is_far=bool(plan.fast and plan.fast.is_chosen),
        )
        with self.console.phase(Phase.CHECKS):
            made_checks = run_checks(self.config, self.survey, surroundings, self.console)
        checks = silenced(made_checks, self.config, self.survey.checkout)
        if not checks:
            return
        plan = structs.replace(self.survey.plan, checks=(*self.survey.plan.checks, *checks))
        self.survey = structs.replace(self.survey, plan=plan)
        self.on_checks(plan, checks)
        overridden = refuse_failed_checks(checks, forced=self.config.force)
        self.overridden = (*self.overridden, *overridden)

    def _open(self) -> Deploy:
        redact = self.console.redactor
        new = new_deploy(
            self.config, self.survey, self.deployment.id, redact, overridden=self.overridden
        )
        newest = self.newest
        if self.tools.now() - self.surveyed_at > FRESH_SECONDS:
            newest = self.astro.client.newest_deploys(self.deployment.id)
        self.known = Known.of(newest.deploys)
        self.progress.phase = "opening"
        opened = create(self.astro.client, new, self.known, sleep=self.tools.patience.sleep)
        self.opened, self.progress.deploy_id = opened, opened.id
        self.progress.phase = "open"
        hide_upload(self.console, opened)
        self.console.say(f"created deploy {opened.id}")
        return opened

    def _overtaken(self, now: Deployment) -> Plan | None:
        """Plan again if another deploy went live; `now` is the Deployment as just read.

        Returns None when nothing changed, or when this deploy is still needed unchanged.
        """
        if (now.image_tag, now.running_bundle_version, now.is_dag_deploy_enabled) == (
            self.deployment.image_tag,
            self.deployment.running_bundle_version,
            self.deployment.is_dag_deploy_enabled,
        ):
            return None
        self.console.say("another deploy went live in the meantime; planning again")
        again = survey(
            replace(self.pinned(), fast="off"),
            self.env,
            ci=self.survey.checkout.ci,
            needs_credentials=True,
            patience=self.tools.patience,
            image=self.image,
            written=self.written,
        ).plan
        if again.deploy_type is not DeployType.NONE:
            self.approve(again)
        ours = self.survey.plan.deploy_type
        is_same_kind = now.is_dag_deploy_enabled == self.deployment.is_dag_deploy_enabled
        fits = is_same_kind and ours in (again.deploy_type, DeployType.IMAGE_AND_DAGS)
        return None if fits and again.deploy_type is not DeployType.NONE else again

    def pinned(self) -> Config:
        """Return the options for a new Plan of the found Deployment."""
        return replace(self.config, deployment_id=self.deployment.id, deployment_name=None)

    def _give_up(self, late: Plan) -> None:
        """End this attempt for a new Plan; raise DeployFailedError in the last attempt."""
        if self.is_last:
            raise DeployFailedError(
                f"other deploys went live during this one, and now {late.deploy_type} is "
                f"needed instead of {self.survey.plan.deploy_type}: {late.reason}",
                hint=queue_hint("Run the job again", self.survey.checkout.ci),
            )

    def _rivals(self) -> Rivals:
        return Rivals(
            client=self.astro.client,
            survey=self.survey,
            deployment=self.deployment,
            known=self.known,
            allow_older=self.config.allow_older,
        )
