"""One run of `check`, `parse` or `pytest`: where it runs, what it is about, how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astro_ci.checks.checkout import Checkout
from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.pytest import PytestRequest, run_pytest
from astro_ci.checks.runners import Kind, Runner, choose_runner
from astro_ci.checks.variables import DEFAULT_FILE, airflow_variables, read_env_file
from astro_ci.errors import CheckFailedError
from astro_ci.finding import Checked
from astro_ci.reporting.findings import annotate, checks_document, checks_text
from astro_ci.reporting.secret_texts import without_secrets
from astro_ci.terminal.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
    """A run of checks that need Airflow."""

    session: Session
    checkout: Checkout
    runner: Runner
    env: dict[str, str]
    max_parse_seconds: float | None
    allow_no_dags: bool

    @classmethod
    @contextmanager
    def start(
        cls,
        session: Session,
        *,
        project: Path,
        dags_path: str,
        image_name: str,
        runner: Kind,
        python: str,
        env_file: Path | None,
        variables: Sequence[str] = (),
        max_parse_seconds: float | None = None,
        allow_no_dags: bool = False,
    ) -> Iterator[Checking]:
        """Find the project and where Airflow is. Raises AstroCIError."""
        checkout = Checkout.find(project, dags_path, session.env)
        default = checkout.project.root / DEFAULT_FILE
        file = env_file or (default if default.is_file() else None)
        env = read_env_file(file) if file else {}
        with choose_runner(
            runner,
            image=image_name.strip(),
            python=python.strip(),
            env=session.env,
            visible=without_secrets(session.env),
        ) as chosen:
            session.console.say(f"checking {chosen.description}")
            yield cls(
                session=session,
                checkout=checkout,
                runner=chosen,
                env={**env, **airflow_variables(variables)},
                max_parse_seconds=max_parse_seconds,
                allow_no_dags=allow_no_dags,
            )

    def parse(self) -> Checked:
        """Load the DAG files."""
        request = ParseRequest(
            project=self.checkout.project.root,
            dags=self.checkout.project.dags,
            root=self.checkout.root,
            dags_path=self.checkout.dags,
            env=self.env,
            max_seconds=self.max_parse_seconds,
            allow_no_dags=self.allow_no_dags,
        )
        return parse_dags(request, self.runner)

    def pytest(
        self, paths: Sequence[str], arguments: Sequence[str] = (), junit_xml: Path | None = None
    ) -> Checked:
        """Run the tests; what they print is shown as it comes."""
        request = PytestRequest(
            project=self.checkout.project.root,
            dags=self.checkout.project.dags,
            root=self.checkout.root,
            paths=paths,
            arguments=arguments,
            env=self.env,
            junit_xml=junit_xml,
        )
        return run_pytest(request, self.runner, on_line=self.session.console.say)

    def conclude(self, checks: Sequence[Checked]) -> int:
        """Tell what was found, and return the exit code."""
        annotate(checks, self.session.dialect)
        self.session.answer(checks_document(checks), checks_text(checks))
        is_good = all(checked.status in ("passed", "skipped") for checked in checks)
        return 0 if is_good else CheckFailedError.exit_code
