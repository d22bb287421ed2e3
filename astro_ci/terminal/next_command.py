"""The command that follows a plan."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from astro_ci.model import DeployType
from astro_ci.reporting.target_result import TargetResult
from astro_ci.terminal.session import Session
from astro_ci.terminal.settle import ANSWER

_OF_PLANS = ("--detailed-exitcode", "--no-detailed-exitcode", "--comment", "--save")


def next_text(session: Session, results: Sequence[TargetResult]) -> str:
    """Return the command that deploys the plan; empty when there is nothing to deploy, and in CI,
    where the pipeline continues by itself.
    """
    pending = [one for one in results if one.deploy_type not in (None, DeployType.NONE)]
    if not pending or session.ci.key != "none":
        return ""
    words = ["deploy" if word == "plan" else word for word in session.words]
    kept = [_of_deploy(word) for word in words if word not in _OF_PLANS]
    command = shlex.join(["astro-ci", *kept, *_picked(pending, words)])
    if refused := sorted({name for one in pending for name in _refused(one)}):
        checks = "check" if len(refused) == 1 else "checks"
        return f"\n\nNext: correct what the {' and '.join(refused)} {checks} found, then: {command}"
    if any(one.plan and one.plan.deployment is None for one in pending):
        return f"\n\nNext: set ASTRO_API_TOKEN, then: {command}"
    return f"\n\nNext: {command}"


def _of_deploy(word: str) -> str:
    """Convert an argument of `plan` to an argument of `deploy`: `--out` becomes `--plan`."""
    name, equals, value = word.partition("=")
    return f"--plan{equals}{value}" if name == "--out" else word


def _picked(results: Sequence[TargetResult], words: Sequence[str]) -> Sequence[str]:
    """Return the arguments for the picked Deployment, unless --save has written it to the file."""
    if len(results) != 1 or "--save" in words:
        return ()
    found = results[0].target.settings.get("deployment_id")
    return ("--deployment-id", found.value) if found and found.source == ANSWER else ()


def _refused(result: TargetResult) -> list[str]:
    """Return the failed checks because of which a deploy would be refused."""
    checks = result.plan.checks if result.plan else ()
    return [
        checked.name
        for checked in checks
        if checked.status in ("failed", "impossible")
        and checked.name not in result.target.config.force
    ]
