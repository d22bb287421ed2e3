"""Publish the result in the CI system: outputs for later steps, the job summary, a comment."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from astro_ci.ci import CIContext
from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.reporting.comment import write_comments
from astro_ci.reporting.outputs import outputs
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.redacted_dialect import RedactedDialect
from astro_ci.reporting.report import Report
from astro_ci.reporting.summary import setting_of, summary
from astro_ci.text import shorten

_LONGEST_LINE, _MOST_LINES = 500, 40


def publish(
    report: Report,
    dialect: RedactedDialect,
    ci: CIContext,
    env: Mapping[str, str],
    *,
    comment: bool,
) -> None:
    """Write outputs, summary and the requested comments. A failure to write is only a warning."""
    report = _shortened(report, dialect.redactor)
    for name, value in outputs(report).items():
        dialect.set_output(name, value)
    dialect.write_summary(summary(report, setting_of(ci)))
    # A cancelled run has little time left.
    if comment and not isinstance(report.first_error, CancelledError):
        write_comments(report, ci, env, dialect.redactor)


def _shortened(report: Report, redact: Redactor) -> Report:
    """Shorten the errors for a page, because an error may hold the last lines of a tool.

    Secrets are crossed out before, so that no secret is cut in half.
    """

    def shorten_error(error: AstroCIError | None) -> AstroCIError | None:
        if error is None:
            return None
        lines = redact(error.message).split("\n")
        lines = [lines[0], *lines[1:][-_MOST_LINES:]]
        return error.saying("\n".join(shorten(line, _LONGEST_LINE) for line in lines))

    results = [replace(result, error=shorten_error(result.error)) for result in report.results]
    return replace(report, results=results, error=shorten_error(report.error))
