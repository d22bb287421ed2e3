from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from astro_ci.errors import GitError, ProjectError
from astro_ci.git import GitRepo
from tests.repository import Repository, fingerprint

ZEROS = "0" * 40


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "origin", {"dags/a.py": "a", "Dockerfile": "FROM x"})


class TestOpen:
    def test_finds_the_root_from_a_directory_below(self, origin: Repository) -> None:
        assert GitRepo.open(origin.root / "dags", os.environ).root == origin.root

    def test_follows_a_link_to_the_directory(self, origin: Repository, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(origin.root / "dags")
        assert GitRepo.open(link, os.environ).root == origin.root

    def test_refuses_a_directory_outside_any_repository(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectError, match="not in a git repository") as caught:
            GitRepo.open(tmp_path, os.environ)
        assert "git checkout" in caught.value.hint

    def test_refuses_a_broken_repository(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        with pytest.raises(ProjectError, match="does not recognise"):
            GitRepo.open(tmp_path, os.environ)

    def test_refuses_a_broken_repository_within_another(self, origin: Repository) -> None:
        """Git would take the outer one, whose files are not what is asked for."""
        (origin.root / "inner" / ".git").mkdir(parents=True)
        with pytest.raises(ProjectError, match="does not recognise"):
            GitRepo.open(origin.root / "inner", os.environ)

    def test_opens_a_worktree(self, origin: Repository, tmp_path: Path) -> None:
        origin.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "side")
        repo = GitRepo.open(tmp_path / "tree", os.environ)
        assert (repo.root, repo.head().sha) == (tmp_path / "tree", origin.head)


class TestHead:
    def test_describes_the_commit(self, origin: Repository) -> None:
        head = GitRepo.open(origin.root, os.environ).head()
        assert (head.sha, head.author, head.subject) == (origin.head, "Ada Lovelace", "first")
        assert head.time == int(origin.git("log", "-1", "--format=%ct"))

    def test_keeps_odd_titles(self, origin: Repository) -> None:
        origin.commit('say "hi" \\ ünïcödé $(x) `y`')
        assert (
            GitRepo.open(origin.root, os.environ).head().subject == 'say "hi" \\ ünïcödé $(x) `y`'
        )

    def test_refuses_a_repository_without_commits(self, tmp_path: Path) -> None:
        repo = GitRepo.open(Repository.create(tmp_path / "empty").root, os.environ)
        with pytest.raises(ProjectError, match="no commit yet"):
            repo.head()

    def test_branch(self, origin: Repository) -> None:
        assert GitRepo.open(origin.root, os.environ).branch() == "main"
        origin.git("checkout", "--quiet", "--detach")
        assert GitRepo.open(origin.root, os.environ).branch() is None


class TestRemote:
    def test_without_a_remote(self, origin: Repository) -> None:
        assert GitRepo.open(origin.root, os.environ).remote_url() is None

    @pytest.mark.parametrize(
        ("names", "expected"),
        [(["origin"], "origin"), (["upstream"], "upstream"), (["a", "origin"], "origin")],
    )
    def test_takes_origin_or_the_only_one(
        self, origin: Repository, names: list[str], expected: str
    ) -> None:
        for name in names:
            origin.git("remote", "add", name, f"https://example.com/{name}.git")
        assert (
            GitRepo.open(origin.root, os.environ).remote_url()
            == f"https://example.com/{expected}.git"
        )

    def test_does_not_guess_between_two(self, origin: Repository) -> None:
        for name in ("a", "b"):
            origin.git("remote", "add", name, "https://example.com/x.git")
        assert GitRepo.open(origin.root, os.environ).remote_url() is None


class TestWhatTheRemoteSays:
    def test_whether_it_answers(self, origin: Repository, tmp_path: Path) -> None:
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        before = fingerprint(clone.root)
        assert GitRepo.open(clone.root, os.environ).reaches_remote()
        assert fingerprint(clone.root) == before
        origin.root.rename(tmp_path / "gone")
        assert not GitRepo.open(clone.root, os.environ).reaches_remote()

    def test_none_answers(self, origin: Repository) -> None:
        assert not GitRepo.open(origin.root, os.environ).reaches_remote()


class TestRelative:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("", ""), ("dags", "dags"), ("dags/../dags/a.py", "dags/a.py"), ("..", None)],
    )
    def test_relative(self, origin: Repository, path: str, expected: str | None) -> None:
        assert GitRepo.open(origin.root, os.environ).relative(origin.root / path) == expected


