"""The exit code of a run that reached its Deployments."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.model import DeployType
from astro_ci.reporting.target_result import TargetResult

SKIPPED_EXIT_CODE = 10
PENDING_EXIT_CODE = 2


def exit_code(
    results: Sequence[TargetResult], *, detailed: bool = False, fails_on_skip: bool = False
) -> int:
    """Return the first failure's exit code, else the one that the flags ask for, else 0.

    A dry run that would deploy is not a skip; a run without any Deployment is one.
    """
    for result in results:
        if result.error:
            return result.error.exit_code
    pending = [result.deploy_type is not DeployType.NONE for result in results]
    if detailed and any(pending):
        return PENDING_EXIT_CODE
    return SKIPPED_EXIT_CODE if fails_on_skip and not (pending and all(pending)) else 0
