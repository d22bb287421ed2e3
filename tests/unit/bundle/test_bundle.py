"""What ships in a DAG bundle, what is refused, and the bytes that come out."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from astro_ci.bundle import (
    Bundle,
    Member,
    check_links,
    has_dag_suffix,
    list_members,
    write_bundle,
)
from astro_ci.bundle.archive import _tar
from astro_ci.errors import CommandError, ProjectError
from tests.size import IS_MEASURED

MTIME = 1_700_000_000
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)


def make(dags: Path, files: Mapping[str, bytes | str]) -> Path:
    """Make a tree: bytes are a file's content, a str is where a link leads."""
    dags.mkdir(exist_ok=True)
    for name, content in files.items():
        path = dags / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
    return dags


def names(dags: Path) -> list[str]:
    return [member.name for member in list_members(dags)]


def pack(dags: Path, prefix: str = "dags", name: str = "dags.tar.gz") -> Bundle:
    return write_bundle(list_members(dags), dags.parent / name, mtime=MTIME, prefix=prefix)


def headers(bundle: Bundle) -> list[tarfile.TarInfo]:
    with tarfile.open(bundle.path) as archive:
        return archive.getmembers()


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return make(tmp_path / "dags", {})


# --- what ships ---------------------------------------------------------------------------------


def test_files_are_sorted_by_the_bytes_of_their_whole_names(dags: Path) -> None:
    make(dags, {"b.py": b"", "a/z.py": b"", "a.py": b"", "a-b/x.py": b"", "é.py": b"", "Z": b""})

    assert names(dags) == ["Z", "a-b/x.py", "a.py", "a/z.py", "b.py", "é.py"]


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        "sub/.git",
        "__pycache__/a.cpython-311.pyc",
        "sub/__pycache__/anything",
        "legacy.pyc",
        "legacy.pyo",
        "sub/.DS_Store",
        ".pytest_cache/v",
        ".mypy_cache/v",
        ".ruff_cache/v",
        ".ipynb_checkpoints/a.ipynb",
        ".hypothesis/v",
        ".tox/v",
        ".nox/v",
        ".venv/pyvenv.cfg",
        "sub/any name/pyvenv.cfg",
        "env/lib/python3.12/site-packages/x.py",
    ],
)
def test_leftovers_of_tools_do_not_ship(dags: Path, name: str) -> None:
    make(dags, {"a.py": b"", name: b"leftover"})
    if name.startswith("env/"):
        make(dags, {"env/pyvenv.cfg": b"", "env/bin/activate": b""})

    assert names(dags) == ["a.py"]


def test_what_a_dag_could_read_ships(dags: Path) -> None:
    # Among them names that a careless match of the list of leftovers would catch.
    kept = [
        ".airflowignore",
        ".gitignore",
        ".hidden/a.sql",
        "a.pyc.sql",
        "git/x",
        "node_modules/m/index.js",
        "pycache__/x",
    ]
    make(dags, dict.fromkeys(kept, b"") | {"pyvenv.cfg": b"", "__pycache__/x": b""})

    assert names(dags) == [*kept, "pyvenv.cfg"]


def test_the_dags_directory_may_be_a_link_and_links_below_it_are_not_followed(
    tmp_path: Path,
) -> None:
    make(tmp_path / "real", {"a.py": b"", "sub/b.py": b"", "loop": ".", "up": "sub"})
    (tmp_path / "dags").symlink_to("real")

    members = list_members(tmp_path / "dags")

    assert [(m.name, m.link) for m in members] == [
        ("a.py", None),
        ("loop", "."),
        ("sub/b.py", None),
        ("up", "sub"),
    ]


