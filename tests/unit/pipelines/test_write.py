"""How `init` writes: all of its files, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.errors import ProjectError
from astro_ci.pipelines.write import write_new


def test_all_of_them(tmp_path: Path) -> None:
    write_new(tmp_path, {"a": "1\n", "x/y/b": "2\n"})
    assert (tmp_path / "a").read_bytes() == b"1\n"
    assert (tmp_path / "x/y/b").read_bytes() == b"2\n"


def test_or_none(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(ProjectError, match="b cannot be written"):
        write_new(tmp_path, {"a": "1\n", "x/y/c": "2\n", "b": "3\n"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_text() == "mine"


def test_not_through_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProjectError):
        write_new(tmp_path, {"a": "1\n"})
    assert not (tmp_path / "elsewhere").exists()
