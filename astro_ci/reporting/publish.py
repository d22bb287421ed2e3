"""Tell the CI system how a run went: outputs for later steps, the job summary, a comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from astro_ci.ci import CIContext, Dialect
from astro_ci.configuration.config import Config
from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.image.building.secrets import secret_texts
from astro_ci.reporting.comment import write_comments
from astro_ci.reporting.outputs import outputs
from astro_ci.reporting.redact import redact
from astro_ci.reporting.report import Report
from astro_ci.reporting.summary import summary
from astro_ci.text import shorten

_LONGEST_LINE, _MOST_LINES = 500, 40


def publish(
    report: Report, dialect: Dialect, ci: CIContext, env: Mapping[str, str], *, comment: bool
) -> None:
    """Write outputs and summary and, when wanted, the comments. Never fails for any of them."""
    report = _presentable(report, env)
    for name, value in outputs(report).items():
        dialect.set_output(name, value)
    dialect.write_summary(summary(report))
    # A cancelled run has little time left.
    if comment and not isinstance(report.first_error, CancelledError):
        write_comments(report, ci, env)


def _presentable(report: Report, env: Mapping[str, str]) -> Report:
    """The same with errors that others than the log may show, which alone has its secrets masked.

    The last lines of a build are part of an error, and may hold anything.
    """

    def clean(error: AstroCIError | None, config: Config | None = None) -> AstroCIError | None:
        if error is None:
            return None
        arguments = (one.partition("=") for one in (config.build_args if config else ()))
        variables = {**env, **{name: value for name, _, value in arguments if value}}
        others = secret_texts(config.build_secrets if config else (), env)
        lines = redact(error.message, variables, others).split("\n")
        lines = [lines[0], *lines[1:][-_MOST_LINES:]]
        return error.saying("\n".join(shorten(line, _LONGEST_LINE) for line in lines))

    results = [
        replace(result, error=clean(result.error, result.target.config))
        for result in report.results
    ]
    return replace(report, results=results, error=clean(report.error))
