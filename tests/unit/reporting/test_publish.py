"""What the CI system and a pull request get to see of a failure."""

from __future__ import annotations

import html
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from astro_ci.ci import CIContext, detect, dialect_for
from astro_ci.configuration.choice import Target
from astro_ci.configuration.config import Config
from astro_ci.deploying.secrecy import hide_build_secrets
from astro_ci.errors import CancelledError, ConfigurationError, DockerError
from astro_ci.reporting.comment import comments
from astro_ci.reporting.publish import publish
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.redacted_dialect import RedactedDialect
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.verb import DEPLOY, PLAN
from tests.repository import Repository

SECRET, HIDDEN = "what-the-build-was-given", "mounted-for-one-line"
ENV = {"NPM_TOKEN": SECRET, "NETRC": f"machine x password {HIDDEN}"}
SAID = f"""\
docker build failed with exit code 1
#9 0.312 fetching postgresql://me:{SECRET[::-1]}@db.example.com/airflow
#9 0.400 curl -H 'Authorization: {SECRET}'
#9 0.500 {HIDDEN}
#9 0.600 ::error::</pre><script>@octocat
#9 0.700 {"x" * 9000}"""


def failed(message: str = SAID, project: Path = Path(), **config: Any) -> Report:
    """A deploy that ended like this."""
    config = {"build_secrets": ("id=netrc,env=NETRC",), "deployment_name": "production", **config}
    target = Target(config=Config(project=project, **config), settings={})
    error = DockerError(message, hint="Look at the build.")
    return Report(verb=DEPLOY, results=[TargetResult(target=target, error=error)])


def published(what: Report, tmp_path: Path) -> tuple[dict[str, str], str]:
    """The outputs and the summary of a job on GitHub."""
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        **ENV,
    }
    told: dict[str, str] = {}
    dialect = dialect_for("github", env=env, out=io.StringIO())
    dialect.set_output = told.__setitem__  # type: ignore[method-assign, assignment]
    redactor = Redactor(env)
    for result in what.results:  # as a deploy does
        hide_build_secrets(redactor, result.target.config, env)
    publish(what, RedactedDialect(dialect, redactor), detect(env), env, comment=False)
    return told, (tmp_path / "summary.md").read_text()


def seen(summary: str) -> str:
    """What a browser shows of it, about."""
    return html.unescape(summary)


def body(what: Report, ci: CIContext | None = None) -> tuple[str, str]:
    """The marker and the text of the comment."""
    (found,) = comments(what, ci or detect({}))
    return found


def test_secrets_that_a_build_shows_stay_in_the_log(tmp_path: Path) -> None:
    outputs, summary = published(failed(), tmp_path)
    shown = json.dumps(outputs) + summary
    for secret in (SECRET, SECRET[::-1], HIDDEN):
        assert secret not in shown
    assert "postgresql://***@db.example.com/airflow" in seen(summary)
    assert "curl -H 'Authorization: ***'" in seen(summary)


@pytest.mark.parametrize("spelled", ["id=NETRC", "id=x,ENV=NETRC", "type=env,id=x,env=NETRC"])
def test_build_secrets_as_docker_takes_them(tmp_path: Path, spelled: str) -> None:
    outputs, summary = published(failed(build_secrets=(spelled,)), tmp_path)
    assert HIDDEN not in json.dumps(outputs) + summary


def test_a_build_secret_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_bytes(f"machine x password {HIDDEN}\n\xff".encode("latin-1"))
    for spelled in (f"id=netrc,src={file}", f"id=netrc,source={file}"):
        outputs, summary = published(failed(build_secrets=(spelled,)), tmp_path)
        assert HIDDEN not in json.dumps(outputs) + summary
    published(failed(build_secrets=("id=netrc,src=/nowhere", "nonsense")), tmp_path)


