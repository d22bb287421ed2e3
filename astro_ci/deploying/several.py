"""Act on the Deployments of one run in turn; a failure does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from astro_ci.configuration.choice import Target
from astro_ci.errors import AstroCIError, CancelledError, of_the_disk
from astro_ci.reporting.target_result import TargetResult


class Explain(Protocol):
    """Reports an error of a Deployment."""

    def __call__(self, error: AstroCIError, *, label: str) -> None:
        """Report the error; `label` names the Deployment."""
        ...


def run_each(
    targets: Sequence[Target], act: Callable[[TargetResult], None], explain: Explain
) -> list[TargetResult]:
    """Act on each target and keep each error; with several targets, explain errors as they come.

    After a cancellation, the targets that were not reached are not attempted.
    """
    results = [TargetResult(target=target) for target in targets]
    cancelled: CancelledError | None = None
    for result in results:
        try:
            if cancelled:
                raise CancelledError(
                    "not attempted: the run was cancelled; the Deployment is unchanged",
                    signal_number=cancelled.exit_code - 128,
                )
            act(result)
        except (AstroCIError, OSError) as error:
            known = error if isinstance(error, AstroCIError) else of_the_disk(error)
            if known is None:
                raise
            cancelled = known if isinstance(known, CancelledError) else None
            result.error = known
            if len(results) > 1:
                explain(known, label=result.target.label)
    return results
