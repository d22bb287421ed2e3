"""The exit code of a run that reached its Deployments."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.model import DeployType
from astro_ci.reporting.target_result import TargetResult

SKIPPED_EXIT_CODE = 10
PENDING_EXIT_CODE = 2
FAILED_PLAN_EXIT_CODE = 1
"""The detailed exit code of every failure, as 2 already means something else."""


def exit_code(
    results: Sequence[TargetResult], *, detailed: bool = False, fails_on_skip: bool = False
) -> int:
    """Return the first failure's exit code, else the one that the flags ask for, else 0.

    A dry run that would deploy is not a skip; a run without any Deployment is one.
    """
    for result in results:
        if result.error:
            return error_exit_code(result.error, detailed=detailed)
    pending = [result.deploy_type is not DeployType.NONE for result in results]
    if detailed and any(pending):
        return PENDING_EXIT_CODE
    return SKIPPED_EXIT_CODE if fails_on_skip and not (pending and all(pending)) else 0


def error_exit_code(error: AstroCIError, *, detailed: bool) -> int:
    """Return the error's exit code, or the one that `--detailed-exitcode` has for failures."""
    is_failed_plan = detailed and not isinstance(error, CancelledError)
    return FAILED_PLAN_EXIT_CODE if is_failed_plan else error.exit_code
