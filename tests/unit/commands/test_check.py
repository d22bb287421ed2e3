"""`check` goes on after a check that cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from astro_ci.checks.runners import Runner
from astro_ci.errors import AstroCIError, CheckFailedError, DockerError, ProjectError
from astro_ci.finding import Checked
from astro_ci.terminal.checking import attempt


class Place:
    """Stands in for one run of the verb: it has a runner, or an error in its place."""

    def __init__(self, error: AstroCIError | None = None) -> None:
        self._error = error

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        if self._error:
            raise self._error
        yield cast("Runner", None)


@pytest.mark.parametrize("kind", [CheckFailedError, DockerError, ProjectError])
def test_what_cannot_be_made_has_not_passed(kind: type[AstroCIError]) -> None:
    def fail(_runner: Runner) -> Checked:
        raise kind("dags/a.py cannot be read: Permission denied")

    def passed(_runner: Runner) -> Checked:
        return Checked.of("parse", [])

    here: Any = Place()
    nowhere: Any = Place(kind("dags/a.py cannot be read: Permission denied"))
    for found in (
        attempt("parse", fail, here.runner()),
        attempt("parse", passed, nowhere.runner()),
    ):
        assert found.status == "impossible"
        assert found.not_checked == ("dags/a.py cannot be read: Permission denied",)
    assert attempt("parse", passed, here.runner()).status == "passed"
