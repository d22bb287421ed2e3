"""What goes through Buildkite's agent: it is asked with what it is about on standard input."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from astro_ci.ci.systems.buildkite.dialect import (
    ANNOTATION_LIMIT_BYTES,
    META_DATA_LIMIT_BYTES,
    BuildkiteDialect,
)

AGENT = """#!/usr/bin/env python3
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
sys.exit({code})
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the agent's command, which cannot be had here; gives what it was asked."""
    return install(tmp_path, monkeypatch, code=0)


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, *, code: int) -> Path:
    log = directory / "calls"
    log.touch()
    agent = directory / "buildkite-agent"
    agent.write_text(AGENT.format(log=str(log), code=code))
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return log


def asked(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def dialect() -> tuple[BuildkiteDialect, io.StringIO]:
    out = io.StringIO()
    return BuildkiteDialect(out), out


def test_a_secret_is_redacted_and_is_on_no_stream(calls: Path) -> None:
    speaker, out = dialect()
    speaker.mask("s3cret\n--flag\nab\n")
    assert asked(calls) == [[["redactor", "add"], "s3cret"], [["redactor", "add"], "--flag"]]
    assert out.getvalue() == ""


def test_outputs_are_meta_data(calls: Path) -> None:
    speaker, _ = dialect()
    speaker.set_output("deploy-id", "-x $(y) `z` é 🎉")
    speaker.set_output("image-tag", "")
    speaker.set_output("plan", "x" * (META_DATA_LIMIT_BYTES + 1))
    assert asked(calls) == [[["meta-data", "set", "astro-ci:deploy-id"], "-x $(y) `z` é 🎉"]]


def test_a_summary_is_an_annotation(calls: Path) -> None:
    speaker, _ = dialect()
    speaker.write_summary("### Deployed\n")
    assert asked(calls) == [[["annotate", "--context", "astro-ci", "--append"], "### Deployed\n"]]
    speaker.write_summary("line\n" * ANNOTATION_LIMIT_BYTES)
    assert len(asked(calls)[1][1].encode()) <= ANNOTATION_LIMIT_BYTES


@pytest.mark.parametrize("has_agent", [True, False])
def test_a_deploy_does_not_fail_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_agent: bool
) -> None:
    if has_agent:
        install(tmp_path, monkeypatch, code=1)
    speaker, out = dialect()
    speaker.mask("s3cret")
    speaker.set_output("outcome", "deployed")
    speaker.write_summary("x")
    assert out.getvalue() == ""
