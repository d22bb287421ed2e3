"""The configuration file at work: which Deployments a run is about, and with what options."""

from __future__ import annotations

import io
import json
import signal
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import Job
from tests.integration.stage import Run, Stage
from tests.repository import Repository

DAGS = "type: dags\nskip-unchanged: true\n"
BY_BRANCH = f"""{DAGS}
deployments:
  production: {{branches: main, tags: v*}}
  development: {{branches: [develop, feature/*]}}
"""
BOTH = f"""{DAGS}
deployments:
  production: {{branches: main}}
  dev: {{name: development, branches: [main, develop]}}
"""
PULL_REQUEST = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_HEAD_REF": "develop",
    "GITHUB_BASE_REF": "main",
}


def run(world: Stage, *words: str, file: str | None = None, **env: str) -> Run:
    """Run a command, without a Deployment in the environment."""
    if file is not None:
        world.project.write({"astro-ci.yaml": file})
    given = {k: v for k, v in world.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}
    return world.command(*words, env={**given, **env})


def only_deployed(world: Stage) -> str | None:
    """The one Deployment that was deployed to, if any was."""
    found = [name for name, count in deploys(world).items() if count]
    assert len(found) < 2
    return found[0] if found else None


def dispatched(sha: str, ref: str = "heads/main") -> dict[str, str]:
    """The environment of a run on GitHub that somebody started."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_REF": f"refs/{ref}",
        "GITHUB_SHA": sha,
    }


def deploys(world: Stage) -> dict[str, int]:
    """How many deploys each Deployment has had."""
    return {name: len(world.astro.deploys(name)) for name in ("production", "development")}


def github_output(path: Path) -> dict[str, str]:
    """The outputs of a step, the last of each name; values here have one line."""
    lines = path.read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if "<<" in line]
    return {lines[i].partition("<<")[0]: lines[i + 1] for i in starts}


class TestByBranch:
    @pytest.mark.parametrize(
        ("branch", "after"),
        [
            ("main", {"production": 1, "development": 0}),
            ("develop", {"production": 0, "development": 1}),
            ("feature/x", {"production": 0, "development": 1}),
        ],
    )
    def test_the_branch_that_is_checked_out(
        self, world: Stage, branch: str, after: dict[str, int]
    ) -> None:
        world.project.git("checkout", "--quiet", "-B", branch)
        done = run(world, "deploy", file=BY_BRANCH)
        assert done.code == 0, done.err
        assert done.out.startswith("deployed: DAGs only")
        assert deploys(world) == after

    def test_what_the_ci_system_says_comes_first(self, world: Stage) -> None:
        done = run(world, "deploy", file=BY_BRANCH, ASTRO_CI_BRANCH="develop")
        assert done.code == 0, done.err
        assert deploys(world) == {"production": 0, "development": 1}

    def test_a_tag(self, world: Stage) -> None:
        env = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/tags/v1"}
        assert run(world, "deploy", file=BY_BRANCH, **env).code == 0
        assert deploys(world) == {"production": 1, "development": 0}

    @pytest.mark.parametrize(
        ("commands", "chosen"),
        [
            ((), "production"),
            (("checkout -b develop",), "production"),
            (("commit --allow-empty -m on-top",), "production"),
            (("checkout --detach", "commit --allow-empty -m on-top"), "production"),
            (("checkout -b develop", "commit --allow-empty -m its-own"), "development"),
            (("checkout -b develop HEAD~1",), "development"),
            (("checkout --detach HEAD~1",), "production"),
            (("checkout --detach its-own",), None),
            (("checkout --detach other",), None),
            (("checkout --detach", "merge --no-edit other"), None),
            (
                ("update-ref refs/remotes/origin/main its-own", "checkout --detach its-own"),
                "production",
            ),
            (("update-ref refs/remotes/origin/x its-own", "checkout --detach its-own"), None),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("short", [40, 12])
    def test_a_job_may_check_out_another_commit(
        self, world: Stage, commands: tuple[str, ...], chosen: str | None, short: int
    ) -> None:
        """GitHub names the branch of the run, whatever `ref:` the checkout had."""
        run_is_about = self.branches(world)
        world.project.git("remote", "add", "origin", str(world.project.root))
        for command in commands:
            world.project.git(*command.split())
        done = run(world, "deploy", file=BY_BRANCH, **dispatched(run_is_about[:short]))
        if chosen is None:
            assert done.code == 2
            assert f"commit {run_is_about[:7]}, but another commit is checked out" in done.err
        else:
            assert done.code == 0, done.err
        assert only_deployed(world) == chosen

    def branches(self, world: Stage) -> str:
        """Make one that left before main's newest commit, and one after; gives that commit."""
        world.project.git("checkout", "-b", "other")
        world.project.git("commit", "--allow-empty", "-m", "on another branch")
        world.project.git("checkout", "main")
        world.project.write({"dags/b.py": "b = 1\n"})
        newest = world.project.commit()
        world.project.git("checkout", "-b", "its-own")
        world.project.git("commit", "--allow-empty", "-m", "after it")
        world.project.git("checkout", "main")
        return newest

    @pytest.mark.parametrize(
        ("commands", "chosen"),
        [
            ((), "production"),
            (("checkout --detach", "commit --allow-empty -m on-top"), "production"),
            (("checkout --detach HEAD~1",), None),
            (("checkout --detach its-own",), None),
            (("checkout -b develop HEAD~1",), "development"),
        ],
        ids=str,
    )
    def test_on_a_tag(self, world: Stage, commands: tuple[str, ...], chosen: str | None) -> None:
        env = dispatched(self.branches(world), ref="tags/v1")
        for command in commands:
            world.project.git(*command.split())
        done = run(world, "deploy", file=BY_BRANCH, **env)
        assert done.code == (0 if chosen else 2), done.err
        assert only_deployed(world) == chosen
        if not chosen:
            env["ASTRO_CI_BRANCH"] = "develop"  # what the hint says
            assert run(world, "deploy", file=BY_BRANCH, **env).code == 0
            assert deploys(world) == {"production": 0, "development": 1}

    def test_a_clone_of_depth_one_proves_nothing(self, world: Stage, tmp_path: Path) -> None:
        newest = self.branches(world)
        world.project.git("checkout", "--detach", "HEAD~1")
        shallow = Stage(world.astro, world.project.clone(tmp_path / "clone", "--depth=1"))
        shallow.project.git("checkout", "--detach")
        assert run(shallow, "deploy", file=BY_BRANCH, **dispatched(newest)).code == 2

    def test_a_submodule_is_on_the_branch_of_its_superproject(
        self, world: Stage, tmp_path: Path
    ) -> None:
        outer = Repository.create(tmp_path / "outer", {"astro-ci.yaml": BY_BRANCH})
        add = ("submodule", "add", "--quiet", str(world.project.root), "airflow")
        outer.git("-c", "protocol.file.allow=always", *add)
        whole = Stage(world.astro, outer)
        outer.git("-C", "airflow", "checkout", "--detach")
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        outer.git("-C", "airflow", *who, "commit", "--allow-empty", "-m", "on no branch")
        env = dispatched(outer.commit())
        words = ("deploy", "--project", "airflow", "--config", "astro-ci.yaml")
        done = run(whole, *words, **env)
        assert done.code == 0, done.err
        assert deploys(world) == {"production": 1, "development": 0}
        outer.git("commit", "--allow-empty", "-m", "another")
        assert run(whole, *words, **env).code == 2

    @pytest.mark.parametrize(
        ("git_branch", "chosen"),
        [
            ("origin/main", "production"),
            ("refs/remotes/upstream/main", "production"),
            ("origin/upstream/main", None),
        ],
    )
    def test_jenkins_may_name_a_commit_of_another_repository(
        self, world: Stage, git_branch: str, chosen: str | None
    ) -> None:
        world.project.git("checkout", "--detach")
        env = {"JENKINS_URL": "http://x", "GIT_COMMIT": "a" * 40, "GIT_BRANCH": git_branch}
        assert run(world, "deploy", file=BY_BRANCH, **env).code == 0
        assert only_deployed(world) == chosen

    def workflow_run(self, world: Stage, tmp_path: Path, event: str, branch: str) -> dict[str, str]:
        """The environment of a run after a workflow that was about what is checked out."""
        its = {"event": event, "head_branch": branch, "head_sha": world.project.head}
        document = {"workflow_run": its, "repository": {"default_branch": "main"}}
        path = tmp_path / "event.json"
        path.write_text(json.dumps(document))
        env = {"GITHUB_EVENT_NAME": "workflow_run", "GITHUB_EVENT_PATH": str(path)}
        return {**dispatched("b" * 40), **env}

    @pytest.mark.parametrize(
        ("branch", "chosen"),
        [("main", "production"), ("develop", "development"), ("gh-readonly-queue/main/x", None)],
    )
    def test_after_another_workflow(
        self, world: Stage, tmp_path: Path, branch: str, chosen: str | None
    ) -> None:
        """What that one tested is deployed, wherever the default branch is by now."""
        world.project.git("checkout", "--detach")
        env = self.workflow_run(world, tmp_path, "push", branch)
        done = run(world, "deploy", file=BY_BRANCH, **env)
        assert done.code == 0, done.err
        assert only_deployed(world) == chosen

    def test_after_the_workflow_of_a_pull_request(self, world: Stage, tmp_path: Path) -> None:
        world.project.git("checkout", "--detach")
        env = self.workflow_run(world, tmp_path, "pull_request", "develop")
        done = run(world, "deploy", "--fail-on-skip", file=BY_BRANCH, **env)
        assert done.code == 10, done.err
        assert "is not merged" in done.out
        assert deploys(world) == {"production": 0, "development": 0}
        document = run(world, "plan", "--json", file=BY_BRANCH, **env).document
        assert document["deployment"]["name"] == "production"

    def test_a_single_one_has_the_documented_shape(self, world: Stage) -> None:
        found = run(world, "deploy", "--json", file=BY_BRANCH).document
        named = run(world, "deploy", "--json", "--deployment-name", "production").document
        assert found.keys() == named.keys()
        assert found["deployment"]["name"] == "production"

    def test_no_branch_at_all_is_no_skip(self, world: Stage) -> None:
        world.project.git("checkout", "--quiet", "--detach")
        done = run(world, "deploy", file=BY_BRANCH)
        assert done.code == 2
        assert "neither a branch nor a tag is known" in done.err
        assert "ASTRO_CI_BRANCH" in done.err
        assert deploys(world) == {"production": 0, "development": 0}

    def test_a_named_one_needs_no_branch(self, world: Stage) -> None:
        world.project.git("checkout", "--quiet", "--detach")
        done = run(world, "deploy", "--deployment-name", "development", file=BY_BRANCH)
        assert done.code == 0, done.err
        assert deploys(world) == {"production": 0, "development": 1}

    def test_a_variable_names_one_as_well(self, world: Stage) -> None:
        wanted = str(world.astro.deployments[1]["id"])
        assert run(world, "deploy", file=BY_BRANCH, ASTRO_DEPLOYMENT_ID=wanted).code == 0
        assert deploys(world) == {"production": 0, "development": 1}


