"""What the checkout and its configuration name does not run: one test for each row of the table.

The canary is a script of the checkout. Each row is tried in a clone where everything that could
lead to it does: a dirty tree, attributes that name its driver, a remote of each kind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astro_ci.errors import GitError
from astro_ci.git import GitRepo
from astro_ci.git.untrusted import TABLE, environment, names_checkout
from tests.integration.git_server import serve_git
from tests.repository import Repository

# One test process builds the clone that the others copy.
pytestmark = pytest.mark.xdist_group("untrusted")

CANARY = "ci/canary"
ATTRIBUTES = "* filter=canary diff=canary merge=canary text=auto\n"
ROWS = {key: row for row in TABLE for key in row.keys.split()}
VARIABLES = [key[1:] for key in ROWS if key.startswith("$")]
HIDDEN = ("filter", "diff", "credential", "core.", "remote")
"""Settings of a row that would hide each other: each of these is tried alone."""


def _together() -> list[list[str]]:
    """The settings of a row, as they can be tried at a time."""
    found = []
    for row in TABLE:
        keys = [key for key in row.keys.split() if not key.startswith("$")]
        alone = [key for key in keys if key.startswith(HIDDEN)]
        rest = [key for key in keys if key not in alone]
        found += [[key] for key in alone] + ([rest] if rest else [])
    return found


SETTINGS = _together()


class Trap:
    """A shallow clone whose checkout holds the canary, and all that could call it."""

    def __init__(self, origin: Repository, clone: Repository, canary: Path) -> None:
        self.origin, self.clone, self.canary = origin, clone, canary
        self.base = origin.git("rev-parse", "HEAD~1")

    @classmethod
    def build(cls, root: Path) -> Trap:
        canary = root / "it-ran"
        files = {
            "dags/a.py": "a",
            "dags/b.py": "b",
            ".gitattributes": ATTRIBUTES,
            ".gitmodules": "",
            # Git commands that want an answer get one, so that they go on.
            CANARY: f'#!/bin/sh\necho "$0 $*" >> {canary}\necho password=x\ncat\n',
        }
        origin = Repository.create(root / "origin", files)
        (origin.root / CANARY).chmod(0o755)
        origin.commit("with a canary")
        origin.write({"dags/b.py": "2"})
        origin.commit("second")
        return cls(origin, origin.clone(root / "clone", "--depth=1"), canary)

    def copy(self, root: Path) -> Trap:
        """The same with other repositories; the canary leaves its mark in the same place."""
        self.canary.unlink(missing_ok=True)
        origin, clone = (
            Repository(shutil.copytree(repository.root, root / repository.root.name, symlinks=True))
            for repository in (self.origin, self.clone)
        )
        config = clone.root / ".git/config"
        config.write_text(config.read_text().replace(str(self.origin.root), str(origin.root)))
        return Trap(origin, clone, self.canary)

    @property
    def script(self) -> str:
        return str(self.clone.root / CANARY)

    def spring(self, env: dict[str, str] | None = None) -> None:
        """Ask everything that we ask of a repository, with a dirty tree and another one inside."""
        root = self.clone.root
        (root / "dags/new.py").write_text("n")
        (root / "dags/a.py").write_text("changed")
        os.utime(root / "dags/b.py", (1, 1))
        repo = GitRepo.open(root / "dags", {**os.environ, **(env or {})})
        head = repo.head()
        repo.fetch_commit(self.base)
        repo.find_remote("main")
        repo.reaches_remote()
        repo.came_after(self.base, head.sha)
        repo.was_committed_on(self.base)
        repo.superproject()
        assert repo.line_ends == ""
        with repo.snapshot([""], with_ignored=["dags"]) as snapshot:
            snapshot.prepare_changes(head.sha)
            names = [line.partition("\t")[2] for line in snapshot.read(list)]
            changed = {change.path for change in snapshot.changes(head.sha)}
        assert "dags/new.py" in names
        assert {"dags/a.py", "dags/new.py"} <= changed
        repo.files_at(head.sha, "dags")

    def assert_quiet(self) -> None:
        ran = self.canary.read_text() if self.canary.exists() else ""
        assert ran == "", f"the canary ran: {ran}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trap]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada Lovelace")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
        yield Trap.build(tmp_path_factory.mktemp("trap"))


@pytest.fixture
def trap(built: Trap, tmp_path: Path) -> Trap:
    return built.copy(tmp_path)


def _lead_to(trap: Trap, shape: str) -> None:
    """Point the remote at what uses a setting, where the file system does not."""
    ways: dict[str, Callable[[], object]] = {
        "core.sshcommand": lambda: _remote(trap, "ssh://git@localhost:1/x"),
        "core.gitproxy": lambda: _remote(trap, "git://localhost:1/x"),
        "protocol.ext.allow": lambda: _remote(trap, f"ext::{trap.script} %S"),
        "remote.*.vcs": lambda: _remote(trap, f"{trap.script} %S"),
        "core.alternaterefscommand": lambda: _borrow(trap),
    }
    ways.get(shape, lambda: None)()


def _remote(trap: Trap, url: str) -> None:
    trap.clone.git("remote", "set-url", "origin", url)


def _borrow(trap: Trap) -> None:
    other = trap.origin.clone(trap.origin.root.parent / "other")
    alternates = trap.clone.root / ".git/objects/info/alternates"
    alternates.write_text(f"{other.root}/.git/objects\n")


VALUES = {
    "core.hookspath": "ci",
    "core.fsmonitor": CANARY,
    "protocol.ext.allow": "always",
    "log.showsignature": "true",
    "gc.auto": "1",
    "maintenance.auto": "true",
    "remote.*.vcs": "ext",
    "submodule.*.update": f"!{CANARY}",
    "alias.*": f"!{CANARY}",
    "init.templatedir": "ci",
    "credential.helper": f"!{CANARY}",
    "credential.*.helper": f"!{CANARY}",
}
SUBJECTS = {"remote": "origin", "credential": "http://127.0.0.1", "gpg": "ssh", "pager": ""}


def _configure(trap: Trap, shape: str) -> None:
    section, *_ = shape.split(".")
    if shape in ("pager.*", "alias.*"):
        names = [f"{section}.{command}" for command in ("log", "fetch", "diff-files", "ls-files")]
    else:
        names = [shape.replace("*", SUBJECTS.get(section, "canary"))]
    for name in names:
        trap.clone.git("config", name, VALUES.get(shape, CANARY))
    if section == "filter":
        trap.clone.git("config", "filter.canary.required", "true")
    if section == "hook":
        trap.clone.git("config", "hook.canary.event", "post-index-change")
    if shape == "log.showsignature":
        trap.clone.git("config", "gpg.program", CANARY)
    if shape == "protocol.ext.allow":
        trap.clone.git("config", "protocol.allow", "always")


@pytest.mark.parametrize("shapes", SETTINGS, ids=" ".join)
def test_no_setting_runs_what_the_checkout_holds(trap: Trap, shapes: list[str]) -> None:
    for hook in ("post-index-change", "reference-transaction", "pre-auto-gc"):
        (trap.clone.root / "ci" / hook).write_bytes((trap.clone.root / CANARY).read_bytes())
        (trap.clone.root / "ci" / hook).chmod(0o755)
    for shape in shapes:
        _lead_to(trap, shape)
        _configure(trap, shape)
    trap.spring()
    trap.assert_quiet()


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_runs_what_the_checkout_holds(trap: Trap, name: str) -> None:
    ways = {"GIT_SSH": "core.sshcommand", "GIT_SSH_COMMAND": "core.sshcommand"}
    _lead_to(trap, {**ways, "GIT_PROXY_COMMAND": "core.gitproxy"}.get(name, ""))
    value = trap.script
    if name == "GIT_EXEC_PATH":
        value = str(trap.clone.root / "ci")
        for program in ("git-upload-pack", "git-fetch"):
            (trap.clone.root / "ci" / program).symlink_to("canary")
    trap.spring({name: value})
    trap.assert_quiet()


@pytest.mark.parametrize("shape", ["core.askpass", "credential.helper", "credential.*.helper"])
def test_nobody_of_the_checkout_is_asked_for_a_password(
    trap: Trap, shape: str, tmp_path: Path
) -> None:
    """The server wants a password, which is what git asks these for."""
    with serve_git(tmp_path, "secret") as server:
        _remote(trap, f"{server.url}/origin")
        section, _, _ = shape.partition(".")
        subject = server.url if section == "credential" else ""
        trap.clone.git("config", shape.replace("*", subject), VALUES.get(shape, trap.script))
        trap.spring()
        assert server.given
    trap.assert_quiet()


@pytest.mark.parametrize("name", ["GIT_ASKPASS", "SSH_ASKPASS"])
def test_no_variable_leads_to_a_password(trap: Trap, name: str, tmp_path: Path) -> None:
    with serve_git(tmp_path, "secret") as server:
        _remote(trap, f"{server.url}/origin")
        trap.spring({name: trap.script})
    trap.assert_quiet()


NO_PROGRAMS = {
    *("http.proxy", "remote.*.proxy", "advice.ignoredhook", "gitcvs.dbdriver", "column.clean"),
    *("color.pager", "commit.cleanup", "notes.rewrite.*", "completion.commands"),
    *("diff.*.cachetextconv", "advice.waitingforeditor"),
}
ENDINGS = (
    *("command", "cmd", "helper", "program", "driver", "editor", "pager", "hook", "proxy", "vcs"),
    *("clean", "smudge", "process", "textconv", "external", "browser", "askpass", "hookspath"),
    *("uploadpack", "receivepack", "tunnel", "difffilter", "fsmonitor"),
)


def test_every_program_of_this_git_is_in_the_table() -> None:
    """A newer git with one more setting that could run something makes this fail."""
    listed = subprocess.run(["git", "help", "--config"], capture_output=True, text=True, check=True)
    found = set()
    for name in listed.stdout.lower().split():
        if name.rpartition(".")[2].strip("<>").endswith(ENDINGS):
            found.add(re.sub("<.*>", "*", name))
    assert len(found) > 20
    assert found - NO_PROGRAMS - set(ROWS) == set()


class TestOnThePath:
    def test_no_program_of_the_checkout_stands_for_git(self, trap: Trap) -> None:
        (trap.clone.root / "ci/git").symlink_to("canary")
        path = f"{trap.clone.root}/ci:ci:{os.environ['PATH']}:"
        trap.spring({"PATH": path})
        trap.assert_quiet()

    def test_nor_for_a_helper_of_git(self, trap: Trap) -> None:
        (trap.clone.root / "ci/git-remote-mine").symlink_to("canary")
        _remote(trap, "mine::x")
        trap.spring({"PATH": f"{trap.clone.root}/ci:{os.environ['PATH']}"})
        trap.assert_quiet()

    def test_what_is_outside_stays(self, tmp_path: Path) -> None:
        root, venv = tmp_path / "project", tmp_path / "project-tools"
        env = environment({"PATH": f"{venv}/bin:{root}/bin:bin::/usr/bin"}, root)
        assert env["PATH"] == f"{venv}/bin:/usr/bin"


class TestOfWhatAPullRequestControls:
    def test_a_file_that_the_configuration_includes(self, trap: Trap, tmp_path: Path) -> None:
        """Outside of it such a helper is the job's; in a tracked file it is a stranger's."""
        helper = f"!f() {{ touch {trap.canary}; }}; f"
        trap.clone.git(
            "config", "--file", str(trap.clone.root / "x.cfg"), "credential.helper", helper
        )
        trap.clone.git("config", "include.path", "../x.cfg")
        with serve_git(tmp_path, "secret") as server:
            _remote(trap, f"{server.url}/origin")
            trap.spring()
        trap.assert_quiet()

    def test_hooks_of_the_repository_do_not_run_either(self, trap: Trap) -> None:
        hook = trap.clone.root / ".git/hooks/post-index-change"
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes((trap.clone.root / CANARY).read_bytes())
        hook.chmod(0o755)
        trap.spring()
        trap.assert_quiet()

    def test_a_repository_within(self, trap: Trap) -> None:
        inner = Repository.create(trap.clone.root / "dags/inner", {"x.py": "x"})
        inner.git("config", "core.hooksPath", "../../ci")
        inner.git("config", "core.fsmonitor", "../../ci/canary")
        inner.git("config", "filter.canary.clean", "../../ci/canary")
        (trap.clone.root / "ci/post-index-change").symlink_to("canary")
        inner.write({"x.py": "y", ".gitattributes": "* filter=canary\n"})
        trap.spring()
        trap.assert_quiet()

    def test_a_submodule(self, trap: Trap) -> None:
        trap.clone.git("submodule", "--quiet", "add", f"file://{trap.origin.root}", "dags/lib")
        inner = Repository(trap.clone.root / "dags/lib")
        inner.git("config", "core.hooksPath", "../../ci")
        inner.git("config", "core.fsmonitor", "../../ci/canary")
        inner.git("config", "filter.canary.process", "../../ci/canary")
        inner.write({"dags/a.py": "changed", "untracked": "x"})
        trap.spring()
        trap.assert_quiet()

    def test_a_partial_clone_that_fetches_by_itself(self, trap: Trap, tmp_path: Path) -> None:
        trap.clone = trap.origin.clone(tmp_path / "partial", "--filter=tree:0")
        trap.clone.git("config", "remote.origin.uploadpack", CANARY)
        repo = GitRepo.open(trap.clone.root, os.environ)
        with repo.snapshot([""]) as snapshot, pytest.raises(GitError):
            snapshot.changes(trap.base)
        trap.assert_quiet()

    def test_git_lfs_by_another_name(self, trap: Trap) -> None:
        for value in (CANARY, "ci/git-lfs clean", "git-lfs clean; ci/canary", "./ci/git-lfs"):
            trap.clone.git("config", "filter.lfs.clean", value)
            (trap.clone.root / ".gitattributes").write_text("* filter=lfs\n")
            (trap.clone.root / "ci/git-lfs").unlink(missing_ok=True)
            (trap.clone.root / "ci/git-lfs").symlink_to("canary")
            trap.spring()
            trap.assert_quiet()


class TestOfWhatTheJobSetsUp:
    """What the job writes about fetching goes on to work."""

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            (
                "core.sshCommand",
                '"/usr/bin/ssh" -i "/runner/_temp/key" -o StrictHostKeyChecking=yes',
            ),
            ("credential.helper", "store"),
            ("credential.https://git.example.com.helper", '!f() { echo password="$TOKEN"; }; f'),
            ("credential.helper", "!aws codecommit credential-helper $@"),
            ("filter.lfs.clean", "git-lfs clean -- %f"),
            ("filter.lfs.process", "git-lfs filter-process"),
            ("filter.git-crypt.clean", '"git-crypt" clean --key-name=team'),
            ("filter.git-crypt.smudge", '"/usr/local/bin/git-crypt" smudge'),
            ("http.https://github.com/.extraheader", "AUTHORIZATION: basic eA=="),
            ("http.proxy", "http://localhost:29418"),
        ],
    )
    def test_is_kept(self, trap: Trap, key: str, value: str) -> None:
        trap.clone.git("config", key, value)
        repo = GitRepo.open(trap.clone.root, os.environ)
        closed = repo._git.closed
        assert (closed.settings, closed.variables, closed.filters) == ((), {}, frozenset())

    def test_a_helper_of_the_job_answers(self, trap: Trap, tmp_path: Path) -> None:
        """One in the checkout is left out, and the job's is asked."""
        with serve_git(tmp_path, "secret") as server:
            _remote(trap, f"{server.url}/origin")
            job = "!f() { echo username=x-access-token; echo password=secret; }; f"
            trap.clone.git("config", "--add", "credential.helper", job)
            trap.clone.git("config", "--add", "credential.helper", f"!{CANARY}")
            repo = GitRepo.open(trap.clone.root, os.environ)
            assert repo.reaches_remote()
            assert repo.fetch_commit(trap.base)
        trap.assert_quiet()

    def test_an_askpass_of_the_job_answers(self, trap: Trap, tmp_path: Path) -> None:
        ask = tmp_path / "askpass"
        ask.write_text(
            '#!/bin/sh\ncase "$1" in User*) echo x-access-token;; *) echo secret;; esac\n'
        )
        ask.chmod(0o755)
        with serve_git(tmp_path, "secret") as server:
            _remote(trap, f"{server.url}/origin")
            assert GitRepo.open(
                trap.clone.root, {**os.environ, "GIT_ASKPASS": str(ask)}
            ).reaches_remote()
            assert not GitRepo.open(trap.clone.root, os.environ).reaches_remote()

    def test_ssh_of_the_job_is_called(self, trap: Trap, tmp_path: Path) -> None:
        called = tmp_path / "called"
        ssh = tmp_path / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
        ssh.chmod(0o755)
        _remote(trap, "ssh://git@git.example.com/x")
        trap.clone.git("config", "core.sshCommand", f'"{ssh}" -i "{tmp_path}/key"')
        assert not GitRepo.open(trap.clone.root, os.environ).reaches_remote()
        assert f"-i {tmp_path}/key" in called.read_text()

    def test_settings_that_a_file_outside_includes(self, trap: Trap, tmp_path: Path) -> None:
        """GitLab's runner and actions/checkout include a file beside the checkout."""
        with serve_git(tmp_path, "secret") as server:
            _remote(trap, f"{server.url}/origin")
            file = tmp_path / "clone.tmp.cfg"
            helper = "!f() { echo username=x-access-token; echo password=secret; }; f"
            trap.clone.git("config", "--file", str(file), f"credential.{server.url}.helper", helper)
            trap.clone.git("config", f"includeIf.gitdir:{trap.clone.root}/.git.path", str(file))
            assert GitRepo.open(trap.clone.root, os.environ).reaches_remote()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("./run", True),
        ("ci/canary", True),
        ("sh ci/canary", True),
        ("sh file", True),
        ("!f() { cat file; }; f", True),
        ("$PWD/x", True),
        ("${CI_PROJECT_DIR}/x --y", True),
        ("--option=ci/x", True),
        ("/usr/bin/ssh -F file", True),
        ("link", False),
        ("sh link", True),
        ("file", False),
        ("ssh -i /run/key", False),
        ("!sh .git/x", False),
        ("/elsewhere/link-to-it", True),
    ],
)
def test_what_names_the_checkout(tmp_path: Path, command: str, expected: bool) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").touch()
    (root / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").touch()
    (tmp_path / "link-to-it").symlink_to(root / "file")
    env = {"CI_PROJECT_DIR": str(root)}
    command = command.replace("/elsewhere", str(tmp_path))
    assert names_checkout(command, root, env) is expected