def test_special_files_are_left_out_with_a_warning(
    dags: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(dags, {"a.py": b""})
    os.mkfifo(dags / "pipe\n")
    monkeypatch.chdir(dags)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        assert names(dags) == ["a.py"]

    assert sorted(record.levelname for record in caplog.records) == ["WARNING", "WARNING"]
    assert "pipe\\n" in caplog.text
    assert "socket is neither a file nor a link, so it is not deployed" in caplog.text


def test_a_very_deep_tree_is_listed(dags: Path) -> None:
    depth = 1500  # beyond Python's recursion limit, within the length of a path
    descriptor = os.open(dags, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("a.py", os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    try:
        bundle = pack(dags)

        assert headers(bundle)[-1].name == "dags/" + "d/" * depth + "a.py"
    finally:
        subprocess.run(["rm", "-rf", dags], check=True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dags: dags.rmdir(),
        lambda dags: (dags.rmdir(), dags.write_text("a file")),
        lambda dags: (dags.rmdir(), dags.symlink_to("nowhere")),
        lambda dags: (dags.rmdir(), dags.symlink_to("dags")),
    ],
    ids=["missing", "a file", "a dangling link", "a link to itself"],
)
def test_no_directory_is_a_project_error(dags: Path, spoil: Callable[[Path], object]) -> None:
    spoil(dags)

    with pytest.raises(ProjectError, match=r"the DAGs directory .*dags cannot be read") as error:
        list_members(dags)
    assert "--dags-path" in error.value.hint


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ([], 0),
        (["a.py", "b.zip", "c.yaml", "sub/d.yml"], 4),
        (["happy.txt", "a.pyx", "a.py.bak", ".py", "py", "a.py/readme.md", "sql/x.sql"], 0),
        (["two words.py", "-x.py", "new\nline.py", "a.b.py"], 4),
    ],
)
def test_dag_files_are_told_by_their_suffix(dags: Path, files: list[str], count: int) -> None:
    make(dags, dict.fromkeys(files, b""))

    assert sum(has_dag_suffix(member.name) for member in list_members(dags)) == count


# --- links --------------------------------------------------------------------------------------

INSIDE = {
    "to a file": {"l": "a.py"},
    "to a file below": {"l": "sub/b.py"},
    "from below": {"sub/l": "../a.py"},
    "to a link": {"l": "m", "m": "a.py"},
    "through a link to a directory": {"d": "sub", "l": "d/b.py"},
    "with dots": {"l": "./sub/.././a.py"},
    "out and in again by the name in the bundle": {"l": "../dags/a.py"},
}
LEAVING = {
    "absolute": {"l": "/etc/passwd"},
    "absolute, yet into dags": {"l": "{dags}/a.py"},
    "to a sibling": {"l": "../include/x.py"},
    "to a sibling whose name starts alike": {"l": "../dags_shared"},
    "from below": {"sub/l": "../../include/x.py"},
    "to the directory above": {"l": ".."},
    "far out": {"l": "../../../../../../../../etc"},
    "to a link that leaves": {"l": "m", "m": "../include/x.py"},
    "through a directory link that leaves": {"d": "../include", "l": "d/x.py"},
    "dangling": {"l": "missing.py"},
    "below a file": {"l": "a.py/x"},
    "to itself": {"l": "l"},
    "in a circle": {"l": "m", "m": "l"},
    "in a circle of directories": {"l": "m/x", "m": "l/x"},
    "to what does not ship": {"l": "__pycache__/a.pyc"},
    "through what does not ship": {"__pycache__/m": "../a.py", "l": "__pycache__/m"},
    "to an empty directory": {"l": "empty"},
}


def make_links(tmp_path: Path, links: Mapping[str, str]) -> list[Member]:
    make(tmp_path / "include", {"x.py": b""})
    make(tmp_path / "dags_shared", {"x.py": b""})
    dags = make(tmp_path / "dags", {"a.py": b"", "sub/b.py": b"", "__pycache__/a.pyc": b""})
    (dags / "empty").mkdir()
    make(dags, {name: target.replace("{dags}", str(dags)) for name, target in links.items()})
    return list_members(dags)


