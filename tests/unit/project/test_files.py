"""Files of a checkout that are more than files: nothing outside the repository is ever read."""

from __future__ import annotations

import ast
import os
import socket
import threading
from pathlib import Path

import pytest

import astro_ci
from astro_ci.configuration.locate import find_config_file, load
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.project.files import UnfitFileError, read_bytes, read_named_text, read_text
from astro_ci.project.find import read_dockerfile, read_ignore_file

MOST = 1000
SECRET = "ASTRO_API_TOKEN=a secret ["


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository; beside it lies a file of the job."""
    (tmp_path / "outside").write_text(SECRET)
    root = tmp_path / "checkout"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "config").write_text(SECRET)
    (root / "sub").mkdir()
    (root / "sub" / "file").write_text("inside")
    return root


@pytest.mark.parametrize(
    "target",
    [
        "/proc/self/environ",
        "../outside",
        "{above}/outside",
        "sub/../../outside",
        ".git/config",
        "sub/../.GIT/config",
        "{root}/.git/config",
        "{root}/../outside",
        "hop",
        "away/outside",
        "/",
        "..",
    ],
)
def test_no_link_leads_out(root: Path, target: str) -> None:
    (root / "hop").symlink_to("../outside")
    (root / "away").symlink_to("..")
    (root / "link").symlink_to(target.format(root=root, above=root.parent))
    with pytest.raises(UnfitFileError, match="a link that leads out of the repository") as caught:
        read_text(root / "link", most_bytes=MOST)
    assert "Replace the link" in caught.value.hint


@pytest.mark.parametrize(
    "target", ["sub/file", "./sub/../sub/file", "{root}/sub/file", "near/file", "hop"]
)
def test_a_link_within_the_repository_is_followed(root: Path, target: str) -> None:
    (root / "near").symlink_to("sub")
    (root / "hop").symlink_to("near/../near/file")
    (root / "sub" / "link").symlink_to(f"../{target}" if "{" not in target else str(root / "hop"))
    (root / "link").symlink_to(target.format(root=root))
    assert read_text(root / "link", most_bytes=MOST) == "inside"
    assert read_text(root / "sub" / "link", most_bytes=MOST) == "inside"


def test_an_absolute_link_is_compared_with_the_real_root_too(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    (root / "link").symlink_to(root / "sub" / "file")
    assert read_text(tmp_path / "alias" / "link", most_bytes=MOST) == "inside"


def test_outside_of_a_repository_a_link_stays_in_the_directory(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(SECRET)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "file").write_text("inside")
    (tmp_path / "project" / "near").symlink_to("file")
    (tmp_path / "project" / "far").symlink_to("../outside")
    assert read_text(tmp_path / "project" / "near", most_bytes=MOST) == "inside"
    with pytest.raises(UnfitFileError):
        read_text(tmp_path / "project" / "far", most_bytes=MOST)


def test_a_loop_of_links_ends(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        read_text(root / "a", most_bytes=MOST)


@pytest.mark.parametrize("kind", ["pipe", "socket", "directory", "nothing", "below a file"])
def test_what_is_no_file_is_not_opened(root: Path, kind: str) -> None:
    path = root / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            os.chdir(root)
            listener.bind("x")
    elif kind == "directory":
        path.mkdir()
    elif kind == "below a file":
        path = root / "sub" / "file" / "x"
    expected = {
        "directory": IsADirectoryError,
        "nothing": FileNotFoundError,
        "below a file": NotADirectoryError,
    }.get(kind, UnfitFileError)
    with pytest.raises(expected):
        read_bytes(path, most_bytes=MOST)


def test_a_limit_counts_what_is_read_and_not_what_a_size_says(root: Path) -> None:
    (root / "full").write_bytes(b"x" * MOST)
    (root / "over").write_bytes(b"x" * (MOST + 1))
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert len(read_bytes(root / "full", most_bytes=MOST)) == MOST
    for name in ("over", "sparse"):
        with pytest.raises(UnfitFileError, match="it is larger than 1,000 bytes"):
            read_bytes(root / name, most_bytes=MOST)
    with pytest.raises(UnfitFileError, match="larger than 10 bytes"):
        read_named_text(Path("/proc/self/status"), most_bytes=10)  # its size is 0


def test_text_that_is_not_utf8_is_told_with_its_line(root: Path) -> None:
    (root / "x").write_bytes("a: é\nb: ".encode() + b"\xff")
    with pytest.raises(UnfitFileError, match="line 2 is not UTF-8 text"):
        read_text(root / "x", most_bytes=MOST)
    assert read_text(root / "x", most_bytes=MOST, errors="replace").endswith("\ufffd")


class TestNamed:
    """A path that the user or the CI system gives."""

    def test_links_are_followed_outside_of_repositories(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("named")
        (tmp_path / "job").mkdir()
        (tmp_path / "job" / "link").symlink_to("../file")
        assert read_named_text(tmp_path / "job" / "link", most_bytes=MOST) == "named"

    @pytest.mark.parametrize("name", ["link", "away/outside"])
    def test_within_a_repository_no_link_leads_out(self, root: Path, name: str) -> None:
        (root / "link").symlink_to("../outside")
        (root / "away").symlink_to("..")
        with pytest.raises(UnfitFileError, match="leads out of the repository"):
            read_named_text(root / name, most_bytes=MOST)

    def test_a_pipe_is_read_to_its_end(self) -> None:
        """`--config <(make-config)` is one."""
        reader, writer = os.pipe()
        text = "x" * MOST

        def write() -> None:
            with os.fdopen(writer, "w") as file:
                file.write(text[:500])
                file.flush()
                file.write(text[500:])

        with os.fdopen(reader):
            thread = threading.Thread(target=write)
            thread.start()
            found = read_named_text(Path(f"/dev/fd/{reader}"), most_bytes=MOST)
            thread.join()
        assert found == text

    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
    def test_a_device_or_directory_is_not(self, path: str) -> None:
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            read_named_text(Path(path), most_bytes=MOST)


class TestWhoReads:
    def test_the_ignore_file(self, root: Path) -> None:
        (root / ".dockerignore").symlink_to("../outside")
        with pytest.raises(ProjectError, match=r"\.dockerignore cannot be read: it is a link") as e:
            read_ignore_file(root, "Dockerfile")
        assert "ASTRO_API_TOKEN" not in str(e.value)

    def test_the_ignore_file_of_the_dockerfile(self, root: Path) -> None:
        (root / "Dockerfile.dockerignore").symlink_to("/dev/zero")
        with pytest.raises(ProjectError, match=r"Dockerfile\.dockerignore cannot be read: it is"):
            read_ignore_file(root, "Dockerfile")

    def test_the_dockerfile(self, root: Path) -> None:
        assert read_dockerfile(root) is None
        (root / "Dockerfile").symlink_to("/proc/self/environ")
        with pytest.raises(ProjectError, match="Dockerfile cannot be read: it is a link"):
            read_dockerfile(root)

    def test_the_configuration_file(self, root: Path) -> None:
        (root / "astro-ci.yaml").symlink_to("/proc/self/environ")
        path = find_config_file(root / "sub")
        assert path == root / "astro-ci.yaml"
        for is_named in (False, True):
            with pytest.raises(ConfigurationError, match="it is a link that leads out") as caught:
                load(path, name=path.name, is_named=is_named)
            assert "Replace the link" in caught.value.hint

    @pytest.mark.parametrize("kind", ["directory", "broken link"])
    def test_a_configuration_file_that_is_none_is_told(self, root: Path, kind: str) -> None:
        path = root / "astro-ci.yaml"
        path.mkdir() if kind == "directory" else path.symlink_to("gone")
        assert find_config_file(root) == path
        with pytest.raises(ConfigurationError, match=r"astro-ci\.yaml cannot be read"):
            load(path, name=path.name)


OPENS_OTHER_FILES = {
    "project/files.py": "the one that reads files of the checkout",
    "bundle/archive.py": "ships the files of the DAGs, and opens no link",
    "image/building/context.py": "ships the files of the image, and opens no link",
    "image/building/docker_config.py": "the user's own directory",
    "image/user_config.py": "the user's own directory",
    "building/archive.py": "creates the archive, and reads one that we made",
    "image/building/named_builder.py": "the user's own directory",
    "image/over_ssh.py": "a temporary directory of ours",
    "astro/upload.py": "the bundle that we made",
    "ci/dialects/files.py": "appends to the files of the CI system",
    "pipelines/write.py": "creates files",
    "ci/systems/__init__.py": "our own templates",
    "cli.py": "the null device",
    "terminal/output.py": "the null device",
    "configuration/save.py": "writes the file that it read, and opens no link",
    "commands/config.py": "our own schema",
    "git/attributes.py": "only looks for words, and repeats none",
    "checks/static/source.py": "DAG files, after a look at where a link leads",
    "checks/static/zips.py": "DAG files, after a look at where a link leads",
    "checks/static/forked.py": "the null device",
    "checks/runners/copy.py": "ships the files to be checked, and opens no link",
    "checks/runners/job.py": "our own modules",
    "checks/runners/local.py": "a temporary directory of ours",
    "checks/parse/inside/journal.py": "a temporary directory of ours",
    "checks/parse/inside/load.py": "a temporary directory of ours",
    "checks/parse/inside/serve.py": "a temporary directory of ours",
    "checks/pytest/inside/serve.py": "a temporary directory of ours",
    "checks/parse/inside/processes.py": "the null device",
    "image/fast/layer.py": "a temporary directory of ours",
    "image/stored/packing.py": "a temporary directory of ours",
    "image/stored/unpack.py": "a temporary directory of ours",
}
READS = {"open", "read_text", "read_bytes", "copyfile", "copytree"}


def _opens(call: ast.Call) -> bool:
    """Whether a call may open a file by its path; `read_text` of project/files is a bare name."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    is_read = isinstance(call.func, ast.Attribute) and call.func.attr in READS
    return is_read and ast.unparse(call.func) not in ("GitRepo.open", "tarfile.open")


def test_no_other_module_opens_files() -> None:
    package = Path(astro_ci.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _opens(node)
    }
    # The sandbox and the demo have a world of their own.
    ours = {name for name in found if not name.startswith(("sandbox/", "demo/"))}
    assert ours == OPENS_OTHER_FILES.keys()