class TestNone:
    def test_it_is_a_skip_that_says_why(self, world: Stage) -> None:
        done = run(world, "deploy", file=BY_BRANCH, ASTRO_CI_BRANCH="other")
        assert done.code == 0
        assert done.out.startswith("skipped: no Deployment of astro-ci.yaml has branches that ")
        assert "match branch other: production (branches main" in done.out
        assert deploys(world) == {"production": 0, "development": 0}

    def test_as_json_and_as_outputs(self, world: Stage, tmp_path: Path) -> None:
        out = tmp_path / "output"
        env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(out), "ASTRO_CI_BRANCH": "other"}
        found = run(world, "deploy", "--json", file=BY_BRANCH, **env).document
        assert (found["outcome"], found["deploy_type"]) == ("skipped", "none")
        assert (found["schema"], found["deployments"]) == (1, [])
        assert "match branch other" in found["reason"]
        outputs = github_output(out)
        assert (outputs["outcome"], outputs["reason"]) == ("skipped", found["reason"])

    def test_plan_says_so_too(self, world: Stage) -> None:
        done = run(world, "plan", "--detailed-exitcode", file=BY_BRANCH, ASTRO_CI_BRANCH="other")
        assert done.code == 0
        assert done.out.startswith("Plan: nothing to deploy\n  because no Deployment of")

    def test_who_wants_it_gets_a_failure(self, world: Stage) -> None:
        for extra in (["--fail-on-skip"], []):
            env = {"ASTRO_CI_BRANCH": "other", "ASTRO_CI_FAIL_ON_SKIP": "" if extra else "yes"}
            done = run(world, "deploy", *extra, file=BY_BRANCH, **env)
            assert done.code == 10
            assert done.out.startswith("skipped: ")


