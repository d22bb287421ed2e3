"""Reading a file whose size is not what it was said to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from astro_ci.checks.static.request import Problem
from astro_ci.checks.static.source import read_source


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "dag.py").write_bytes(b"x" * size)
    assert read_source(str(tmp_path / "dag.py"), limit=10) == b"x" * size


@pytest.mark.parametrize(("said", "size"), [(0, 9), (3, 9), (9, 3), (10, 10), (3, 4)])
def test_a_file_that_changes_its_size_meanwhile_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: int, size: int
) -> None:
    _change_after_fstat(tmp_path / "dag.py", monkeypatch, said, size)
    assert read_source(str(tmp_path / "dag.py"), limit=10) == b"x" * size


@pytest.mark.parametrize("said", [0, 3, 10])
def test_a_file_that_grows_past_the_limit_meanwhile_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    _change_after_fstat(tmp_path / "dag.py", monkeypatch, said, 11)
    found = read_source(str(tmp_path / "dag.py"), limit=10)
    assert isinstance(found, Problem)
    assert found.rule == "dag-too-large"


def _change_after_fstat(path: Path, monkeypatch: pytest.MonkeyPatch, said: int, size: int) -> None:
    path.write_bytes(b"x" * said)
    fstat = os.fstat

    def changed(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        path.write_bytes(b"x" * size)
        return found

    monkeypatch.setattr(os, "fstat", changed)