class TestHistory:
    def test_has_commit(self, origin: Repository) -> None:
        repo = GitRepo.open(origin.root, os.environ)
        blob = origin.git("rev-parse", "HEAD:dags/a.py")
        assert repo.has_commit(origin.head)
        assert not any(map(repo.has_commit, (ZEROS, blob, "main", "--help", "", "ab12")))

    def test_resolves_what_users_type(self, origin: Repository) -> None:
        first = origin.head
        origin.git("tag", "-a", "v1", "-m", "one")
        second = origin.commit("second")
        repo = GitRepo.open(origin.root, os.environ)
        assert [repo.resolve(ref) for ref in ("v1", "HEAD~1", "main", first[:8])] == [
            first,
            first,
            second,
            first,
        ]
        assert [repo.resolve(ref) for ref in ("nope", "--all", "-x", "", ZEROS)] == [None] * 5

    def test_is_ancestor_only_with_proof(self, origin: Repository, tmp_path: Path) -> None:
        first, second = origin.head, origin.commit("second")
        repo = GitRepo.open(origin.root, os.environ)
        assert repo.is_ancestor(first, second)
        assert not repo.is_ancestor(second, first)
        assert not repo.is_ancestor(first, ZEROS)
        shallow = GitRepo.open(origin.clone(tmp_path / "shallow", "--depth=1").root, os.environ)
        assert not shallow.is_ancestor(first, second)

    def test_came_after_is_proven_even_in_a_shallow_clone(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        origin.git("branch", "old")
        old = origin.head
        for number in range(5):
            origin.commit(f"commit {number}")
        clone = origin.clone(tmp_path / "clone", "--depth=1", "--branch=old")
        repo = GitRepo.open(clone.root, os.environ)
        assert repo.fetch_commit(origin.head)
        assert not repo.is_ancestor(old, origin.head)
        assert repo.came_after(origin.head, old)
        assert not repo.came_after(old, origin.head)

    def test_nothing_is_fetched_for_a_base_that_is_older(
        self, origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z")
        base, head = origin.head, origin.commit("second")
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        repo = GitRepo.open(clone.root, os.environ)
        assert repo.fetch_commit(base)
        clone.git("remote", "set-url", "origin", "file:///nowhere")
        assert not repo.came_after(base, head)


class TestFetchCommit:
    def test_fetches_one_commit_into_a_shallow_clone(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        base = origin.head
        for number in range(20):
            origin.commit(f"commit {number}")
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        repo = GitRepo.open(clone.root, os.environ)
        assert not repo.has_commit(base)
        assert repo.fetch_commit(base)
        assert repo.has_commit(base)
        assert clone.git("rev-list", "--all", "--objects", "--count", base) != "0"
        assert int(clone.git("rev-list", "--count", base)) == 1, "more than the one commit came"

    def test_deepens_where_the_server_refuses_a_commit(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        base = origin.head
        for number in range(60):
            origin.commit(f"commit {number}")
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        origin.git("config", "uploadpack.allowAnySHA1InWant", "false")
        clone.git("config", "protocol.version", "0")
        repo = GitRepo.open(clone.root, os.environ)
        refs = clone.git("for-each-ref")
        origin.commit("pushed meanwhile")
        assert repo.fetch_commit(base)
        assert repo.has_commit(base)
        assert clone.git("for-each-ref") == refs

    def test_deepens_towards_a_branch_that_was_not_cloned(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        origin.git("checkout", "--quiet", "-b", "hotfix")
        base = origin.commit("what runs")
        origin.commit("newer")
        origin.git("checkout", "--quiet", "main")
        clone = origin.clone(tmp_path / "clone", "--depth=1", "--single-branch")
        origin.git("config", "uploadpack.allowAnySHA1InWant", "false")
        clone.git("config", "protocol.version", "0")
        assert GitRepo.open(clone.root, os.environ).fetch_commit(base)

    def test_a_full_clone_does_not_become_shallow(self, origin: Repository, tmp_path: Path) -> None:
        clone = origin.clone(tmp_path / "clone")
        origin.git("checkout", "--quiet", "-b", "gone")
        gone = origin.commit("force-pushed away")
        origin.git("checkout", "--quiet", "main")
        origin.git("branch", "--delete", "--force", "gone")
        repo = GitRepo.open(clone.root, os.environ)
        assert repo.fetch_commit(gone)
        assert not repo.is_shallow()

    def test_says_no_without_a_remote_or_a_server(self, origin: Repository, tmp_path: Path) -> None:
        assert not GitRepo.open(origin.root, os.environ).fetch_commit(ZEROS)
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        clone.git("remote", "set-url", "origin", f"file://{tmp_path}/gone")
        assert not GitRepo.open(clone.root, os.environ).fetch_commit(origin.commit("unseen"))

    def test_finds_what_a_name_means_on_the_remote(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        clone = origin.clone(tmp_path / "clone", "--depth=1", "--single-branch")
        origin.git("checkout", "--quiet", "-b", "feature/x")
        branch = origin.commit("on a branch")
        origin.git("tag", "--annotate", "v1", "--message", "release")
        repo = GitRepo.open(clone.root, os.environ)
        assert repo.find_remote("feature/x") == branch
        assert repo.find_remote("v1") == branch
        for name in ("x", "v", "*", "", "--upload-pack=touch x", "feature/x\nmain", "a:b"):
            assert repo.find_remote(name) is None
        assert GitRepo.open(origin.root, os.environ).find_remote("v1") is None, "there is no remote"

    def test_leaves_everything_but_objects_alone(self, origin: Repository, tmp_path: Path) -> None:
        origin.commit("second")
        clone = origin.clone(tmp_path / "clone")
        unseen = origin.commit("third")
        before = fingerprint(clone.root)
        assert GitRepo.open(clone.root, os.environ).fetch_commit(unseen)
        assert fingerprint(clone.root) == before


def test_trusts_the_named_directory_whoever_owns_it(origin: Repository) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    subprocess.run(["chown", "-R", "12345", str(origin.root)], check=True)
    head = GitRepo.open(origin.root, os.environ).head()
    assert head.subject == "first"


def test_names_the_command_when_git_fails(origin: Repository) -> None:
    (origin.root / ".git" / "index").write_bytes(b"no index")
    repo = GitRepo.open(origin.root, os.environ)
    with (
        pytest.raises(GitError, match=r"git ls-files failed .* exit code 128") as caught,
        repo.snapshot([""]) as snapshot,
    ):
        snapshot.read(len)
    assert caught.value.exit_code == 4


def test_a_commit_without_a_date(origin: Repository) -> None:
    tree = origin.git("rev-parse", "HEAD^{tree}")
    text = f"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b>\n\nhi\n"
    write = ["git", "hash-object", "-t", "commit", "--literally", "-w", "--stdin"]
    done = subprocess.run(write, cwd=origin.root, input=text.encode(), capture_output=True)
    origin.git("update-ref", "HEAD", done.stdout.decode().strip())
    assert GitRepo.open(origin.root, os.environ).head().time == 0