class TestFailOnSkip:
    def test_nothing_changed(self, world: Stage) -> None:
        words = ("deploy", "--fail-on-skip")
        assert run(world, *words, file=BY_BRANCH).code == 0
        done = run(world, *words)
        assert (done.code, done.out.partition(":")[0]) == (10, "skipped")

    def test_one_of_several(self, world: Stage) -> None:
        assert run(world, "deploy", file=BOTH, ASTRO_CI_BRANCH="develop").code == 0
        done = run(world, "deploy", "--fail-on-skip")
        assert done.code == 10
        assert deploys(world) == {"production": 1, "development": 1}

    def test_a_dry_run_that_would_deploy_is_no_skip(self, world: Stage) -> None:
        assert run(world, "deploy", "--fail-on-skip", "--dry-run", file=BY_BRANCH).code == 0
        assert deploys(world) == {"production": 0, "development": 0}


class TestDetailedExitcode:
    def test_two_is_something_to_deploy(self, world: Stage) -> None:
        words = ("plan", "--detailed-exitcode")
        done = run(world, *words, file=BY_BRANCH)
        assert (done.code, done.out.partition("\n")[0]) == (2, "Plan: DAGs only, to production")
        assert run(world, "plan").code == 0
        assert run(world, "deploy").code == 0
        done = run(world, *words)
        assert (done.code, done.out.partition("\n")[0]) == (0, "Plan: nothing to deploy")

    def test_one_is_a_plan_that_failed_and_the_document_says_how(self, world: Stage) -> None:
        done = run(world, "plan", "--detailed-exitcode", file="waits: yes")
        assert (done.code, done.out) == (1, "")
        done = run(world, "plan", "--detailed-exitcode", "--json")
        assert done.code == 1
        assert done.document["error"]["exit_code"] == 2
        assert "deploy_type" not in done.document
        assert run(world, "plan").code == 2

    def test_one_is_also_for_options_that_cannot_be_read(self, world: Stage) -> None:
        assert run(world, "plan", "--detailed-exitcode", "--bogus", file=BY_BRANCH).code == 1
        done = run(world, "plan", "--bogus", "--json")
        assert (done.code, done.document["error"]["exit_code"]) == (2, 2)

    def test_one_of_several_that_fails(self, world: Stage) -> None:
        lost = BOTH.replace("name: development", "name: nowhere")
        assert lost != BOTH
        done = run(world, "plan", "--detailed-exitcode", "--json", file=lost)
        assert done.code == 1
        assert done.document["error"]["exit_code"] == 2
        assert len(done.document["deployments"]) == 2

    def test_one_of_several(self, world: Stage) -> None:
        assert run(world, "deploy", file=BOTH, ASTRO_CI_BRANCH="develop").code == 0
        done = run(world, "plan", "--detailed-exitcode")
        assert done.code == 2
        assert "--- production\nPlan: DAGs only" in done.out
        assert "--- dev\nPlan: nothing to deploy" in done.out
        found = run(world, "plan", "--json").document
        assert (found["deploy_type"], len(found["deployments"])) == ("dags", 2)
        assert found["reason"] == "1 of 2 Deployments have something to deploy"
        assert "outcome" not in found


