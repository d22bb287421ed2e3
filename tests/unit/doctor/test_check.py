"""Checks, and how they are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from astro_ci.doctor.check import (
    Check,
    Steps,
    attempt,
    exit_code,
    not_checked,
    ok,
    problem,
    skip,
    warning,
)
from astro_ci.doctor.show import document, lines
from astro_ci.errors import DockerError, GitError, ProjectError


def steps(*checks: Check, error: bool = False) -> Steps[int]:
    yield from checks
    if error:
        raise ProjectError("it is gone", hint="find it")
    return 7


def run(given: Steps[int | None]) -> tuple[list[Check], int | None]:
    found = []
    while True:
        try:
            found.append(next(given))
        except StopIteration as end:
            return found, end.value


class TestAttempt:
    def test_gives_what_the_steps_give(self) -> None:
        found, value = run(attempt("here", "a", steps(ok("a", "yes")), target="prod"))
        assert value == 7
        assert [(c.group, c.target, c.name) for c in found] == [("here", "prod", "a")]

    def test_an_error_is_a_problem(self) -> None:
        found, value = run(attempt("here", "a", steps(ok("b", "yes"), error=True)))
        assert value is None
        assert [(c.name, c.status, c.exit_code) for c in found] == [
            ("b", "ok", 0),
            ("a", "problem", 3),
        ]
        assert (found[1].message, found[1].remedy) == ("it is gone", "find it")

    def test_what_would_have_come_is_not_checked(self) -> None:
        found, _ = run(attempt("here", "a", steps(ok("b", ""), error=True), then=("b", "c")))
        assert [(c.name, c.status) for c in found[1:]] == [("a", "problem"), ("c", "not checked")]
        assert found[-1].message == "a has to be right first"


def test_the_first_problem_gives_the_exit_code() -> None:
    checks = [warning("a", ""), problem("b", GitError("")), problem("c", ProjectError(""))]
    assert exit_code(checks) == 4
    assert exit_code(checks[:1]) == 0


class TestShow:
    @pytest.mark.parametrize("columns", [60, 80])
    def test_narrow_terminals_break_no_word(self, columns: int) -> None:
        message = "the Docker Engine at unix:///var/run/docker.sock does not answer at all today"
        hint = "Start Docker, or set DOCKER_HOST to an engine that answers."
        check = replace(problem("engine", DockerError(message, hint=hint)), group="Docker")
        shown = list(lines([check], columns=columns))
        assert max(map(len, shown)) <= columns
        text = " ".join(" ".join(shown).split())
        assert f"engine {message} -> {hint}" in text

    def test_lines(self) -> None:
        checks = [
            *skip("One", ["a", "b"], "x comes first"),
            *skip("One", ["c"], "y comes first"),
            *run(attempt("Two", "d", steps(error=True), target="prod\x1b[2J"))[0],
        ]
        assert list(lines(checks)) == [
            "One",
            "  not checked  a                x comes first; the same for b",
            "  not checked  c                y comes first",
            "",
            "Two: prod\\x1b[2J",
            "  problem      d                it is gone",
            "                                -> Find it.",
            "",
            "1 problem, 3 not checked.",
        ]

    def test_a_message_stays_on_its_line(self) -> None:
        shown = list(lines([problem("a", ProjectError("one\ntwo", hint="three\nfour"))]))
        assert "one two" in shown[0] + shown[1]
        assert all("\n" not in line for line in shown)

    def test_a_line_comes_when_its_check_does(self) -> None:
        made = []

        def checks() -> Steps[None]:
            for name in ("a", "b"):
                made.append(name)
                yield ok(name, "yes")

        shown = lines(checks())
        assert "a" in next(line for line in shown if line.startswith("  ok"))
        assert made == ["a"]

    def test_all_is_well(self) -> None:
        assert list(lines([ok("a", "")]))[-1] == "Everything is ready for a deploy."

    def test_document(self) -> None:
        assert document([warning("a", "b", "set c"), not_checked("d", "e")]) == {
            "schema": 1,
            "checks": [
                {
                    "group": "",
                    "target": "",
                    "name": "a",
                    "status": "warning",
                    "message": "b",
                    "remedy": "Set c.",
                },
                {
                    "group": "",
                    "target": "",
                    "name": "d",
                    "status": "not checked",
                    "message": "e",
                    "remedy": "",
                },
            ],
        }


def test_what_the_system_refuses_is_a_problem_too(tmp_path: Path) -> None:
    def reading() -> Steps[None]:
        yield ok("a", (tmp_path / "missing").read_text())

    (found,), _ = run(attempt("here", "a", reading()))
    assert (found.status, found.exit_code) == ("problem", 4)
    assert found.message.endswith("missing: No such file or directory")