def test_a_build_argument_whose_name_says_secret(tmp_path: Path) -> None:
    said = "failed\nINDEX_PW=hunter2hunter2 STAGE=production"
    arguments = ("INDEX_PW=hunter2hunter2", "STAGE=production", "OTHER")
    _, summary = published(failed(said, build_args=arguments), tmp_path)
    assert "hunter2hunter2" not in summary
    assert "STAGE=production" in seen(summary)


def test_what_is_ours_is_told_whole(tmp_path: Path) -> None:
    message = "astro-ci.yaml has 2 problems:\n  line 1: no such key\n  line 3: no text"
    what = Report(verb=PLAN, error=ConfigurationError(message))
    outputs, summary = published(what, tmp_path)
    reason = "astro-ci.yaml has 2 problems: line 1: no such key; line 3: no text"
    assert outputs["reason"] == reason
    assert reason[1:] in seen(summary)


def test_lines_of_a_tool_are_text_of_moderate_length(tmp_path: Path) -> None:
    _, summary = published(failed(), tmp_path)
    assert summary.count("</pre>") == 1
    assert "<script" not in summary
    assert "::error::</pre><script>@octocat" in seen(summary).replace("\N{ZERO WIDTH SPACE}", "")
    assert max(map(len, summary.splitlines())) < 600
    _, summary = published(failed("failed\n" + "line\n" * 1000 + "the end"), tmp_path)
    assert summary.count("\n") < 120
    assert "the end" in summary


def test_the_reason_is_one_line(tmp_path: Path) -> None:
    outputs, _ = published(failed(), tmp_path)
    assert outputs["reason"] == SAID.splitlines()[0]
    assert outputs["outcome"] == "failed"


def test_a_comment_leaves_the_lines_of_a_tool_to_the_log() -> None:
    _, text = body(failed())
    assert "Docker build failed with exit code 1" in text
    assert "in the log" in text
    assert "**What to do:** Look at the build" in text
    for line in SAID.splitlines()[1:]:
        assert line[:12] not in text


def test_the_error_itself_is_left_as_it_was(tmp_path: Path) -> None:
    what = failed()
    published(what, tmp_path)
    assert what.results[0].error
    assert what.results[0].error.message == SAID


def test_every_kind_of_error_has_its_exit_code_still(tmp_path: Path) -> None:
    error = CancelledError("stopped", hint="Run again.", signal_number=15)
    outputs, _ = published(Report(verb=DEPLOY, error=error), tmp_path)
    assert json.loads(outputs["plan"])["error"]["exit_code"] == 143


class TestMarker:
    """It is the same for one Deployment and project, wherever and however far a run came."""

    def test_wherever_the_checkout_is(self, tmp_path: Path) -> None:
        markers = set()
        for place in ("runner-1", "runner-2"):
            root = Repository.create(tmp_path / place, {"etl/dags/a.py": "a"}).root
            for project in (root / "etl", root / "dags" / ".." / "etl"):
                markers.add(body(failed(project=project))[0])
        assert markers == {"<!-- astro-ci:production:etl -->"}

    def test_whatever_is_found(self) -> None:
        first, _ = body(failed(deployment_name="", deployment_id="clx0"))
        assert "clx0" in first

    @pytest.mark.parametrize("name", ["-->", "a--b", "<!--", "a\nb"])
    def test_no_name_ends_it(self, name: str) -> None:
        marker, _ = body(failed(deployment_name=name))
        assert marker.startswith("<!-- astro-ci:")
        assert marker.index("-->") == len(marker) - 3
        assert "\n" not in marker


def test_no_comment_keeps_a_deploy_from_ending_well(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("anything")

    env: Mapping[str, str] = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_REPOSITORY": "acme/airflow",
        "GITHUB_TOKEN": "x",
    }
    monkeypatch.setattr("astro_ci.ci.comments.thread_of", fail)
    dialect = dialect_for("none", env=env, out=io.StringIO())
    publish(failed(), RedactedDialect(dialect, Redactor(env)), detect(env), env, comment=True)
    assert "no comment: RuntimeError" in caplog.text
