"""What of a checkout goes into a container, and whose it is there."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from astro_ci.checks.runners.copy import Owner, write_files, write_tree
from astro_ci.errors import ProjectError

OWNER = Owner(50000, 0)


def entries(data: io.BytesIO) -> dict[str, tarfile.TarInfo]:
    data.seek(0)
    with tarfile.open(fileobj=data) as archive:
        return {entry.name: entry for entry in archive}


def test_a_directory_with_what_ships(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    for name in ("a.py", "deep/er/b.py", "__pycache__/a.pyc", ".ipynb_checkpoints/a.py"):
        dags.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        dags.joinpath(name).write_text("x")
    dags.joinpath("a.py").chmod(0o700)
    dags.joinpath("deep").chmod(0o700)
    dags.joinpath("link.py").symlink_to("../include/x.py")
    out = io.BytesIO()
    write_tree(out, "dags", dags, OWNER)
    found = entries(out)
    assert {name: (entry.type, oct(entry.mode)) for name, entry in found.items()} == {
        "dags": (tarfile.DIRTYPE, "0o755"),
        "dags/deep": (tarfile.DIRTYPE, "0o755"),
        "dags/deep/er": (tarfile.DIRTYPE, "0o755"),
        "dags/a.py": (tarfile.REGTYPE, "0o755"),
        "dags/deep/er/b.py": (tarfile.REGTYPE, "0o644"),
        "dags/link.py": (tarfile.SYMTYPE, "0o777"),
    }
    assert {(entry.uid, entry.gid) for entry in found.values()} == {OWNER}
    assert found["dags/link.py"].linkname == "../include/x.py"


def test_a_file_alone(tmp_path: Path) -> None:
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\n")
    out = io.BytesIO()
    write_tree(out, "pytest.ini", tmp_path / "pytest.ini", OWNER)
    assert list(entries(out)) == ["pytest.ini"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = b"\xff.py"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    out = io.BytesIO()
    write_tree(out, "dags", tmp_path, OWNER)
    assert list(entries(out)) == ["dags", "dags/\udcff.py"]


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pytest.ini")
    with pytest.raises(ProjectError, match=r"pytest\.ini cannot be read"):
        write_tree(io.BytesIO(), "pytest.ini", tmp_path / "pytest.ini", OWNER)


def test_files_of_ours_are_private() -> None:
    out = io.BytesIO()
    write_files(out, "work", {"request.json": b"{}", "package/a.py": b"x"}, OWNER)
    found = entries(out)
    assert {name: oct(entry.mode) for name, entry in found.items()} == {
        "work": "0o700",
        "work/package": "0o700",
        "work/request.json": "0o600",
        "work/package/a.py": "0o600",
    }
