"""Plan and deploy, in an order that leaves the Deployment unchanged after a failure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.progress import Progress, cancelled, signal_of
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.deploying.secrecy import hide_build_secrets
from astro_ci.deploying.tools import Tools
from astro_ci.deploying.workshop import Workshop
from astro_ci.errors import CancelledError
from astro_ci.model import DeployResult, DeployType, Plan
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.asking import Asked, ask_astro

if TYPE_CHECKING:  # imported while Astro answers
    from astro_ci.checks.static.process import Reader
    from astro_ci.deploying.attempt import Attempt, OnChecks
    from astro_ci.deploying.wake import Waker
    from astro_ci.image.source import ImageSource

__all__ = ["Tools", "deploy"]

OnPlan = Callable[[Plan], None]
Approve = Callable[[Plan], None]
"""A callback that raises an AstroCIError to reject a Plan."""
CancelledBy = Callable[[int], CancelledError]
"""Makes the error for a signal's number."""
_BUILD_AGAIN = "the second attempt of a run builds its image"


def deploy(
    config: Config,
    env: Mapping[str, str],
    *,
    asked: Asked | None = None,
    ci: CIContext | None = None,
    console: Console,
    on_plan: OnPlan = lambda plan: None,
    approve: Approve = lambda plan: None,
    on_checks: OnChecks = lambda plan, made: None,
    on_stage: Callable[[CancelledBy], None] = lambda cancelled_by: None,
    interactive: bool = False,
    tools: Tools | None = None,
    workshop: Workshop | None = None,
    reader: Reader | None = None,
    written: Collection[Path] = (),
) -> DeployResult:
    """Deploy the checkout to the Deployment, and return the result.

    `on_plan` is called with each Plan before the deploy acts on the Plan. `approve` is called next,
    and raises an AstroCIError to reject the Plan. `on_checks` is called with the Plan again, after
    the checks that only a deploy runs.

    `asked` is the result of `ask_astro`, and `ci` the CI context; without them, this function asks.
    `on_stage` is called with a function that makes the error for a signal, with the state that the
    signal would leave behind. Any thread may call that function at any time; only the latest
    function is valid. `reader` is for the static check, if its process was started earlier.
    `workshop` is shared by several deploys of one run. `written` are files that this run writes,
    which do not belong to the project.

    A second attempt with a new Plan follows when other deploys invalidated the first attempt.
    Raises AstroCIError; the Deployment is then unchanged, unless the message says otherwise.
    """
    tools = tools or Tools()
    hide_build_secrets(console.redactor, config, env)
    with ExitStack() as own:
        shared = workshop or own.enter_context(Workshop())
        run = _Run(
            config=config,
            env=env,
            asked=asked,
            ci=ci,
            console=console,
            on_plan=on_plan,
            approve=approve,
            on_checks=on_checks,
            on_stage=on_stage,
            tools=tools,
            workshop=shared,
            image=shared.source(config, env, tools.connect_engine),
            reader=reader,
            written=written,
        )
        return run.go(interactive=interactive)


class _Run(Struct, kw_only=True):
    """One or two attempts at a deploy, and their callbacks."""

    config: Config
    env: Mapping[str, str]
    asked: Asked | None
    ci: CIContext | None
    console: Console
    on_plan: OnPlan
    approve: Approve
    on_checks: OnChecks
    on_stage: Callable[[CancelledBy], None]
    tools: Tools
    workshop: Workshop
    reader: Reader | None
    image: ImageSource | None
    written: Collection[Path]
    waker: Waker | None = None
    started: float = 0.0
    cancelled_by: CancelledBy = lambda number: cancelled(number, str(Progress()))
    """Makes the error for a signal, with the state of the current attempt."""

    def __repr__(self) -> str:
        """Return a text without the environment, which may hold secrets."""
        return "_Run()"

    def go(self, *, interactive: bool) -> DeployResult:
        """Plan, and act on the Plan; with `--wake`, restore the hibernation in the end."""
        if not self.config.wake:
            return self._act(interactive=interactive)
        from astro_ci.deploying.own_override import OwnOverride, restoring
        from astro_ci.deploying.wake import Waker

        own = OwnOverride(config=self.config, tools=self.tools, console=self.console)
        self.waker = Waker(own)
        return restoring(
            own,
            lambda: self._act(interactive=interactive),
            lambda number: self.cancelled_by(number),
        )

    def _act(self, *, interactive: bool) -> DeployResult:
        self.started = self.tools.now()
        self.console.times.clear()
        self._enter_stage(self.cancelled_by)
        self.workshop.look_ahead(self.config, self.env, self.tools.connect_engine)
        try:
            first = self._look(self.config, interactive=interactive)
        except KeyboardInterrupt as stop:
            raise cancelled(signal_of(stop), str(Progress())) from None
        if first.survey.plan.deploy_type is DeployType.NONE or self.config.dry_run:
            return first.result("skipped")
        return first.run() or self._once_more(first)

    def _enter_stage(self, cancelled_by: CancelledBy) -> None:
        self.cancelled_by = cancelled_by
        self.on_stage(self.waker.own.telling(cancelled_by) if self.waker else cancelled_by)

    def _once_more(self, first: Attempt) -> DeployResult:
        """Plan and deploy again, after other deploys invalidated the first attempt."""
        with first.told():
            second = self._look(first.pinned(), str(first.progress), interactive=False)
            plan = second.survey.plan
            if plan.deploy_type is DeployType.NONE:
                if first.progress.phase != "replaced":
                    return first.result("skipped", plan=plan)
                # Another job may have deployed the newest commit by now; else this run fails.
                first.is_last = True
                assert first.opened  # noqa: S101 - only a created deploy can be replaced
                result = first.conclude(first.opened)
        if plan.deploy_type is not DeployType.NONE:
            result = second.run()
        assert result  # noqa: S101 - the last attempt returns or raises
        return result

    def _look(self, config: Config, earlier: str = "", *, interactive: bool) -> Attempt:
        """Plan, and prepare the attempt; `earlier` says how the first attempt ended."""
        reader, self.reader = self.reader, None  # for one survey only
        asked, self.asked = self.asked, None
        surveyed_at, patience = self.tools.now(), self.tools.patience
        asked = asked or ask_astro(config, self.env, interactive=interactive, patience=patience)
        from astro_ci.deploying.attempt import Attempt
        from astro_ci.survey.survey import survey

        with self.console.phase(Phase.SURVEY):
            found = survey(
                config,
                self.env,
                asked=asked,
                ci=self.ci,
                needs_credentials=True,
                image=self.image,
                reader=reader,
                written=self.written,
                build_reason=_BUILD_AGAIN if earlier else "",
            )
        self.on_plan(found.plan)
        self.approve(found.plan)
        connected = found.standing.connected
        assert connected  # noqa: S101 - a survey that needs credentials has a connection
        made = Attempt(
            config=self.config,
            env=self.env,
            console=self.console,
            tools=self.tools,
            workshop=self.workshop,
            started=self.started,
            survey=found,
            surveyed_at=surveyed_at,
            astro=connected.astro,
            deployment=connected.deployment,
            newest=connected.newest,
            is_last=bool(earlier),
            overridden=refuse_failed_checks(found.plan.checks, forced=self.config.force),
            on_checks=self.on_checks,
            approve=self.approve,
            written=self.written,
            image=self.image,
            waker=self.waker,
            progress=Progress(earlier=earlier),
        )
        self._enter_stage(made.cancelled_by)
        return made
