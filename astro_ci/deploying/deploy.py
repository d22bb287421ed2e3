"""`deploy`: plan, then act, in an order in which a failure leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.attempt import Attempt, OnChecks
from astro_ci.deploying.progress import Progress, cancelled, signal_of
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.deploying.secrecy import hide_build_secrets
from astro_ci.deploying.tools import Tools
from astro_ci.deploying.workshop import Workshop
from astro_ci.errors import CancelledError
from astro_ci.model import DeployResult, DeployType, Plan
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.survey import Survey, survey

if TYPE_CHECKING:
    from astro_ci.checks.static.process import Reader
    from astro_ci.image.source import ImageSource  # loaded when an image is named

__all__ = ["Tools", "deploy"]

OnPlan = Callable[[Plan], None]
CancelledBy = Callable[[int], CancelledError]
"""From the number of a signal."""


def deploy(
    config: Config,
    env: Mapping[str, str],
    *,
    ci: CIContext | None = None,
    console: Console,
    on_plan: OnPlan = lambda plan: None,
    on_checks: OnChecks = lambda plan, made: None,
    on_stage: Callable[[CancelledBy], None] = lambda cancelled_by: None,
    interactive: bool = False,
    tools: Tools | None = None,
    workshop: Workshop | None = None,
    reader: Reader | None = None,
) -> DeployResult:
    """Deploy the checkout to the Deployment; `on_plan` gets each Plan before the deploy acts on it.

    `on_checks` sees it again, with the checks that only the deploy makes.

    `ci` is what the CI system says, when it is known already. `on_stage` gets a function that says,
    whenever and in whichever thread it is called, what a signal would leave behind; the latest
    function is the one to call. `reader` is for the static check, when it was started ahead.

    `workshop` is what several deploys of one run share.

    A second Plan is made when other deploys made the first attempt come to nothing. Raises
    AstroCIError; unless its message says otherwise, the Deployment is then as it was.
    """
    tools = tools or Tools()
    hide_build_secrets(console.redactor, config, env)
    with ExitStack() as own:
        shared = workshop or own.enter_context(Workshop())
        run = _Run(
            config=config,
            env=env,
            ci=ci,
            console=console,
            on_plan=on_plan,
            on_checks=on_checks,
            on_stage=on_stage,
            tools=tools,
            workshop=shared,
            image=shared.source(config, env, tools.connect_engine),
            reader=reader,
        )
        return run.go(interactive=interactive)


class _Run(Struct, kw_only=True):
    """One or two attempts at the same deploy, and the callbacks that watch them."""

    config: Config
    env: Mapping[str, str]
    ci: CIContext | None
    console: Console
    on_plan: OnPlan
    on_checks: OnChecks
    on_stage: Callable[[CancelledBy], None]
    tools: Tools
    workshop: Workshop
    reader: Reader | None
    image: ImageSource | None
    started: float = 0.0

    def __repr__(self) -> str:
        """Name it, without the environment."""
        return "_Run()"

    def go(self, *, interactive: bool) -> DeployResult:
        """Plan, and act on the Plan."""
        self.started = self.tools.now()
        self.console.times.clear()
        self.on_stage(lambda number: cancelled(number, str(Progress())))
        try:
            found = self._look(self.config, interactive=interactive)
        except KeyboardInterrupt as stop:
            raise cancelled(signal_of(stop), str(Progress())) from None
        first = self._attempt(found)
        if found.plan.deploy_type is DeployType.NONE or self.config.dry_run:
            return first.result("skipped")
        return first.run() or self._once_more(first)

    def _once_more(self, first: Attempt) -> DeployResult:
        """Plan and deploy again, after other deploys made the first attempt useless."""
        with first.told():
            found = self._look(first.pinned(), interactive=False)
            second = self._attempt(found, str(first.progress))
            if found.plan.deploy_type is DeployType.NONE:
                if first.progress.phase != "replaced":
                    return first.result("skipped", plan=found.plan)
                first.is_last = (
                    True  # another job may have repaired it already; else it is a failure
                )
                assert first.opened  # noqa: S101 - what was replaced was opened
                result = first.conclude(first.opened)
        if found.plan.deploy_type is not DeployType.NONE:
            result = second.run()
        assert result  # noqa: S101 - the last attempt returns or raises
        return result

    def _look(self, config: Config, *, interactive: bool) -> Survey:
        reader, self.reader = self.reader, None  # one survey uses it up
        with self.console.phase(Phase.SURVEY):
            found = survey(
                config,
                self.env,
                ci=self.ci,
                interactive=interactive,
                needs_credentials=True,
                patience=self.tools.patience,
                image=self.image,
                reader=reader,
            )
        self.on_plan(found.plan)
        return found

    def _attempt(self, found: Survey, earlier: str = "") -> Attempt:
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
            astro=connected.astro,
            deployment=connected.deployment,
            is_last=bool(earlier),
            overridden=refuse_failed_checks(found.plan.checks, forced=self.config.force),
            on_checks=self.on_checks,
            image=self.image,
            progress=Progress(earlier=earlier),
        )
        self.on_stage(made.cancelled_by)
        return made