class TestPullRequests:
    def test_deploy_nothing(self, world: Stage) -> None:
        done = run(world, "deploy", file=BY_BRANCH, **PULL_REQUEST)
        assert done.code == 0
        assert done.out.startswith("skipped: pull request 7 is not merged")
        assert deploys(world) == {"production": 0, "development": 0}

    def test_not_even_from_a_fork_with_a_branch_of_our_name(self, world: Stage) -> None:
        env = {**PULL_REQUEST, "GITHUB_HEAD_REF": "main"}
        assert run(world, "deploy", file=BY_BRANCH, **env).code == 0
        assert deploys(world) == {"production": 0, "development": 0}

    def test_nor_a_merge_that_is_only_tried(self, world: Stage, tmp_path: Path) -> None:
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"merge_group": {"base_ref": "refs/heads/main"}}))
        env = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "merge_group",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": "refs/heads/gh-readonly-queue/main/pr-7",
        }
        done = run(world, "deploy", file=BY_BRANCH.replace("main", "'**'"), **env)
        assert done.out.startswith("skipped: the pull request is not merged")
        assert deploys(world) == {"production": 0, "development": 0}

    def test_but_where_one_is_named(self, world: Stage) -> None:
        words = ("deploy", "--deployment-name", "development")
        assert run(world, *words, file=BY_BRANCH, **PULL_REQUEST).code == 0
        assert deploys(world) == {"production": 0, "development": 1}

    def test_a_merged_one_is_a_push(self, world: Stage, tmp_path: Path) -> None:
        event = tmp_path / "event.json"
        pull_request = {"merged": True, "base": {"ref": "main"}, "head": {"ref": "develop"}}
        event.write_text(json.dumps({"number": 7, "pull_request": pull_request}))
        env = {**PULL_REQUEST, "GITHUB_EVENT_PATH": str(event)}
        assert run(world, "deploy", file=BY_BRANCH, **env).code == 0
        assert deploys(world) == {"production": 1, "development": 0}

    @pytest.mark.parametrize(
        ("branch", "after"),
        [
            ("develop", {"production": 0, "development": 1}),
            ("pull/7", {"production": 0, "development": 0}),
        ],
    )
    def test_a_push_to_a_branch_that_has_one(
        self, world: Stage, branch: str, after: dict[str, int]
    ) -> None:
        """CircleCI runs for pushes, and for forks' pull requests when it is told to."""
        env = {
            "CIRCLECI": "true",
            "CIRCLE_BRANCH": branch,
            "CIRCLE_PULL_REQUEST": "https://github.com/acme/airflow/pull/7",
        }
        done = run(world, "deploy", file=BY_BRANCH, **env)
        assert done.code == 0, done.err
        assert deploys(world) == after

    def test_plan_shows_what_merging_would_deploy(self, world: Stage) -> None:
        found = run(world, "plan", "--json", file=BY_BRANCH, **PULL_REQUEST).document
        assert found["deployment"]["name"] == "production"
        note = "pull request 7 is treated as merged into the branch main"
        assert note in found["assumptions"]


