"""Ask at a terminal whether to deploy uncommitted files; elsewhere, list them."""

from __future__ import annotations

from astro_ci.errors import ConfigurationError
from astro_ci.model import Plan
from astro_ci.reporting.text import uncommitted_list
from astro_ci.terminal.session import Session

_NO_CI = "none"
_COMMIT_IT = "Commit it, or put it aside with `git stash -u`, and deploy again."
_COMMIT_THEM = "Commit them, or put them aside with `git stash -u`, and deploy again."


def ask_about_uncommitted(session: Session, plan: Plan, *, is_dry: bool) -> None:
    """Ask whether to deploy them; outside of a terminal, list them.

    In CI, such files often come from an earlier step, and the plan shows their number. Raises
    ConfigurationError if the answer is no.
    """
    if session.ci.key != _NO_CI:
        return
    count = len(plan.uncommitted)
    files = "1 uncommitted file" if count == 1 else f"{count} uncommitted files"
    if is_dry or not session.is_interactive:
        does = "would be" if is_dry else "is" if count == 1 else "are"
        session.console.say(f"warning: {files} {does} deployed:\n{uncommitted_list(plan)}")
        return
    session.console.say(f"{files} would be deployed:\n{uncommitted_list(plan)}")
    pronoun = "it" if count == 1 else "them"
    if not session.prompt.confirm(f"Deploy {pronoun} without a commit?"):
        raise ConfigurationError(
            f"nothing was deployed, because {files} would also have been deployed",
            hint=_COMMIT_IT if count == 1 else _COMMIT_THEM,
        )
