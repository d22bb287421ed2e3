"""Show the Plans and the checks of one Deployment in the log, as the deploy makes them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from astro_ci.finding import Checked
from astro_ci.model import Plan
from astro_ci.reporting.checks.text import checks_text
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.text import plan_text
from astro_ci.terminal.session import Session


class PlanLog:
    """Keep the newest Plan for the reports, and show it; the methods are a deploy's callbacks."""

    def __init__(self, session: Session, result: TargetResult) -> None:
        self._session = session
        self._result = result
        self._has_asked = False

    def show_plan(self, plan: Plan) -> None:
        """Show a Plan; ask, once, whether to deploy uncommitted changes."""
        session = self._session
        session.plan = self._result.plan = plan
        session.console.say(f"{plan_text(plan, columns=session.console.columns)}\n")
        session.annotate(plan)
        if plan.uncommitted and not self._has_asked:
            from astro_ci.terminal.uncommitted import ask_about_uncommitted

            self._has_asked = True
            ask_about_uncommitted(session, plan, is_dry=self._result.target.config.dry_run)
        session.signals.check()

    def show_checks(self, plan: Plan, made: Sequence[Checked]) -> None:
        """Show the checks that just ran; `plan` has all checks."""
        session = self._session
        session.plan = self._result.plan = plan
        session.console.say("\n".join(checks_text(made)))
        session.annotate(replace(plan, checks=made))
