from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from astro_ci.git import GitRepo
from astro_ci.git.attributes import as_on_disk, names_conversion
from tests.repository import Repository

ROT = "tr a-z n-za-m"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*.py text\n*.bin filter=lfs diff=lfs merge=lfs -text\n", False),
        ("secret/** filter=git-crypt diff=git-crypt\n", False),
        ("*.py -filter !ident -ident filter\n", False),
        ("# filterless identity\n*.py eol=lf\n", False),
        ("*.py filter=crypt\n", True),
        ("[attr]hidden filter=crypt\n", True),
        ("*.py ident\n", True),
        ("*.txt working-tree-encoding=UTF-16\n", True),
        ("x" * (1 << 20) + "\n", True),
    ],
)
def test_what_an_attributes_file_names(tmp_path: Path, text: str, expected: bool) -> None:
    file = tmp_path / ".gitattributes"
    file.write_text(text)
    assert names_conversion(file) is expected


def test_what_is_no_attributes_file(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("* ident\n")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "endless").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    names = ("link", "endless", "pipe", "none", "")
    assert not any(names_conversion(tmp_path / name) for name in names)


@pytest.mark.parametrize("length", [40, 64])
def test_a_line_names_the_bytes_on_disk(tmp_path: Path, length: int) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    made = hashlib.new("sha1" if length == 40 else "sha256", b"blob 3\0abc").hexdigest()
    lines = [f"100644 {'0' * length} 0\t{name}" for name in ("a", "b", "gone")]
    assert as_on_disk(tmp_path, lines, {"a": "rot", "gone": "rot"}) == [
        f"100644 {made} 0\ta",
        *lines[1:],
    ]


class TestInASnapshot:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Repository:
        made = Repository.create(tmp_path / "project")
        for name in ("clean", "smudge"):
            made.git("config", f"filter.rot.{name}", ROT)
        made.write({"dags/a.py": "abc", "dags/b.py": "b", ".gitattributes": "dags/a.py filter=rot"})
        made.commit()
        return made

    def ids(self, project: Repository) -> dict[str, str]:
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            assert snapshot.changes(project.head) == []
            return {
                path: meta.split(" ")[1]
                for meta, _, path in (line.partition("\t") for line in snapshot.read(list))
            }

    def test_only_filtered_files_are_read_from_disk(self, project: Repository) -> None:
        found = self.ids(project)
        assert found["dags/a.py"] == project.git("hash-object", "--no-filters", "dags/a.py")
        assert found["dags/a.py"] != project.git("rev-parse", "HEAD:dags/a.py")
        assert found["dags/b.py"] == project.git("rev-parse", "HEAD:dags/b.py")

    def test_a_repository_within(self, project: Repository, tmp_path: Path) -> None:
        outer = Repository.create(tmp_path / "outer", {"x": "1"})
        project.root.rename(outer.root / "lib")
        inner = Repository(outer.root / "lib")
        repo = GitRepo.open(outer.root, os.environ)
        with repo.snapshot([""]) as snapshot:
            filtered = snapshot.read(list)
        (inner.root / ".git/info").mkdir(exist_ok=True)
        (inner.root / ".git/info/attributes").write_text("dags/a.py -filter\n")
        (inner.root / "dags/a.py").unlink()
        inner.git("checkout", "--", "dags/a.py")
        with repo.snapshot([""]) as snapshot:
            assert snapshot.read(list) != filtered

    def test_a_touched_file_is_taken_for_changed(self, project: Repository) -> None:
        os.utime(project.root / "dags/a.py", (1, 1))
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            assert [change.path for change in snapshot.changes(project.head)] == ["dags/a.py"]