@pytest.mark.parametrize("links", INSIDE.values(), ids=INSIDE.keys())
def test_links_inside_the_bundle_ship(
    tmp_path: Path, links: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    members = make_links(tmp_path, links)
    check_links(members, tmp_path / "dags", refuse=True)

    assert "out of the bundle" not in caplog.text


@pytest.mark.parametrize("links", LEAVING.values(), ids=LEAVING.keys())
def test_links_that_lead_out_or_nowhere_are_refused_on_airflow_3(
    tmp_path: Path, links: Mapping[str, str]
) -> None:
    members = make_links(tmp_path, links)

    with pytest.raises(ProjectError, match="lead out of the bundle or nowhere") as error:
        check_links(members, tmp_path / "dags", refuse=True)
    assert "l -> " in str(error.value)
    assert error.value.exit_code == 3
    assert "Replace each link" in error.value.hint


def test_they_are_warned_about_on_airflow_2(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    members = make_links(tmp_path, {"l": "../include/x.py", "fine": "a.py"})

    check_links(members, tmp_path / "dags", refuse=False)

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "l -> ../include/x.py" in record.getMessage()
    assert "fine" not in record.getMessage()


def test_in_a_bundle_without_prefix_there_is_nothing_above_the_dags(tmp_path: Path) -> None:
    members = make_links(tmp_path, {"l": "../dags/a.py"})

    with pytest.raises(ProjectError):
        check_links(members, tmp_path / "dags", refuse=True, prefix="")


def test_a_long_list_of_links_is_shortened_and_made_printable(tmp_path: Path) -> None:
    members = make_links(tmp_path, {f"l{n}\n": "/x" for n in range(9)})

    with pytest.raises(ProjectError, match="and 4 more") as error:
        check_links(members, tmp_path / "dags", refuse=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("links", [{"sub/up": ".."}, {"twice": "sub"}, {"here": "."}])
def test_a_directory_that_airflow_would_meet_twice_is_warned_about(
    tmp_path: Path, links: Mapping[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    # Airflow's walk of the DAGs folder follows links and raises "Detected recursive loop".
    members = make_links(tmp_path, links)

    check_links(members, tmp_path / "dags", refuse=True)

    assert f"{next(iter(links))} -> " in caplog.text
    assert ".airflowignore" in caplog.text


# --- submodules and Git LFS ---------------------------------------------------------------------


def test_a_git_lfs_pointer_is_refused(dags: Path) -> None:
    make(dags, {"a.py": b"", "data/model.bin": POINTER})

    with pytest.raises(ProjectError, match=r"model\.bin is a Git LFS pointer") as error:
        pack(dags)
    assert "git lfs pull" in error.value.hint
    assert "lfs: true" in error.value.hint


@pytest.mark.parametrize(
    "content",
    [b"# " + POINTER, POINTER + b"x" * 1024, POINTER[:30]],
    ids=["mentions one", "too large for one", "the beginning of one"],
)
def test_what_only_looks_like_a_pointer_ships(dags: Path, content: bytes) -> None:
    make(dags, {"notes.md": content})

    assert pack(dags).files == 1


# --- the archive --------------------------------------------------------------------------------


def test_the_bundle_says_what_was_written(dags: Path) -> None:
    make(dags, {"a.py": b"print()", "big.bin": os.urandom(1_000_000), "l": "a.py"})

    bundle = pack(dags)

    written = bundle.path.read_bytes()
    assert bundle == Bundle(
        path=dags.parent / "dags.tar.gz",
        size=len(written),
        md5=hashlib.md5(written).digest(),  # noqa: S324 - the blob store wants it
        sha256=hashlib.sha256(written).hexdigest(),
        files=3,
    )


def test_members_carry_nothing_of_this_machine(dags: Path) -> None:
    make(dags, {"a.py": b"", "sub/deep/b.sh": b"", "l": "a.py"})
    (dags / "sub/deep/b.sh").chmod(0o711)
    (dags / "a.py").chmod(0o606)

    found = headers(pack(dags))

    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found} == {(0, 0, "", "", MTIME)}
    assert [(m.name, m.type, oct(m.mode)) for m in found] == [
        ("dags", tarfile.DIRTYPE, "0o755"),
        ("dags/sub", tarfile.DIRTYPE, "0o755"),
        ("dags/sub/deep", tarfile.DIRTYPE, "0o755"),
        ("dags/a.py", tarfile.REGTYPE, "0o644"),
        ("dags/l", tarfile.SYMTYPE, "0o777"),
        ("dags/sub/deep/b.sh", tarfile.REGTYPE, "0o755"),
    ]


def test_the_gzip_header_holds_neither_a_time_nor_a_name(dags: Path) -> None:
    magic, deflate, no_flags, no_time = b"\x1f\x8b", b"\x08", b"\x00", b"\x00" * 4

    assert pack(dags).path.read_bytes().startswith(magic + deflate + no_flags + no_time)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("dags", ["dags", "dags/sub", "dags/sub/a.py"]),
        ("", ["sub", "sub/a.py"]),
        ("src/dags", ["src", "src/dags", "src/dags/sub", "src/dags/sub/a.py"]),
    ],
)
def test_a_prefix_of_ones_own(dags: Path, prefix: str, expected: list[str]) -> None:
    make(dags, {"sub/a.py": b""})

    assert [m.name for m in headers(pack(dags, prefix))] == expected


def test_empty_directories_do_not_ship(dags: Path) -> None:
    make(dags, {"a.py": b"", "cache/__pycache__/x": b""})
    (dags / "empty/er").mkdir(parents=True)

    assert [m.name for m in headers(pack(dags))] == ["dags", "dags/a.py"]


@pytest.mark.parametrize(("prefix", "expected"), [("dags", ["dags"]), ("", [])])
def test_an_empty_dags_directory_is_a_valid_archive(
    dags: Path, prefix: str, expected: list[str]
) -> None:
    bundle = pack(dags, prefix)

    assert bundle.files == 0
    assert [m.name for m in headers(bundle)] == expected


def test_hard_links_ship_as_files(dags: Path) -> None:
    make(dags, {"a.py": b"same"})
    (dags / "b.py").hardlink_to(dags / "a.py")

    files = [m for m in headers(pack(dags)) if m.name != "dags"]

    assert [(m.type, m.size) for m in files] == [(tarfile.REGTYPE, 4)] * 2


def test_two_checkouts_of_the_same_content_give_the_same_bytes(tmp_path: Path) -> None:
    content: dict[str, bytes | str] = {
        "b.py": b"b",
        "a.py": b"a" * 600,
        "sub/c.sh": b"c",
        "l": "a.py",
    }
    bundles = []
    for number, umask in enumerate((0o022, 0o077)):
        before = os.umask(umask)
        try:
            items = list(content.items())[:: -1 if number else 1]
            (tmp_path / str(number)).mkdir()
            dags = make(tmp_path / str(number) / "dags", dict(items))
            script = dags / "sub/c.sh"
            script.chmod(0o777 & ~umask)
            os.utime(script, (number, number))
            bundles.append(pack(dags))
        finally:
            os.umask(before)

    assert bundles[0].path.read_bytes() == bundles[1].path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda dags: (dags / "a.py").write_bytes(b"B"),
        lambda dags: (dags / "a.py").chmod(0o755),
        lambda dags: (dags / "a.py").rename(dags / "b.py"),
        lambda dags: (dags / "empty.py").touch(),
    ],
    ids=["content", "mode", "name", "one more"],
)
def test_another_content_gives_other_bytes(dags: Path, change: Callable[[Path], object]) -> None:
    make(dags, {"a.py": b"A"})
    before = pack(dags)

    change(dags)

    assert pack(dags, name="again.tar.gz").sha256 != before.sha256


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 256 * 1024, 256 * 1024 + 1])
def test_every_size_comes_out_as_it_went_in(dags: Path, size: int) -> None:
    content = os.urandom(size)
    make(dags, {"a.bin": content, "b.py": b"after"})

    with tarfile.open(pack(dags).path) as archive:
        first, second = archive.extractfile("dags/a.bin"), archive.extractfile("dags/b.py")
        assert first is not None
        assert second is not None
        assert (first.read(), second.read()) == (content, b"after")


