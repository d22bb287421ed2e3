"""Which Deployments a run is for: the options, the file, and the branch or tag that was pushed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from astro_ci.ci import CIContext
from astro_ci.configuration.keys import Setting, Settings
from astro_ci.errors import ConfigurationError
from astro_ci.survey.targets import (
    find_build_settings,
    find_project_settings,
    find_targets,
)
from tests.repository import Repository

FILE = """\
deployments:
  prod:
    branches: main
  dev:
    branches: [dev, feature]
  release:
    tags: v*
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(
        tmp_path / "checkout", {"Dockerfile": "FROM scratch\n", "astro-ci.yaml": FILE}
    )


def given(**values: Any) -> Settings:
    return {name: Setting(value=value, source="--option") for name, value in values.items()}


def run(key: str = "github", **said: Any) -> CIContext:
    """A run as a CI system describes it."""
    sources = {"branch": said.pop("branch_from", "GITHUB_REF")}
    return CIContext(
        system="x", key=key, history_hint="", secret_hint="", concurrency_hint="",
        sources=sources, **said,
    )  # fmt: skip


def chosen(
    repository: Repository,
    ci: CIContext,
    *,
    deploys: bool = True,
    directory: str = "",
    **options: Any,
) -> list[str]:
    """The keys in the file of the Deployments that are chosen."""
    found = find_targets(
        given(project=repository.root / directory, **options),
        {"PATH": os.environ["PATH"]},
        ci,
        config_file=None,
        deploys=deploys,
    )
    assert found.ci is ci
    assert found.file
    return [target.entry for target in found.choice.targets]