class TestSeveral:
    def test_each_in_turn(self, world: Stage) -> None:
        done = run(world, "deploy", file=BOTH)
        assert done.code == 0, done.err
        first, second = done.out.splitlines()
        assert first.startswith("production: deployed: DAGs only")
        assert second.startswith("dev: deployed: DAGs only")
        assert done.err.index("--- production") < done.err.index("--- dev")
        assert deploys(world) == {"production": 1, "development": 1}

    def test_one_document(self, world: Stage, tmp_path: Path) -> None:
        out = tmp_path / "output"
        env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(out)}
        found = run(world, "deploy", "--json", file=BOTH, **env).document
        assert (found["schema"], found["outcome"], found["deploy_type"]) == (1, "deployed", "dags")
        assert found["reason"] == "2 Deployments: 2 deployed"
        assert [d["target"] for d in found["deployments"]] == ["production", "dev"]
        assert [d["project"] for d in found["deployments"]] == ["", ""]
        single = run(world, "deploy", "--json", "--deployment-name", "production", "--redeploy")
        extra = {"project", "target"}
        assert all(d.keys() - extra == single.document.keys() for d in found["deployments"])
        ids = [world.astro.deploys(name)[-1].id for name in ("production", "development")]
        assert github_output(out)["deploy-id"].split(",") == ids

    def test_one_failure_does_not_stop_the_other(self, world: Stage, tmp_path: Path) -> None:
        out = tmp_path / "output"
        world.astro.fail_next_deploy("production")
        env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(out)}
        done = run(world, "deploy", "--json", file=BOTH, **env)
        assert done.code == 7
        found = done.document
        assert (found["outcome"], found["reason"]) == (
            "failed",
            "2 Deployments: 1 deployed, 1 failed",
        )
        failed, deployed = found["deployments"]
        assert (failed["outcome"], failed["error"]["exit_code"]) == ("failed", 7)
        assert failed["deploy_type"] == "dags", "the Plan is in it"
        assert found["error"] == failed["error"]
        assert (deployed["outcome"], deployed["deployment"]["name"]) == ("deployed", "development")
        assert "::error::production: Astro reports that deploy" in done.err
        assert done.err.splitlines()[-1] == "outcome: failed"
        assert github_output(out)["outcome"] == "failed"

    def test_the_exit_code_is_that_of_the_first_failure(self, world: Stage) -> None:
        world.astro.fail_next_deploy("development")
        done = run(world, "deploy", file=BOTH.replace("production:", "nowhere:"))
        assert done.code == 2
        first, second = done.out.splitlines()
        assert first.startswith("nowhere: failed: ")
        assert second.startswith("dev: failed: Astro reports that deploy")

    def test_a_cancelled_run_leaves_the_rest(self, tmp_path: Path, astro: Sandbox) -> None:
        job = Job.prepare(tmp_path, astro)
        job.project.write({"astro-ci.yaml": BOTH})
        astro.faults.add("PUT", "^/blobs/", status=None, hang_seconds=10)
        env = {k: v for k, v in job.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}
        process = job.start("deploy", "--json", env=env)
        process.wait_for("created deploy")
        process.signal(signal.SIGTERM)
        code, out, err = process.end()
        assert code == 143, err
        found = json.loads(out)
        first, second = found["deployments"]
        assert (first["error"]["exit_code"], second["error"]["exit_code"]) == (143, 143)
        assert "was left unfinished" in first["error"]["message"]
        assert "not attempted: the run was cancelled" in second["error"]["message"]
        assert astro.deploys("development") == []


MONOREPO = """
type: dags
skip-unchanged: true
projects:
  teams/sales:
    deployments:
      production: {branches: main}
  teams/ml:
    dags-path: pipelines
    deployments:
      ml-dev: {name: development, branches: main}
"""


