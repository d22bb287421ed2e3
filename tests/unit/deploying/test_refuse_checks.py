"""Checks that failed stop a deploy, and those that the user names are overridden."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.errors import CheckFailedError
from astro_ci.finding import Checked, CheckName, Finding

CORRECT = (
    "Correct what the findings name. A finding that is wrong can be silenced with checks.ignore in "
    "astro-ci.yaml. "
)


def finding(message: str, path: str = "dags/a.py", severity: str = "error") -> Finding:
    return Finding(path=path, line=3, rule="x", severity=severity, message=message)  # type: ignore[arg-type]


def failed(name: CheckName, *findings: Finding) -> Checked:
    return Checked.of(name, findings or (finding("it is broken"),))


def impossible(name: CheckName) -> Checked:
    return Checked(name=name, status="impossible", not_checked=("no\nimage is at hand",))


PASSED = Checked.of("static", ())
SKIPPED = Checked(name="pytest", status="skipped")


@pytest.mark.parametrize("checks", [(), (PASSED,), (PASSED, SKIPPED)])
def test_what_passed_or_was_not_wanted_stops_nothing(checks: Sequence[Checked]) -> None:
    assert refuse_failed_checks(checks, forced=()) == ()
    assert refuse_failed_checks(checks, forced=("static", "pytest")) == ()


TABLE = [
    (
        [failed("static")],
        (),
        "the static check found 1 error: dags/a.py:3: it is broken",
        f"{CORRECT}To deploy anyway, use --force static.",
    ),
    (
        [failed("parse", finding("b", "b.py"), finding("a", "a.py"), finding("w", "", "warning"))],
        (),
        "the parse check found 2 errors, the first of them: a.py:3: a",
        f"{CORRECT}To deploy anyway, use --force parse.",
    ),
    (
        [failed("pytest", finding("a\nfailed test", path=""))],
        (),
        "the pytest check found 1 error: a\\nfailed test",
        f"{CORRECT}To deploy anyway, use --force pytest.",
    ),
    (
        [PASSED, impossible("parse")],
        (),
        "the parse check was not possible: no\\nimage is at hand",
        "Make the check possible, or leave it out with --no-parse. "
        "To deploy anyway, use --force parse.",
    ),
    (
        [impossible("parse"), impossible("pytest")],
        (),
        "the parse check was not possible: no\\nimage is at hand; "
        "the pytest check was not possible: no\\nimage is at hand",
        "Make the check possible, or leave it out with --no-parse --no-pytest. "
        "To deploy anyway, use --force parse,pytest.",
    ),
    (
        [impossible("static")],
        (),
        "the static check was not possible: no\\nimage is at hand",
        "To deploy anyway, use --force static.",
    ),
    (
        [failed("static"), impossible("pytest")],
        (),
        "the static check found 1 error: dags/a.py:3: it is broken; "
        "the pytest check was not possible: no\\nimage is at hand",
        f"{CORRECT}To deploy anyway, use --force static,pytest.",
    ),
    (
        [failed("static"), failed("parse")],
        ("static", "pytest"),
        "the parse check found 1 error: dags/a.py:3: it is broken",
        f"{CORRECT}To deploy anyway, use --force parse.",
    ),
]


@pytest.mark.parametrize(("checks", "forced", "message", "hint"), TABLE)
def test_a_deploy_is_refused(
    checks: list[Checked], forced: tuple[str, ...], message: str, hint: str
) -> None:
    with pytest.raises(CheckFailedError) as caught:
        refuse_failed_checks(checks, forced=forced)
    assert caught.value.message == message
    assert caught.value.hint == hint


def test_what_is_overridden_is_told_and_returned(caplog: pytest.LogCaptureFixture) -> None:
    checks = [PASSED, failed("parse"), impossible("pytest")]
    assert refuse_failed_checks(checks, forced=("static", "parse", "pytest")) == ("parse", "pytest")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            f"{what}; deploying anyway, as --force says",
        )
        for what in (
            "the parse check found 1 error: dags/a.py:3: it is broken",
            "the pytest check was not possible: no\\nimage is at hand",
        )
    ]


def test_what_is_overridden_is_told_even_when_another_check_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(CheckFailedError, match="the static check"):
        refuse_failed_checks([failed("static"), failed("parse")], forced=("parse",))
    assert [record.getMessage().partition(" check")[0] for record in caplog.records] == [
        "the parse"
    ]
