"""`deploy`: plan, then do it, in the order in which a failure leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.attempt import Attempt, OnChecks
from astro_ci.deploying.progress import Progress, cancelled, signal_of
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.deploying.secrecy import hide_build_secrets
from astro_ci.deploying.tools import Tools
from astro_ci.errors import CancelledError
from astro_ci.model import DeployResult, DeployType, Plan
from astro_ci.reporting.console import Console
from astro_ci.survey.survey import Survey, survey

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
) -> DeployResult:
    """Bring the Deployment to what is checked out; `on_plan` sees each Plan before it is acted on.

    `on_checks` sees it again, with the checks that only the deploy makes.

    `ci` is what the CI system says, when it is known already. `on_stage` gets a function that says,
    whenever and in whichever thread it is called, what a signal would leave behind; the latest
    function is the one to call.

    A second Plan is made when other deploys made the first attempt come to nothing. Raises
    AstroCIError; unless its message says otherwise, the Deployment is then as it was.
    """
    tools = tools or Tools()
    started = tools.now()
    hide_build_secrets(console.redactor, config, env)

    def look(config: Config, *, interactive: bool) -> Survey:
        found = survey(
            config,
            env,
            ci=ci,
            interactive=interactive,
            needs_credentials=True,
            patience=tools.patience,
        )
        on_plan(found.plan)
        return found

    def attempt(found: Survey, earlier: str = "") -> Attempt:
        connected = found.standing.connected
        assert connected  # noqa: S101 - a survey that needs credentials has a connection
        made = Attempt(
            config=config,
            env=env,
            console=console,
            tools=tools,
            started=started,
            survey=found,
            astro=connected.astro,
            deployment=connected.deployment,
            is_last=bool(earlier),
            overridden=refuse_failed_checks(found.plan.checks, forced=config.force),
            on_checks=on_checks,
            progress=Progress(earlier=earlier),
        )
        on_stage(made.cancelled_by)
        return made

    on_stage(lambda number: cancelled(number, str(Progress())))
    try:
        found = look(config, interactive=interactive)
    except KeyboardInterrupt as stop:
        raise cancelled(signal_of(stop), str(Progress())) from None
    first = attempt(found)
    if found.plan.deploy_type is DeployType.NONE or config.dry_run:
        return first.result("skipped")
    if result := first.run():
        return result
    return _once_more(first, look, attempt)


def _once_more(
    first: Attempt,
    look: Callable[..., Survey],
    attempt: Callable[[Survey, str], Attempt],
) -> DeployResult:
    """Plan again and deploy once more, after others made the first attempt come to nothing."""
    with first.told():
        found = look(first.pinned(), interactive=False)
        second = attempt(found, str(first.progress))
        if found.plan.deploy_type is DeployType.NONE:
            if first.progress.phase != "replaced":
                return first.result("skipped", plan=found.plan)
            first.is_last = True  # somebody has set it right already, or it is a failure
            assert first.opened  # noqa: S101 - what was replaced was opened
            result = first.conclude(first.opened)
    if found.plan.deploy_type is not DeployType.NONE:
        result = second.run()
    assert result  # noqa: S101 - the last attempt returns or raises
    return result