class TestMonorepo:
    @pytest.fixture
    def world(self, tmp_path: Path, astro: Sandbox) -> Stage:
        files = {
            "astro-ci.yaml": MONOREPO,
            "teams/sales/Dockerfile": "FROM scratch\n",
            "teams/sales/dags/sales.py": "a = 1\n",
            "teams/ml/Dockerfile": "FROM scratch\n",
            "teams/ml/pipelines/ml.py": "b = 1\n",
        }
        return Stage(astro, Repository.create(tmp_path / "project", files))

    def names(self, world: Stage, deployment: str) -> set[str]:
        with tarfile.open(fileobj=io.BytesIO(world.astro.bundle(deployment))) as archive:
            return {Path(name).name for name in archive.getnames() if name.endswith(".py")}

    def test_all_from_the_root(self, world: Stage) -> None:
        done = run(world, "deploy")
        assert done.code == 0, done.err
        assert [line.split(": ")[0] for line in done.out.splitlines()] == [
            "teams/sales",
            "teams/ml",
        ]
        assert self.names(world, "production") == {"sales.py"}
        assert self.names(world, "development") == {"ml.py"}

    def test_only_what_changed(self, world: Stage) -> None:
        assert run(world, "deploy").code == 0
        world.project.write({"teams/ml/pipelines/ml.py": "b = 2\n"})
        world.project.commit()
        found = run(world, "deploy", "--json").document
        assert [d["outcome"] for d in found["deployments"]] == ["skipped", "deployed"]
        assert found["outcome"] == "deployed"

    @pytest.mark.parametrize("how", ["flag", "variable", "directory"])
    def test_one_by_its_directory(self, world: Stage, how: str) -> None:
        if how == "directory":
            root, world.project.root = world.project.root, world.project.root / "teams" / "ml"
            assert (root / "astro-ci.yaml").is_file()
        words = ["--project", "teams/ml"] if how == "flag" else []
        env = {"ASTRO_CI_PROJECT": "teams/ml"} if how == "variable" else {}
        done = run(world, "deploy", *words, **env)
        assert done.code == 0, done.err
        assert deploys(world) == {"production": 0, "development": 1}

    def test_a_directory_that_is_no_project(self, world: Stage) -> None:
        done = run(world, "deploy", "--project", "teams/ml/pipelines")
        assert done.code == 2
        assert "is not a project in astro-ci.yaml" in done.err
        assert "teams/sales, teams/ml" in done.err