def refusal(repository: Repository, ci: CIContext, **options: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        chosen(repository, ci, **options)
    return caught.value


class TestPush:
    def test_the_branch_of_the_run_chooses(self, repository: Repository) -> None:
        head = repository.head
        assert chosen(repository, run(branch="main", head=head)) == ["prod"]
        assert chosen(repository, run(branch="dev", head=head)) == ["dev"]
        assert chosen(repository, run(branch="dev")) == ["dev"], "no commit is named"

    def test_a_tag_chooses(self, repository: Repository) -> None:
        assert chosen(repository, run(tag="v1", head=repository.head)) == ["release"]

    def test_without_a_ci_system_the_branch_that_is_checked_out_does(
        self, repository: Repository
    ) -> None:
        repository.git("checkout", "--quiet", "-b", "dev")
        assert chosen(repository, run("none")) == ["dev"]

    def test_neither_is_known(self, repository: Repository) -> None:
        repository.git("checkout", "--quiet", "--detach")
        error = refusal(repository, run("none"))
        assert error.message == (
            "the Deployment cannot be chosen: neither a branch nor a tag is known"
        )
        assert error.hint == (
            "Set ASTRO_CI_BRANCH to the branch, or name the Deployment with --deployment-name."
        )

    def test_who_names_a_deployment_needs_no_branch(self, repository: Repository) -> None:
        repository.git("checkout", "--quiet", "--detach")
        assert chosen(repository, run("none"), deployment_name="prod") == ["prod"]


class TestAnotherCommit:
    """The run is about one commit, and the job has checked out another one."""

    @pytest.fixture
    def pushed(self, repository: Repository) -> str:
        """A commit of main, after which the job checks out what the tests say."""
        repository.git("remote", "add", "origin", "https://github.com/acme/etl.git")
        commit = repository.commit("pushed")
        repository.git("update-ref", "refs/remotes/origin/main", commit)
        return commit

    def test_the_branch_that_is_checked_out_counts(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "-b", "dev", "HEAD~1")
        assert chosen(repository, run(branch="main", head=pushed)) == ["dev"]
        said = run(branch="main", head=pushed, branch_from="ASTRO_CI_BRANCH")
        assert chosen(repository, said) == ["prod"], "somebody said which branch it is"

    def test_an_older_commit_of_the_branch_is_on_it(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "--detach", "HEAD~1")
        assert chosen(repository, run(branch="main", head=pushed)) == ["prod"]

    def test_a_newer_commit_of_the_branch_is_on_it(
        self, repository: Repository, pushed: str
    ) -> None:
        """The branch moved on between the push and the job."""
        newer = repository.commit("newer")
        repository.git("update-ref", "refs/remotes/origin/main", newer)
        repository.git("checkout", "--quiet", "--detach", newer)
        assert chosen(repository, run(branch="main", head=pushed)) == ["prod"]

    def test_a_commit_that_the_job_made_on_top_is_on_it(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "--detach", pushed)
        repository.commit("a version number")
        assert chosen(repository, run(branch="main", head=pushed)) == ["prod"]
        assert chosen(repository, run(tag="v1", head=pushed)) == ["release"]

    @pytest.mark.parametrize("ref", [{"branch": "main"}, {"tag": "v1"}])
    def test_a_commit_that_was_never_there_is_not(
        self, repository: Repository, pushed: str, ref: dict[str, str]
    ) -> None:
        repository.git("checkout", "--quiet", "--orphan", "other")
        repository.commit("elsewhere")
        repository.git("checkout", "--quiet", "--detach")
        error = refusal(repository, run(head=pushed, **ref))
        assert error.message == (
            f"the Deployment cannot be chosen: the run is for commit {pushed[:7]}, but another "
            "commit is checked out"
        )

    def test_an_older_commit_than_a_tags_is_not_the_tags(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "--detach", "HEAD~1")
        refusal(repository, run(tag="v1", head=pushed))
        refusal(repository, run(tag="v1", branch="main", head=pushed))

    def test_a_tag_that_is_an_object_of_its_own_is_the_commit_it_names(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("tag", "--annotate", "--message", "one", "v1", pushed)
        tag = repository.git("rev-parse", "refs/tags/v1")
        assert tag != pushed
        repository.git("checkout", "--quiet", "--detach", pushed)
        assert chosen(repository, run(tag="v1", head=tag)) == ["release"]

    def test_a_run_that_names_commits_of_other_repositories_says_nothing(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "-b", "dev", "HEAD~1")
        assert chosen(repository, run("jenkins", branch="main", head=pushed)) == ["prod"]

    def test_the_commit_that_a_merged_pull_request_left_on_its_base(
        self, repository: Repository, pushed: str
    ) -> None:
        repository.git("checkout", "--quiet", "-b", "dev", "HEAD~1")
        merged = run(
            branch="main", head=pushed, pull_request="7", base_branch="main",
            branch_from="event.pull_request.base.ref",
        )  # fmt: skip
        assert chosen(repository, merged) == ["prod"]

    def test_a_submodule_of_the_runs_repository_has_a_commit_of_its_own(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        outer = Repository.create(tmp_path / "outer", {"README.md": "outer\n"})
        outer.git("submodule", "add", "--quiet", f"file://{repository.root}", "project")
        head = outer.commit("with a submodule")
        inner = Repository(outer.root / "project")
        inner.git("checkout", "--quiet", "--detach")
        assert chosen(inner, run(branch="dev", head=head)) == ["dev"]
        refusal(inner, run(branch="dev", head="f" * 40))


def why_none(repository: Repository, ci: CIContext, *, deploys: bool = True) -> str:
    """Why a run chooses no Deployment."""
    found = find_targets(given(project=repository.root), {}, ci, config_file=None, deploys=deploys)
    assert list(found.choice.targets) == []
    assert found.choice.ref
    assert found.choice.ref.branch == ci.branch, "for what is said of it"
    return found.choice.reason


class TestPullRequest:
    def test_chooses_nothing_to_deploy(self, repository: Repository) -> None:
        pull = run(branch="dev", pull_request="7", base_branch="main")
        assert why_none(repository, pull) == (
            "pull request 7 is not merged, and only a push to a branch or a tag chooses a "
            "Deployment; name one with --deployment-id to deploy anyway"
        )
        assert chosen(repository, pull, deployment_name="dev") == ["dev"]

    def test_is_planned_as_if_it_was_merged(self, repository: Repository) -> None:
        pull = run(branch="dev", pull_request="7", base_branch="main")
        assert chosen(repository, pull, deploys=False) == ["prod"]
        found = find_targets(
            given(project=repository.root), {}, pull, config_file=None, deploys=False
        )
        (target,) = found.choice.targets
        assert target.note == "pull request 7 is treated as merged into the branch main"

    def test_without_a_base_nothing_is_known(self, repository: Repository) -> None:
        pull = run(branch="dev", pull_request="7")
        assert "pull request 7" in why_none(repository, pull, deploys=False)

    def test_of_a_merge_queue_has_no_number(self, repository: Repository) -> None:
        queued = run(base_branch="main")
        assert "the pull request is not merged" in why_none(repository, queued)
        assert chosen(repository, queued, deploys=False) == ["prod"]

    def test_that_is_only_mentioned_is_a_push(self, repository: Repository) -> None:
        """CircleCI says of a push which pull request its branch has."""
        mentioned = run("circleci", branch="dev", pull_request="7", head=repository.head)
        assert chosen(repository, mentioned) == ["dev"]
        fork = run("circleci", branch="dev", pull_request="7", is_fork_pull_request=True)
        assert "is not merged" in why_none(repository, fork)
        nameless = run("circleci", pull_request="7")
        assert "is not merged" in why_none(repository, nameless)


class TestFile:
    def test_a_named_file_is_read(self, repository: Repository, tmp_path: Path) -> None:
        path = tmp_path / "own.yaml"
        path.write_text("deployments: {other: {branches: main}}")
        found = find_targets(
            given(project=repository.root), {}, run(branch="main"), config_file=path, deploys=True
        )
        assert [target.entry for target in found.choice.targets] == ["other"]
        with pytest.raises(ConfigurationError, match=r"none\.yaml"):
            find_targets(
                {}, {}, run(), config_file=tmp_path / "none.yaml", deploys=True
            )  # fmt: skip

    def test_a_named_one_outside_of_the_repository_may_be_a_link(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        """The job's owner made it; what is found in a checkout may be a stranger's."""
        path = tmp_path / "elsewhere.yaml"
        path.write_text("deployments: {other: {branches: main}}")
        (tmp_path / "links").mkdir()
        own, found = tmp_path / "links/own.yaml", repository.root / "astro-ci.yaml"
        found.unlink()
        for link in (own, found):
            link.symlink_to(path)
        named = find_targets(
            given(project=repository.root), {}, run(branch="main"), config_file=own, deploys=True
        )
        assert [target.entry for target in named.choice.targets] == ["other"]
        with pytest.raises(ConfigurationError, match=r"^astro-ci\.yaml cannot be read"):
            chosen(repository, run(branch="main"))

    def test_the_directory_chooses_the_project(self, tmp_path: Path) -> None:
        several = Repository.create(tmp_path / "several", {"astro-ci.yaml": PROJECTS, "ml/x": ""})
        assert chosen(several, run(branch="main"), directory="ml") == ["ml"]
        assert chosen(several, run(branch="main")) == ["prod", "ml"]

    def test_without_one_the_options_are_all(self, tmp_path: Path) -> None:
        found = find_targets(
            given(project=tmp_path, deployment_name="x"), {}, run(), config_file=None, deploys=True
        )
        assert found.file is None
        assert [target.config.deployment_name for target in found.choice.targets] == ["x"]

    def test_a_commit_in_the_variable_of_the_base_comes_before_the_files(
        self, repository: Repository
    ) -> None:
        repository.write({"astro-ci.yaml": f"base: HEAD~1\n{FILE}"})

        def base(ci: CIContext, **options: Any) -> tuple[str, str]:
            found = find_targets(
                given(project=repository.root, **options), {}, ci, config_file=None, deploys=True
            )
            (target,) = found.choice.targets
            assert target.config.base == target.settings["base"].value
            return target.config.base, target.settings["base"].source

        assert base(run(branch="main")) == ("HEAD~1", "astro-ci.yaml line 1")
        said = run(branch="main", base_override="a" * 40)
        assert base(said) == ("auto", "ASTRO_CI_BASE")
        assert base(said, base="event") == ("event", "--option")


PROJECTS = """\
projects:
  etl:
    dags-path: jobs
    checks: {ignore: [AIR301]}
    target: slim
    deployments: {prod: {branches: main}, slim: {branches: dev, target: tiny}}
  ml:
    deployments: {ml: {branches: main}}
"""


class TestSettings:
    @pytest.fixture
    def several(self, tmp_path: Path) -> Path:
        found = Repository.create(
            tmp_path / "several",
            {"astro-ci.yaml": PROJECTS, "etl/dags/a.py": "", "ml/dags/a.py": ""},
        )
        return found.root

    def test_of_a_project(self, several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = find_project_settings(given(project=several / "etl"), config_file=None)
        assert str(found["dags_path"]) == "jobs"
        assert [str(one) for one in found["ignore_findings"]] == ["AIR301"]
        assert found["project"] == several / "etl"
        monkeypatch.chdir(several / "etl")
        assert find_project_settings({}, config_file=None)["dags_path"] == found["dags_path"]
        named = several / "own.yaml"
        named.write_text("dags-path: flows\n")
        here = find_project_settings(given(project=several / "etl"), config_file=named)
        assert str(here["dags_path"]) == "flows"
        with pytest.raises(ConfigurationError, match="has several projects"):
            find_project_settings(given(project=several), config_file=None)

    def test_of_a_build(self, several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def target(**options: Any) -> Any:
            found = find_build_settings(given(**options), config_file=None)
            return found["target"].value if "target" in found else None

        assert target(project=several / "etl") == "slim"
        assert target(project=several / "etl", deployment_name="slim") == "tiny"
        assert target(project=several / "etl", target="own") == "own"
        assert target(project=several / "ml") is None
        monkeypatch.chdir(several / "etl")
        assert target() == "slim"
        named = several / "own.yaml"
        named.write_text("target: own\ndeployments: {prod: {id: cl1, branches: main, target: x}}\n")
        own = find_build_settings(given(project=several / "etl"), config_file=named)
        assert own["target"].value == "own"
        by_id = find_build_settings(
            given(project=several / "etl", deployment_id="cl1"), config_file=named
        )
        assert by_id["target"].value == "x"

    def test_of_a_build_for_a_name_that_several_projects_have(self, tmp_path: Path) -> None:
        path = tmp_path / "astro-ci.yaml"
        path.write_text(
            "projects:\n  a: {deployments: {prod: {name: prod-a, branches: main}}}\n"
            "  b: {deployments: {prod: {name: prod-b, branches: main}}}\n"
        )
        with pytest.raises(ConfigurationError) as caught:
            find_build_settings(given(project=tmp_path, deployment_name="prod"), config_file=path)
        assert "has several entries for the named Deployment" in caught.value.message
        assert caught.value.hint == "Name the project with --project."

    def test_without_a_file_they_are_those_that_were_given(self, tmp_path: Path) -> None:
        options = given(project=tmp_path, target="own")
        assert find_build_settings(options, config_file=None) == options
        assert find_project_settings(options, config_file=None) == {"project": tmp_path}
