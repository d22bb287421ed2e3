"""The build context as a tar: what is in it, and that it is always the same."""

from __future__ import annotations

import logging
import os
import socket
import tarfile
import threading
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import ProjectError
from astro_ci.image.building.context import copy_context, write_context
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.find import read_ignore_file


def tar_of(root: Path, ignore: str = "", **options: Any) -> bytes:
    out = BytesIO()
    write_context(root, out, ignore=DockerIgnore.parse(ignore), **options)
    return out.getvalue()


def entries(tar: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=BytesIO(tar), errors="surrogateescape") as archive:
        return {entry.name: entry for entry in archive}


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        root.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(path).write_text(path)
    return root


def test_equal_projects_give_equal_bytes_in_order(tmp_path: Path) -> None:
    paths = ["Dockerfile", "a/b", "a/c/d", "a-b", "a.txt", "é", "Z"]
    one, two = make(tmp_path / "one", *paths), tmp_path / "two"
    make(two, *reversed(paths))
    os.utime(two / "a-b", (1, 1))
    tar = tar_of(one)
    assert tar == tar_of(two)
    assert list(entries(tar)) == [
        "Dockerfile",
        "Z",
        "a",
        "a/b",
        "a/c",
        "a/c/d",
        "a-b",
        "a.txt",
        "é",
    ]
    assert {(e.uid, e.gid, e.uname, e.gname) for e in entries(tar).values()} == {(0, 0, "", "")}
    assert len({entry.mtime for entry in entries(tar).values()}) == 1


def test_modes_links_and_any_name_are_kept(tmp_path: Path) -> None:
    root = make(tmp_path, "run.sh", "plain", "x" * 200 + "/" + "y" * 100)
    root.joinpath("run.sh").chmod(0o755)
    root.joinpath("plain").chmod(0o640)
    root.joinpath("empty").mkdir(mode=0o700)
    root.joinpath("link").symlink_to("../outside/./it")
    root.joinpath("to-directory").symlink_to("empty")
    strange = os.fsdecode(b"caf\xe9 \n.py")
    root.joinpath(strange).write_text("x")
    found = entries(tar_of(root))
    assert {name: entry.mode for name, entry in found.items() if entry.isreg()} == {
        "run.sh": 0o755,
        "plain": 0o640,
        "x" * 200 + "/" + "y" * 100: 0o644,
        strange: 0o644,
    }
    assert found["empty"].isdir()
    assert found["empty"].mode == 0o700
    assert found["link"].linkname == "../outside/./it"
    assert found["to-directory"].issym()


def test_what_is_left_out_is_left_out_whatever_the_ignore_file_says(tmp_path: Path) -> None:
    root = make(tmp_path, "Dockerfile", "dags/a.py", "dags/sub/b.py", "dags_too/c.py", "x/dags/d")
    found = entries(tar_of(root, "*.md\n!dags\n!dags/a.py\n", leave_out={"dags"}.__contains__))
    assert sorted(found) == ["Dockerfile", "dags_too", "dags_too/c.py", "x", "x/dags", "x/dags/d"]


def test_what_is_always_sent_is_sent_whatever_the_ignore_file_says(tmp_path: Path) -> None:
    root = make(tmp_path, "docker/ci/Dockerfile", "docker/other", "dags/a", "b")
    always = ("docker/ci/Dockerfile", "dags/a")
    found = entries(tar_of(root, "*\n", leave_out={"dags"}.__contains__, always=always))
    assert list(found) == ["dags", "dags/a", "docker", "docker/ci", "docker/ci/Dockerfile"]


def test_directories_above_an_exception_come_along_and_others_do_not(tmp_path: Path) -> None:
    root = make(tmp_path, "a/b/keep", "a/b/drop", "a/c/drop", "e/drop")
    assert list(entries(tar_of(root, "*\n!a/b/keep\n"))) == ["a", "a/b", "a/b/keep"]
    assert list(entries(tar_of(root, "*\n!**/keep\n"))) == ["a", "a/b", "a/b/keep"]


def test_sockets_and_fifos_are_skipped_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make(tmp_path / "p", "a")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "sock"))
        with caplog.at_level(logging.INFO):
            assert list(entries(tar_of(root))) == ["a"]
    assert "fifo is left out" in caplog.text
    assert "sock is left out" in caplog.text


