"""The exit code of a run that reached its Deployments."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.model import DeployType
from astro_ci.reporting.target_result import TargetResult

SKIPPED_EXIT_CODE = 10
PENDING_EXIT_CODE = 2
FAILED_PLAN_EXIT_CODE = 1
"""The exit code of all failures with --detailed-exitcode, for which 2 has another meaning."""


def exit_code(
    results: Sequence[TargetResult], *, detailed: bool = False, fails_on_skip: bool = False
) -> int:
    """Return the first failure's exit code, else the one that the flags ask for, else 0.

    A dry run that would deploy does not count as skipped; a run without Deployments does.
    """
    for result in results:
        if result.error:
            return error_exit_code(result.error, detailed=detailed)
    pending = [result.deploy_type is not DeployType.NONE for result in results]
    if detailed and any(pending):
        return PENDING_EXIT_CODE
    return SKIPPED_EXIT_CODE if fails_on_skip and not (pending and all(pending)) else 0


def error_exit_code(error: AstroCIError, *, detailed: bool) -> int:
    """Return the error's exit code, or the code for failures with `--detailed-exitcode`."""
    is_failed_plan = detailed and not isinstance(error, CancelledError)
    return FAILED_PLAN_EXIT_CODE if is_failed_plan else error.exit_code
