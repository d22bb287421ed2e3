"""The results to report when a verb ends."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from astro_ci.errors import AstroCIError
from astro_ci.reporting.built import BuiltImage
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.verb import Verb


class Report(Struct, frozen=True, kw_only=True):
    """The results to report when a verb ends."""

    verb: Verb
    results: Sequence[TargetResult] = ()
    reason: str = ""
    """Why there is no Deployment."""
    built: BuiltImage | None = None
    """The image, of `build`."""
    error: AstroCIError | None = None
    """The error that ended the run before any Deployment was reached."""

    @property
    def first_error(self) -> AstroCIError | None:
        """The error of the run, else of the first Deployment that failed."""
        errors = (result.error for result in self.results if result.error)
        return self.error or next(errors, None)