class TestConfig:
    def settings(self, done: Run) -> dict[str, tuple[Any, str]]:
        assert done.code == 0, done.err
        (target,) = done.document["deployments"]
        return {name: (s["value"], s["from"]) for name, s in target["settings"].items()}

    def test_flag_before_variable_before_file_before_default(self, world: Stage) -> None:
        file = "ignore: [a]\nimage-paths: [b]\nwait-time: 1m\nwait: false\ndags-path: d\n"
        file += "deployments: {production: {branches: main, wait-time: 2m}}"
        env = {"ASTRO_CI_IGNORE": "x\ny", "ASTRO_CI_DAGS_PATH": "e", "ASTRO_CI_IMAGE_PATHS": "\n"}
        words = ("config", "--json", "--dags-path", "dags", "--wait")
        found = self.settings(run(world, *words, file=file, **env))
        assert found["dags-path"] == ("dags", "--dags-path")
        assert found["wait"] == (True, "--wait")
        assert found["ignore"] == (["x", "y"], "ASTRO_CI_IGNORE")
        assert found["image-paths"] == (["b"], "astro-ci.yaml line 2")
        assert found["wait-time"] == ("2m", "astro-ci.yaml line 6")
        assert found["deployment-name"] == ("production", "astro-ci.yaml line 6")
        assert found["project"] == (".", "default")
        assert found["type"] == ("auto", "default")
        assert "deployment-id" not in found

    @pytest.mark.parametrize(
        ("words", "env", "file", "remedy"),
        [
            ([], {"ASTRO_CI_IGNORE": "a/**,b/**"}, "", "Write each pattern on a line of its own"),
            (["--ignore", "a/**,b/**"], {}, "", "Repeat --ignore for each pattern"),
            ([], {}, "ignore: ['a/**,b/**']\n", "Make each pattern an entry of the list"),
        ],
        ids=["variable", "flag", "file"],
    )
    def test_a_comma_separates_no_globs(
        self, world: Stage, words: list[str], env: dict[str, str], file: str, remedy: str
    ) -> None:
        file += "deployments: {production: {branches: main}}"
        done = run(world, "config", *words, file=file, **env)
        assert "a/**,b/** is one pattern, as a comma separates no patterns" in done.err
        assert f"{remedy}; for a comma in a name, write [,]" in done.err
        assert done.err.count("is one pattern") == 1

    def test_a_comma_that_belongs_to_a_name(self, world: Stage) -> None:
        """It is written so that there is no warning, and matches the name."""
        file = "deployments: {production: {branches: main}}"
        done = run(world, "config", file=file, ASTRO_CI_IGNORE="include/a[,]b.csv\ninclude/c")
        assert (done.code, "one pattern" in done.err) == (0, False)
        world.project.write({"astro-ci.yaml": file, "include/a,b.csv": "1\n"})
        world.project.commit()
        env = {**world.env, "ASTRO_CI_IGNORE": "include/a[,]b.csv"}
        planned = world.command("plan", "--base", "HEAD~1", "--json", env=env)
        affects = {one["path"]: one["affects"] for one in planned.document["changes"]}
        assert affects["include/a,b.csv"] == "nothing"

    @pytest.mark.parametrize(
        ("words", "env", "expected"),
        [
            (["--dags"], {"ASTRO_CI_TYPE": "image"}, ("dags", "--dags")),
            ([], {"ASTRO_CI_TYPE": "image"}, ("image", "ASTRO_CI_TYPE")),
            ([], {"ASTRO_CI_TYPE": ""}, ("image-and-dags", "astro-ci.yaml line 1")),
            (["--type", "auto"], {}, ("auto", "--type")),
        ],
    )
    def test_the_type(
        self, world: Stage, words: list[str], env: dict[str, str], expected: tuple[str, str]
    ) -> None:
        found = self.settings(
            run(world, "config", "--json", *words, file="type: image-and-dags", **env)
        )
        assert found["type"] == expected

    @pytest.mark.parametrize(
        ("words", "env", "expected"),
        [
            ([], {}, ("event", "astro-ci.yaml line 1")),
            ([], {"ASTRO_CI_BASE": ""}, ("event", "astro-ci.yaml line 1")),
            ([], {"ASTRO_CI_BASE": "0" * 40}, ("event", "astro-ci.yaml line 1")),
            ([], {"ASTRO_CI_BASE": "Deployed"}, ("deployed", "ASTRO_CI_BASE")),
            ([], {"ASTRO_CI_BASE": "a" * 40}, ("a" * 40, "ASTRO_CI_BASE")),
            (["--base", "auto"], {"ASTRO_CI_BASE": "deployed"}, ("auto", "--base")),
            (["--base", "main~1"], {"ASTRO_CI_BASE": "a" * 40}, ("main~1", "--base")),
        ],
    )
    def test_the_base(
        self, world: Stage, words: list[str], env: dict[str, str], expected: tuple[str, str]
    ) -> None:
        found = self.settings(run(world, "config", "--json", *words, file="base: event", **env))
        assert found["base"] == expected

    def test_the_ci_systems_commit_counts_where_the_file_names_a_base(self, world: Stage) -> None:
        base = world.project.head
        world.project.write({"dags/a.py": "a = 2\n"})
        world.project.commit()
        found = run(world, "plan", "--json", "--deployment-name", "production",
                    file="base: deployed", ASTRO_CI_BASE=base).document  # fmt: skip
        assert found["base"] == {"image": base, "dags": base, "source": "ref"}

    def test_a_build_argument_is_named_and_not_shown(self, world: Stage) -> None:
        for words in (["config"], ["config", "--json"]):
            done = run(world, *words, file="", ASTRO_CI_BUILD_ARG="TOKEN=hunter2\nPLAIN")
            assert "TOKEN=***" in done.out
            assert "PLAIN" in done.out
            assert "hunter2" not in done.out + done.err

    def test_for_people(self, world: Stage) -> None:
        done = run(world, "config", "--no-wait", file=BOTH.replace("[main, develop]", "develop"))
        assert done.code == 0
        lines = [" ".join(line.split()) for line in done.out.splitlines()]
        assert lines[0] == f"File: {world.project.root.resolve()}/astro-ci.yaml"
        assert "Chosen by: branch main" in lines
        assert "production (branches main; tags none): yes, by main" in lines
        assert "dev (branches develop; tags none): no" in lines
        assert "--type dags (astro-ci.yaml line 1)" in lines
        assert "--wait false (--no-wait)" in lines
        assert "--ignore none (default)" in lines

    def test_when_nothing_would_be_deployed(self, world: Stage) -> None:
        done = run(world, "config", file=BY_BRANCH, **PULL_REQUEST)
        assert done.code == 0
        assert "Nothing is deployed: pull request 7 is not merged" in done.out
        found = run(world, "config", "--json", **PULL_REQUEST).document
        assert (found["deployments"], found["branch"]) == ([], "develop")

    def test_without_a_file(self, world: Stage) -> None:
        done = run(world, "config", "--json", ASTRO_DEPLOYMENT_ID="clx1")
        assert done.document["file"] is None
        assert self.settings(done)["deployment-id"] == ("clx1", "ASTRO_DEPLOYMENT_ID")

    @pytest.mark.parametrize("how", ["flag", "variable"])
    def test_another_file(self, world: Stage, how: str) -> None:
        world.project.write({"ci/prod.yaml": "wait: no\nproject: ../airflow\n"})
        words = ["--config", "ci/prod.yaml"] if how == "flag" else []
        env = {"ASTRO_CI_CONFIG": "ci/prod.yaml"} if how == "variable" else {}
        found = self.settings(run(world, "config", "--json", *words, file="wait: maybe", **env))
        assert found["wait"] == (False, "ci/prod.yaml line 1")
        assert found["project"] == ("ci/../airflow", "ci/prod.yaml line 2")

    def test_a_file_that_is_not_there(self, world: Stage) -> None:
        done = run(world, "config", "--config", "nope.yaml")
        assert done.code == 2
        assert "nope.yaml cannot be read: No such file" in done.err
        assert "ASTRO_CI_CONFIG" in done.err

    def test_mistakes_are_named_with_their_lines(self, world: Stage) -> None:
        done = run(world, "deploy", "--json", file="waits: no\ntype: everything\n")
        assert done.code == 2
        message = done.document["error"]["message"].splitlines()
        assert message[0] == "astro-ci.yaml has 2 problems:"
        assert message[1].startswith("astro-ci.yaml line 1: waits is not a key of the file (did")
        assert message[2].startswith("astro-ci.yaml line 2: type is 'everything'")
        assert done.err.splitlines()[-1] == "outcome: failed"

    def test_the_schema(self, world: Stage) -> None:
        found = run(world, "config", "--schema").document
        jsonschema.Draft7Validator.check_schema(found)
        assert "deployments" in found["properties"]