# --- what goes wrong while packing --------------------------------------------------------------


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: os.truncate(path, 10),
        lambda path: path.write_bytes(b"x" * 2_000_000),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
    ids=["shrinks", "grows", "is rewritten"],
)
def test_a_file_that_changes_while_it_is_read_is_named(
    dags: Path, meddle: Callable[[Path], object]
) -> None:
    make(dags, {"a.py": b"x" * 1_000_000})
    pieces = _tar(list_members(dags), prefix="dags", mtime=MTIME)
    for _ in range(3):  # the directory, the header of the file, the first piece of it
        next(pieces)

    meddle(dags / "a.py")

    with pytest.raises(ProjectError, match=r"a\.py changed while it was packed"):
        list(pieces)


def replaced(path: Path, make_other: Callable[[Path], object]) -> None:
    path.unlink()
    make_other(path)


@pytest.mark.parametrize(
    ("meddle", "message"),
    [
        (lambda path: path.unlink(), r"a\.py cannot be read: No such file"),
        (lambda path: replaced(path, lambda p: p.symlink_to("/etc/passwd")), "cannot be read"),
        (lambda path: replaced(path, os.mkfifo), "changed while it was packed"),
        (lambda path: replaced(path, Path.mkdir), "changed while it was packed|cannot be read"),
    ],
    ids=["gone", "a link", "a pipe", "a directory"],
)
def test_a_file_that_is_replaced_after_it_was_listed_is_named(
    dags: Path, meddle: Callable[[Path], object], message: str
) -> None:
    make(dags, {"a.py": b"x"})
    members = list_members(dags)

    meddle(dags / "a.py")

    with pytest.raises(ProjectError, match=message):
        write_bundle(members, dags.parent / "dags.tar.gz", mtime=MTIME)