class Meddling(RawIOBase):
    """An output that does something to the project after its first bytes."""

    def __init__(self, meddle: object) -> None:
        self.meddle = meddle

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        if callable(self.meddle):
            self.meddle()
            self.meddle = None
        return len(bytes(data))  # type: ignore[call-overload]


@pytest.mark.parametrize("how", ["shrank", "grew", "gone"])
def test_a_file_that_changes_meanwhile_stops_the_build(tmp_path: Path, how: str) -> None:
    root = make(tmp_path, "a", "z")
    # Larger than any buffer, so that the output is called before the file is read to its end.
    root.joinpath("a").write_bytes(bytes(4_000_000))

    def meddle() -> None:
        if how == "gone":
            root.joinpath("z").unlink()
        else:
            os.truncate(root / "a", 5_000_000 if how == "grew" else 3_000_000)

    expected = {"gone": "z cannot be read .*No such file"}.get(how, f"a {how} while it was read")
    with pytest.raises(ProjectError, match=expected) as caught:
        write_context(root, Meddling(meddle), ignore=DockerIgnore.parse(""))  # type: ignore[arg-type]
    assert ".dockerignore" in caught.value.hint


def test_a_pipe_will_do_for_output(tmp_path: Path) -> None:
    root = make(tmp_path, "a", "b/c")
    root.joinpath("large").write_bytes(os.urandom(300_000))
    read_end, write_end = os.pipe()
    received = BytesIO()

    def receive() -> None:
        with os.fdopen(read_end, "rb") as reader:
            received.write(reader.read())

    thread = threading.Thread(target=receive)
    thread.start()
    with os.fdopen(write_end, "wb") as out:
        write_context(root, out, ignore=DockerIgnore.parse(""))
    thread.join()
    assert received.getvalue() == tar_of(root)


def test_a_copy_holds_what_the_tar_holds(tmp_path: Path) -> None:
    root = make(tmp_path / "p", "Dockerfile", "a/b", "a/c.pyc", "dags/d", "run")
    root.joinpath("run").chmod(0o700)
    root.joinpath("a").chmod(0o555)
    root.joinpath("link").symlink_to("nowhere")
    os.mkfifo(root / "fifo")
    ignore = "**/*.pyc\nDockerfile\n"
    copy = tmp_path / "copy"
    copy_context(root, copy, ignore=DockerIgnore.parse(ignore), leave_out={"dags"}.__contains__)
    assert tar_of(copy) == tar_of(root, ignore, leave_out={"dags"}.__contains__)
    assert not copy.joinpath("Dockerfile").exists()
    for directory in (root, copy):
        directory.joinpath("a").chmod(0o755)


def test_the_ignore_file_of_the_dockerfile_comes_before_the_common_one(tmp_path: Path) -> None:
    assert not read_ignore_file(tmp_path, "Dockerfile").excludes("a")
    tmp_path.joinpath(".dockerignore").write_text("a\n")
    assert read_ignore_file(tmp_path, "Dockerfile").excludes("a")
    tmp_path.joinpath("Dockerfile.dockerignore").write_text("")
    assert not read_ignore_file(tmp_path, "Dockerfile").excludes("a")
    assert read_ignore_file(tmp_path, "no/such/Dockerfile").excludes("a")
    tmp_path.joinpath("Dockerfile.dockerignore").write_text("[")
    with pytest.raises(ProjectError, match=r"^Dockerfile\.dockerignore line 1"):
        read_ignore_file(tmp_path, "Dockerfile")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a Git LFS pointer"),
        (b"\0GITCRYPT\0" + bytes(5000), "is encrypted by git-crypt"),
    ],
)
def test_what_stands_in_for_a_file_is_refused(tmp_path: Path, start: bytes, message: str) -> None:
    make(tmp_path / "p", "include/a").joinpath("include/model.bin").write_bytes(start)
    with pytest.raises(ProjectError, match=f"include/model.bin {message}") as caught:
        tar_of(tmp_path / "p")
    assert "exclude it in .dockerignore" in caught.value.hint
    ignore = DockerIgnore.parse("")
    with pytest.raises(ProjectError, match=message):
        copy_context(tmp_path / "p", tmp_path / "copy", ignore=ignore)
    assert tar_of(tmp_path / "p", "include/model.bin")