class TestEnv:
    PUSH: Mapping[str, str] = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/feature/x",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/airflow",
    }

    def test_what_was_detected_and_from_which_variable(self, world: Stage) -> None:
        done = run(world, "env", **self.PUSH)
        assert done.code == 0
        lines = [" ".join(line.split()) for line in done.out.splitlines()]
        assert lines[0] == "CI system: GitHub Actions"
        assert "branch feature/x (from GITHUB_REF)" in lines
        assert f"head {'a' * 40} (from GITHUB_SHA)" in lines
        assert not any(line.startswith("pull-request") for line in lines)

    def test_as_json(self, world: Stage) -> None:
        found = run(world, "env", "--json", **self.PUSH, ASTRO_CI_PR="12").document
        assert (found["system"], found["key"]) == ("GitHub Actions", "github")
        assert found["values"]["branch"] == {"value": "feature/x", "from": "GITHUB_REF"}
        assert found["values"]["pull_request"] == {"value": "12", "from": "ASTRO_CI_PR"}
        assert found["values"]["tag"] is None

    def test_on_no_ci_system(self, world: Stage) -> None:
        done = run(world, "env")
        assert done.out.splitlines()[0] == "CI system: none"
        assert "git's are used" in done.out

    def test_an_event_that_cannot_be_read_is_told(self, world: Stage) -> None:
        done = run(world, "env", **self.PUSH, GITHUB_EVENT_PATH="/nonexistent/event.json")
        assert done.code == 0
        assert "could not read the file that GITHUB_EVENT_PATH names" in done.err


@pytest.mark.parametrize("system", ["TF_BUILD", "GITHUB_ACTIONS"])
def test_results_do_not_command_the_ci_system(world: Stage, system: str) -> None:
    """Two runners obey what stands anywhere in a line, also on standard output."""
    name = "dags/##vso[task.setvariable variable=x]##[add-mask]y.py"
    world.project.write({name: "a = 1\n"})
    words = ("plan", "--type", "dags", "--base", "HEAD")
    env = {**world.env, system: "true"}
    done = world.command(*words, env=env)
    assert done.code == 0, done.err
    assert "task.setvariable variable=x" in done.out
    found = world.command(*words, "--json", env=env)
    assert [change["path"] for change in found.document["changes"]] == [name]
    for text in (done.out, found.out):
        assert "##[" not in text
        assert system != "TF_BUILD" or "##vso[" not in text