def test_a_file_that_may_not_be_read_is_named(dags: Path) -> None:
    make(dags, {"a.py": b"x"})
    (dags / "a.py").chmod(0)
    if os.access(dags / "a.py", os.R_OK):
        pytest.skip("this user may read everything")

    with pytest.raises(ProjectError, match=r"a\.py cannot be read: Permission denied"):
        pack(dags)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("size", [10, 5_000_000], ids=["at the end", "on the way"])
def test_a_full_disk_is_said_to_be_full(dags: Path, size: int) -> None:
    make(dags, {"a.py": os.urandom(size)})

    with pytest.raises(CommandError, match="No space left on device") as error:
        write_bundle(list_members(dags), Path("/dev/full"), mtime=MTIME)
    assert error.value.exit_code == 4
    assert "TMPDIR" in error.value.hint


@pytest.mark.skipif(IS_MEASURED, reason="the files of coverage are larger than the limit")
def test_a_limit_on_the_size_of_files_is_said_too(dags: Path) -> None:
    make(dags, {"a.py": os.urandom(100_000)})
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from astro_ci.bundle import list_members, write_bundle\n"
        "from astro_ci.errors import CommandError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try: write_bundle(list_members(Path(sys.argv[1])), Path(sys.argv[2]), mtime=0)\n"
        "except CommandError as error: print(error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, dags, dags.parent / "out"],
        capture_output=True,
        text=True,
    )

    assert done.stdout.endswith("File too large\n"), done
    assert done.stderr == ""


def test_a_place_that_cannot_be_written_to_is_named(dags: Path) -> None:
    with pytest.raises(CommandError, match="missing: No such file or directory") as error:
        write_bundle([], dags / "missing/dags.tar.gz", mtime=MTIME)
    assert "TMPDIR" in error.value.hint
