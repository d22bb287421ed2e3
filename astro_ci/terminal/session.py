"""One run of the command line: its output and its failures."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astro_ci.errors import (
    RUN_AGAIN_HINT,
    AstroCIError,
    CancelledError,
    ConfigurationError,
    OutputError,
)
from astro_ci.terminal.output import Output
from astro_ci.terminal.signals import Signals

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.checks.static.forked import Forked
    from astro_ci.checks.static.process import Reader
    from astro_ci.finding import Checked
    from astro_ci.model import Plan
    from astro_ci.reporting.built import BuiltImage
    from astro_ci.reporting.console import LogHandler
    from astro_ci.reporting.target_result import TargetResult
    from astro_ci.terminal.prompt import Prompt
    from astro_ci.terminal.scratch import Scratch


class Session(Output):
    """One invocation: its environment, its streams, and the state to report when it fails."""

    def __init__(
        self, env: Mapping[str, str], signals: Signals, *, verb: str, as_json: bool
    ) -> None:
        super().__init__(env, as_json=as_json)
        self.signals = signals
        self.verb = verb
        self.is_reported = False
        self.words: Sequence[str] = ()
        """The command line."""
        self.has_detailed_exitcode = False
        self.plan: Any = None
        self._log_handler: LogHandler | None = None
        self._cancelled_by: Callable[[int], CancelledError] | None = None
        self._scratch: Scratch | None = None
        self._forked: Forked | None = None
        self._telling = threading.RLock()
        self._is_told = False

    @functools.cached_property
    def is_interactive(self) -> bool:
        """Whether a user can answer questions: on a terminal, and not in a CI job.

        Some CI systems give their jobs a terminal, at which nobody sits.
        """
        is_terminal = sys.stdin.isatty() and sys.stderr.isatty()
        return is_terminal and not self.env.get("CI") and self.ci.key == "none"

    @functools.cached_property
    def prompt(self) -> Prompt:
        """The prompt for questions at the terminal."""
        from astro_ci.terminal.prompt import Prompt

        return Prompt(self.console)

    def start(self, *, as_json: bool, quiet: bool = False) -> None:
        """Begin a command: show the log lines of all modules from now on.

        With `quiet`, only errors are shown without --verbose, because the result has all facts.
        """
        from astro_ci.reporting.console import LogHandler

        self.as_json = as_json
        log = logging.getLogger("astro_ci")
        level = logging.ERROR if quiet else logging.INFO
        log.setLevel(logging.DEBUG if self.is_verbose else level)
        self._log_handler = LogHandler(self.console)
        log.addHandler(self._log_handler)
        if any(name.startswith("ASTRO_CI_") for name in self.env):
            from astro_ci.terminal.variables import warn_of_unknown

            warn_of_unknown(self.env, self.console.say)

    def open_scratch(self) -> None:
        """Use one directory for all temporary files, also of child processes; see `close`."""
        from astro_ci.terminal.scratch import Scratch

        self._scratch = Scratch()
        self.env = {**self.env, "TMPDIR": str(self._scratch.path)}

    def fork_reader(self) -> None:
        """Start the process that reads the files for the static check."""
        from astro_ci.checks.static.forked import fork

        self._forked = fork()

    def take_reader(self) -> Reader:
        """Return a reader for the static check; the started process is used once."""
        from astro_ci.checks.static.process import Reader

        forked, self._forked = self._forked, None
        return Reader(forked)

    def connect_early(self) -> None:
        """Start to connect to Astro while the libraries for it are loaded."""
        from astro_ci.astro.endpoint import find_endpoint
        from astro_ci.web.early import open_early

        if self.env.get("ASTRO_API_TOKEN"):
            # The later use of the endpoint reports what is wrong with it.
            with contextlib.suppress(ConfigurationError, ValueError):
                open_early(find_endpoint(self.env).api_url, self.env, count=2)

    @property
    def outside(self) -> Path:
        """A directory for files that outlive the run."""
        return self._scratch.outside if self._scratch else Path()

    def enter_stage(self, cancelled_by: Callable[[int], CancelledError]) -> None:
        """Set the function that describes the current deploy when a signal arrives."""
        self._cancelled_by = cancelled_by

    def cancelled(self, number: int) -> CancelledError:
        """Make the error for a signal, which says how far the deploy came."""
        if self._cancelled_by:
            return self._cancelled_by(number)
        message = f"cancelled by {signal.Signals(number).name}"
        if self.verb != "deploy":
            return CancelledError(message, signal_number=number)
        return CancelledError(
            f"{message}; no deploy was created, and the Deployment is unchanged",
            hint=RUN_AGAIN_HINT,
            signal_number=number,
        )

    def annotate(self, plan: Plan) -> None:
        """Show the findings of a Plan on their lines, if the CI system can."""
        if plan.findings or any(checked.status == "impossible" for checked in plan.checks):
            from astro_ci.reporting.checks.annotate import annotate_findings

            annotate_findings(plan.checks, self.dialect)

    def write_reports(self, checks: Sequence[Checked], **files: Path | None) -> None:
        """Write the report files that the user named. Raises CommandError."""
        if any(files.values()):
            from astro_ci.reporting.checks.files import write_reports

            write_reports(checks, files, self.redactor)

    def answer(self, document: dict[str, Any], text: str = "") -> None:
        """Print the result as JSON or as text; from now on, signals have no effect."""
        self.signals.hold()
        with self._telling:
            self._is_told = True
            try:
                if self.as_json:
                    from astro_ci.reporting.documents import as_json

                    self.emit(as_json(document))
                else:
                    self.show(text)
            except OutputError:
                if text:
                    self.console.tell(text)
                raise

    def conclude(
        self,
        results: Sequence[TargetResult],
        reason: str,
        *,
        document: Callable[[Sequence[TargetResult], str], dict[str, Any]],
        text: Callable[[Sequence[TargetResult], str], str],
        comment: bool,
    ) -> None:
        """Report the result of each Deployment: to the CI system, in the log, and as JSON.

        Signals do not interrupt this. Raises the error of a single Deployment for `fail`.
        """
        from astro_ci.reporting.target_result import only_error

        self.signals.hold()
        with self._telling:
            self._ignore_background()
            self.report(results, reason, comment=comment)
            if error := only_error(results):
                raise error
            if self.verb == "deploy" and any(result.error for result in results):
                self.console.tell("outcome: failed")
            self.answer(document(results, reason) if self.as_json else {}, text(results, reason))

    def conclude_build(self, built: BuiltImage) -> None:
        """Report the built image: to the CI system, in the log, and as JSON."""
        from astro_ci.reporting.built import built_document, built_text

        self.signals.hold()
        with self._telling:
            self._ignore_background()
            self.report(built=built)
            self.answer(built_document(built), built_text(built, self.columns))

    def report(
        self,
        results: Sequence[TargetResult] = (),
        reason: str = "",
        *,
        built: BuiltImage | None = None,
        error: AstroCIError | None = None,
        comment: bool = False,
    ) -> None:
        """Report the result to the CI system, once."""
        from astro_ci.reporting.verb import VERBS

        if self.is_reported or self.verb not in VERBS:
            return
        self.is_reported = True
        if not (comment or self.dialect.keeps_results):
            return
        from astro_ci.reporting.publish import publish
        from astro_ci.reporting.report import Report

        report = Report(
            verb=VERBS[self.verb], results=results, reason=reason, built=built, error=error
        )
        publish(report, self.dialect, self.ci, self.env, comment=comment)

    def explain(self, error: AstroCIError, *, label: str = "") -> None:
        """Show an error, with the label of its Deployment, in the log or as an annotation."""
        from astro_ci.text import sentence

        message = f"{label}: {error.message}" if label else error.message
        hint = sentence(error.hint)
        if self.dialect.has_annotations:  # annotations are also in the log
            self.dialect.annotate("error", f"{message}\n{hint}".strip())
        else:
            self.console.tell("error: " + message.replace("\n", "\n  "))
            if hint:
                self.console.tell(f"hint: {hint}")

    def fail(self, error: AstroCIError) -> int:
        """Report an error in the log and as JSON, and return the exit code."""
        from astro_ci.reporting.documents import as_json, error_document
        from astro_ci.reporting.exit_code import error_exit_code
        from astro_ci.reporting.verb import VERBS

        has_outcome = self.verb in VERBS and VERBS[self.verb].has_outcome
        with self._telling:
            self._is_told = True
            self._ignore_background()
            self.explain(error)
            if self.as_json:
                with contextlib.suppress(OutputError):  # only the first error is reported
                    self.emit(as_json(error_document(error, self.plan, outcome=has_outcome)))
            self.report(error=error)
            if has_outcome and not isinstance(error, OutputError):
                self.console.tell("outcome: failed")
        return error_exit_code(error, detailed=self.has_detailed_exitcode)

    def _ignore_background(self) -> None:
        """Ignore the log lines of other threads, so that the outcome is the last line."""
        if self._log_handler:
            self._log_handler.ignore_other_threads()

    def tell_instead(self, number: int) -> None:
        """Report the state instead of a main thread that takes too long, unless it has reported.

        The main thread then reports nothing: the process ends after this.
        """
        with self._telling:
            if not self._is_told:
                self.fail(self.cancelled(number))
            self._telling.acquire()  # for good

    def close(self) -> None:
        """Remove the temporary files, and end the unused process and connections."""
        if self._forked:
            self._forked.end()
        if self._scratch:
            self._scratch.remove()
        if early := sys.modules.get("astro_ci.web.early"):
            early.close_early()
