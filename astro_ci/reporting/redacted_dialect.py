"""A CI system's dialect that crosses out secrets in all its output."""

from __future__ import annotations

from contextlib import AbstractContextManager

from astro_ci.ci import Dialect, Level
from astro_ci.reporting.redact import Redactor


class RedactedDialect:
    """Crosses out secrets in the log, the outputs and the summary."""

    def __init__(self, dialect: Dialect, redactor: Redactor) -> None:
        self._dialect = dialect
        self.redactor = redactor
        self.has_annotations = dialect.has_annotations
        self.keeps_results = dialect.keeps_results

    def safe_line(self, text: str) -> str:
        """See Dialect."""
        return self._dialect.safe_line(self.redactor(text))

    def group(self, title: str) -> AbstractContextManager[None]:
        """See Dialect."""
        return self._dialect.group(self.redactor(title))

    def mask(self, secret: str) -> None:
        """See Dialect. The redactor crosses out the secret from now on, too."""
        self.redactor.learn(secret)
        self._dialect.mask(secret)

    def annotate(
        self,
        level: Level,
        message: str,
        *,
        title: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        """See Dialect."""
        self._dialect.annotate(
            level,
            self.redactor(message),
            title=title and self.redactor(title),
            file=file and self.redactor(file),
            line=line,
        )

    def set_output(self, name: str, value: str) -> None:
        """See Dialect."""
        self._dialect.set_output(name, self.redactor.field(name, value))

    def write_summary(self, markdown: str) -> None:
        """See Dialect."""
        self._dialect.write_summary(self.redactor.markdown(markdown))
