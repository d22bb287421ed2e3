"""`deploy`: plan, then do it, in the order in which a failure leaves nothing behind."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGINT, Signals
from typing import Literal

from astro_ci.astro.upload import Uploader
from astro_ci.bundle import Bundle
from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import Artifacts, Image, artifacts
from astro_ci.deploying.provenance import deploy_git, description
from astro_ci.deploying.rollout import Rollout, Waiter, finalize, refuse_failed
from astro_ci.deploying.secrecy import hide_build_secrets, hide_credentials, hide_upload
from astro_ci.deploying.side_by_side import Stop, run_side_by_side
from astro_ci.deployments.find import Astro
from astro_ci.errors import (
    ApiError,
    AstroCIError,
    AuthenticationError,
    CancelledError,
    DeployFailedError,
    DeployTimeoutError,
    UnavailableError,
)
from astro_ci.image.engine import Engine
from astro_ci.image.engine import connect as connect_engine
from astro_ci.image.registry.push import push_image
from astro_ci.model import (
    ApiDeployType,
    Deploy,
    Deployment,
    DeployResult,
    DeployType,
    Digests,
    Outcome,
    Plan,
)
from astro_ci.planning.marker import NO_DIGEST
from astro_ci.reporting.console import Console
from astro_ci.survey.survey import Survey, survey
from astro_ci.web.http import Patience

log = logging.getLogger(__name__)

Report = Callable[[int, int], None]
Phase = Literal["planned", "opening", "open", "finalizing", "finalized"]

_API_TYPES: Mapping[DeployType, ApiDeployType] = {
    DeployType.DAGS: "DAG_ONLY",
    DeployType.IMAGE: "IMAGE_ONLY",
    DeployType.IMAGE_AND_DAGS: "IMAGE_AND_DAG",
}
_AS_IT_WAS = "the Deployment is as it was"
_STATES: Mapping[Phase, str] = {
    "planned": f"no deploy was created, and {_AS_IT_WAS}",
    "opening": f"no deploy was created, or one that stays unfinished, and {_AS_IT_WAS}",
    "open": f"deploy {{}} was left unfinished, and {_AS_IT_WAS}",
    "finalizing": "deploy {} was being finalized, and may go live",
    "finalized": "deploy {} was finalized before that, and goes live",
}
_TELLING = (DeployFailedError, DeployTimeoutError)
"""What says by itself how far a deploy came."""
_REFUSED: Mapping[Phase, Phase] = {"opening": "planned", "finalizing": "open"}
"""What a request that certainly had no effect leaves behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The outside world of a deploy, as arguments: tests bring their own."""

    uploader: Uploader = field(default_factory=Uploader)
    connect_engine: Callable[[Mapping[str, str]], Engine] = connect_engine
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.monotonic


def deploy(
    config: Config,
    env: Mapping[str, str],
    *,
    ci: CIContext | None = None,
    console: Console,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    interactive: bool = False,
    tools: Tools | None = None,
) -> DeployResult:
    """Bring the Deployment to what is checked out; `on_plan` sees the Plan before it is acted on.

    `ci` is what the CI system says, when it is known already.

    Raises AstroCIError; unless its message says otherwise, the Deployment is then as it was.
    """
    tools = tools or Tools()
    started = tools.now()
    try:
        found = survey(
            config,
            env,
            ci=ci,
            interactive=interactive,
            needs_credentials=True,
            patience=tools.patience,
        )
        on_plan(found.plan)
    except KeyboardInterrupt as stop:
        raise _cancelled(stop, _STATES["planned"]) from None
    connected = found.standing.connected
    assert connected  # noqa: S101 - a survey that needs credentials has a connection
    run = _Run(config, env, console, tools, started, found, connected.astro, connected.deployment)
    if found.plan.deploy_type is DeployType.NONE or config.dry_run:
        return run.result("skipped")
    with run.named_when_cancelled():
        return run.act()


@dataclass(slots=True)
class _Run:
    """One deploy under way."""

    config: Config
    env: Mapping[str, str] = field(repr=False)
    console: Console
    tools: Tools
    started: float
    survey: Survey
    astro: Astro
    deployment: Deployment
    opened: Deploy | None = None
    phase: Phase = "planned"
    bundle_version: str = ""

    def act(self) -> DeployResult:
        """Build, create, send, finalize, wait."""
        self._refuse_session()
        plan = self.survey.plan
        has_image = plan.deploy_type.has_image
        hide_credentials(self.console, self.astro.credentials, pushes=has_image)
        if has_image:
            hide_build_secrets(self.console.redactor, self.config, self.env)
        with (
            tempfile.TemporaryDirectory(prefix="astro-ci-") as scratch,
            artifacts(
                self.config,
                self.env,
                self.survey,
                self.deployment,
                self.astro.client,
                connect_engine=self.tools.connect_engine,
                scratch=Path(scratch),
                console=self.console,
            ) as made,
        ):
            opened = self._open(self._shipped())
            self._send(made, opened)
        if late := self._overtaken():
            self.console.say(f"deploy {opened.id} stays unfinished, and changes nothing")
            return self.result("skipped", plan=late)
        rollout = Rollout(
            deployment=self.deployment,
            deploy=opened,
            bundle_version=self.bundle_version or None,
            image_tag=opened.image_tag if plan.deploy_type.has_image else None,
        )
        self.phase = "finalizing"
        done = finalize(self.astro.client, rollout, sleep=self.tools.patience.sleep)
        self.phase = "finalized"
        self.console.say(f"finalized deploy {opened.id}")
        refuse_failed(done)
        self._wait(rollout)
        return self.result("deployed")

    def result(self, outcome: Outcome, *, plan: Plan | None = None) -> DeployResult:
        """Say how it ended."""
        has_image = bool(self.opened) and self.survey.plan.deploy_type.has_image
        return DeployResult(
            outcome=outcome,
            plan=plan or self.survey.plan,
            deploy_id=self._deploy_id,
            image_tag=self.opened.image_tag if self.opened and has_image else "",
            bundle_version=self.bundle_version,
            url=self.astro.deployment_url(self.deployment),
            duration_seconds=round(self.tools.now() - self.started, 3),
        )

    @contextmanager
    def named_when_cancelled(self) -> Iterator[None]:
        """Turn a signal, or any failure, into one that says what became of the deploy."""
        try:
            yield
        except KeyboardInterrupt as stop:
            cancelled = _cancelled(stop, self._state())
            cancelled.result = self.result("failed")
            raise cancelled from None
        except AstroCIError as error:
            if not _may_have_had_effect(error):
                self.phase = _REFUSED.get(self.phase, self.phase)
            is_told = self.phase == "finalized" and isinstance(error, _TELLING)
            if self.phase != "planned" and not is_told:
                error.message = f"{error.message}; {self._state()}"
            error.result = self.result("failed")
            raise

    def _state(self) -> str:
        return _STATES[self.phase].format(self._deploy_id)

    @property
    def _deploy_id(self) -> str:
        return self.opened.id if self.opened else ""

    def _refuse_session(self) -> None:
        if self.deployment.is_cicd_enforced and self.astro.credentials.kind == "astro login":
            raise AuthenticationError(
                f"the Deployment {self.deployment.name} takes deploys from CI/CD only, and these "
                "credentials are the session of `astro login`",
                hint="Use an API token in ASTRO_API_TOKEN.",
            )

    def _shipped(self) -> Digests:
        """What was packed: as it was planned, unless something wrote to the checkout meanwhile.

        Then it is neither for sure, and the deploy is marked so that the next one makes up for it.
        """
        planned, now = self.survey.differences.digests, self.survey.digest_again()
        if now != planned:
            log.warning(
                "files that ship changed during the deploy, which may hold either of the two; the "
                "next one will deploy again"
            )
        return {
            part: digest if now[part] == digest else NO_DIGEST for part, digest in planned.items()
        }

    def _open(self, shipped: Digests) -> Deploy:
        self.phase = "opening"
        redact = self.console.redactor
        git = deploy_git(self.survey, shipped, redact)
        self.opened = opened = self.astro.client.create_deploy(
            self.deployment.id,
            _API_TYPES[self.survey.plan.deploy_type],
            description=description(self.config, self.survey, shipped, git, redact),
            git=git,
        )
        self.phase = "open"
        hide_upload(self.console, opened)
        self.console.say(f"created deploy {opened.id}")
        return opened

    def _send(self, made: Artifacts, opened: Deploy) -> None:
        """Push and upload side by side: each waits for a network of its own."""
        with self.console.transfers() as transfer:
            jobs: list[Callable[[Stop], None]] = []
            if made.image:
                jobs.append(self._push_job(made.image, opened, transfer("pushing the image")))
            if made.bundle:
                report = transfer("uploading the DAG bundle")
                jobs.append(self._upload_job(made.bundle, opened, report))
            try:
                run_side_by_side(jobs)
            except BaseException:
                if made.image:  # a push that hangs cannot take the name off that it gave
                    made.image.engine.remove_image(f"{opened.image_repository}:{opened.image_tag}")
                raise
        if made.image:
            self.console.say(f"pushed the image as tag {opened.image_tag}")
        if made.bundle:
            self.console.say(f"uploaded the DAG bundle as version {self.bundle_version}")

    def _push_job(self, image: Image, opened: Deploy, report: Report) -> Callable[[Stop], None]:
        def push(stop: Stop) -> None:
            push_image(
                image.engine,
                image.name,
                opened.image_repository,
                opened.image_tag,
                password=self.astro.credentials.token,
                on_progress=_stoppable(report, stop),
                sleep=self.tools.patience.sleep,
            )

        return push

    def _upload_job(self, bundle: Bundle, opened: Deploy, report: Report) -> Callable[[Stop], None]:
        def upload(stop: Stop) -> None:
            self.bundle_version = self.tools.uploader.upload(
                opened.dags_upload_url,
                bundle.path,
                md5=bundle.md5,
                on_progress=_stoppable(report, stop),
            )

        return upload

    def _overtaken(self) -> Plan | None:
        """Look once more at what runs; a Plan when there is nothing left to deploy.

        Raises DeployFailedError when somebody deployed meanwhile and this deploy no longer fits.
        """
        now = self.astro.client.get_deployment(self.deployment.id)
        if (now.image_tag, now.running_bundle_version, now.is_dag_deploy_enabled) == (
            self.deployment.image_tag,
            self.deployment.running_bundle_version,
            self.deployment.is_dag_deploy_enabled,
        ):
            return None
        self.console.say("another deploy went live meanwhile; looking again")
        config = replace(self.config, deployment_id=self.deployment.id, deployment_name=None)
        again = survey(
            config,
            self.env,
            ci=self.survey.checkout.ci,
            needs_credentials=True,
            patience=self.tools.patience,
        ).plan
        if again.deploy_type is DeployType.NONE:
            return again
        ours = self.survey.plan.deploy_type
        is_same_kind = now.is_dag_deploy_enabled == self.deployment.is_dag_deploy_enabled
        if is_same_kind and ours in (again.deploy_type, DeployType.IMAGE_AND_DAGS):
            return None
        raise DeployFailedError(
            f"another deploy went live while this one was made, and now {again.deploy_type} is "
            f"needed instead of {ours}: {again.reason}",
            hint="Run the job again, and let deploys of one Deployment wait for each other.",
        )

    def _wait(self, rollout: Rollout) -> None:
        if not self.config.wait:
            self.console.say("not waiting until it is live (--no-wait)")
            return
        Waiter(
            wait_seconds=self.config.wait_seconds,
            sleep=self.tools.patience.sleep,
            now=self.tools.now,
            on_change=self.console.say,
        ).wait(self.astro.client, rollout)


def _may_have_had_effect(error: AstroCIError) -> bool:
    """Whether the request that failed may have done its work all the same."""
    if isinstance(error, UnavailableError) and error.never_arrived:
        return False
    return isinstance(error, ApiError) and not error.is_clear


def _cancelled(stop: KeyboardInterrupt, state: str) -> CancelledError:
    number = getattr(stop, "signal_number", SIGINT)
    return CancelledError(
        f"cancelled by {Signals(number).name}; {state}",
        hint="Run the job again: the plan compares with what is deployed, so nothing is lost.",
        signal_number=number,
    )


def _stoppable(report: Report, stop: Stop) -> Report:
    """A progress report that ends a transfer which is no longer wanted."""

    def report_or_stop(done: int, total: int) -> None:
        stop.check()
        report(done, total)

    return report_or_stop
