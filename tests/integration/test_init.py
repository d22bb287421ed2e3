"""`init` in real repositories, against the sandbox: what it writes, refuses, and asks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from astro_ci.pipelines.systems import KEYS, SYSTEMS
from astro_ci.sandbox import Sandbox
from tests import forked
from tests.integration.stage import Run
from tests.integration.terminal import Terminal
from tests.repository import Repository, fingerprint

FILES = {
    "Dockerfile": "FROM quay.io/astronomer/astro-runtime:13.1.0\n",
    "dags/a.py": "a = 1\n",
    "README.md": "",
}
STRANGE_DIRECTORIES = (
    "a b",
    "it's",
    'say "x"',
    "# no",
    "key: value",
    "🎉",
    "- x",
    "*a",
    "%TAG",
    "é\u2028x",
)
SCHEMAS = {
    "github": ("vendor.github-workflows",),
    "gitlab": ("vendor.gitlab-ci",),
    "circleci": ("vendor.circle-ci",),
    "azure": (
        "vendor.azure-pipelines",
        *("--regex-variant", "nonunicode", "--data-transform", "azure-pipelines"),
    ),
    "bitbucket": ("vendor.bitbucket-pipelines",),
    "buildkite": ("vendor.buildkite",),
    "drone": ("vendor.drone-ci",),
    "woodpecker": ("vendor.woodpecker-ci",),
}
PATHS = {system.key: system.path for system in SYSTEMS}
NAMED = ("--deployment-name", "production")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "repository", FILES)


def command(directory: Path, *words: str, **env: str) -> Run:
    done = forked.run(words, cwd=directory, env={**os.environ, **env})
    return Run(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def init(repository: Repository, *words: str, **env: str) -> Run:
    return command(repository.root, "init", *words, **env)


def credentials(astro: Sandbox) -> dict[str, str]:
    return {"ASTRO_API_URL": astro.api_url, "ASTRO_API_TOKEN": astro.token}


def written(repository: Repository) -> list[str]:
    """The files that were not there when the repository was made."""
    return repository.git("ls-files", "--others").splitlines()


def holds(repository: Repository, branch: str = "main") -> dict[str, Any]:
    """What `astro-ci config` makes of the file, for a branch."""
    done = command(repository.root, "config", "--json", ASTRO_CI_BRANCH=branch)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def load(repository: Repository, key: str) -> Any:
    return yaml.safe_load((repository.root / PATHS[key]).read_text())


class TestEachSystem:
    @pytest.mark.parametrize("key", KEYS)
    def test_both_files(self, repository: Repository, key: str) -> None:
        done = init(repository, "--ci", key, *NAMED)
        assert done.code == 0, done.err
        assert set(written(repository)) == {"astro-ci.yaml", PATHS[key]}
        assert "ASTRO_API_TOKEN" in done.out.partition("Next:")[2]
        assert "astro-ci doctor" in done.out
        (only,) = holds(repository)["deployments"]
        assert only["settings"]["deployment-name"]["value"] == "production"
        assert holds(repository, "other")["deployments"] == []

    @pytest.mark.parametrize("branch", ["main", "it's#1"])
    @pytest.mark.parametrize("key", SCHEMAS)
    def test_the_schema_of_its_system(self, repository: Repository, key: str, branch: str) -> None:
        assert init(repository, "--ci", key, "--branch", branch, *NAMED).code == 0
        words = ["-m", "check_jsonschema", "--builtin-schema", *SCHEMAS[key], PATHS[key]]
        done = subprocess.run(
            [sys.executable, *words], cwd=repository.root, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(holds(repository, branch)["deployments"]) == 1

    @pytest.mark.parametrize("branch", ["!a", "release/*", "a'b\"c"])
    def test_a_branch_that_would_be_taken_for_something_else(
        self, repository: Repository, branch: str
    ) -> None:
        done = init(repository, "--ci", "gitlab", "--branch", branch, *NAMED)
        assert done.code == 2
        assert written(repository) == []

    @pytest.mark.parametrize("key", [key for key in KEYS if key != "jenkins"])
    def test_yamllint(self, repository: Repository, key: str) -> None:
        assert init(repository, "--ci", key, *NAMED).code == 0
        made = [str(repository.root / name) for name in (PATHS[key], "astro-ci.yaml")]
        done = subprocess.run(
            [sys.executable, "-m", "yamllint", "--strict", *made],
            cwd=Path(__file__).parents[2],  # whose rules hold for all that we write
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def test_the_buildspec(self, repository: Repository) -> None:
        """There is no schema. Source: CodeBuild's "Build specification reference"."""
        assert init(repository, "--ci", "codebuild", *NAMED).code == 0
        file = load(repository, "codebuild")
        assert (file["version"], list(file)) == (0.2, ["version", "env", "phases"])
        assert list(file["phases"]) == ["install", "build"]
        commands = [c for phase in file["phases"].values() for c in phase["commands"]]
        assert all(isinstance(command, str) for command in commands)

    def test_an_unknown_one(self, repository: Repository) -> None:
        done = init(repository, "--ci", "hudson", *NAMED)
        assert done.code == 2
        assert "jenkins" in done.err


class TestDetection:
    @pytest.mark.parametrize("key", KEYS)
    def test_by_its_files(self, repository: Repository, key: str) -> None:
        path = PATHS[key].replace("deploy-to-astro", "tests")
        repository.write({path: "# something\n"})
        done = init(repository, "--print", *NAMED)
        assert done.code == 0, done.err
        assert PATHS[key] in done.out

    @pytest.mark.parametrize(
        ("url", "key"),
        [
            ("git@github.com:ada/flows.git", "github"),
            ("https://github.example.com/ada/flows", "github"),
            ("https://oauth2:secret@gitlab.example.com/ada/flows.git", "gitlab"),
            ("git@bitbucket.org:ada/flows.git", "bitbucket"),
            ("https://dev.azure.com/ada/flows/_git/flows", "azure"),
            ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/flows", "codebuild"),
        ],
    )
    def test_by_the_remote(self, repository: Repository, url: str, key: str) -> None:
        repository.git("remote", "add", "origin", url)
        assert init(repository, *NAMED).code == 0
        assert PATHS[key] in written(repository)

    def test_files_say_more_than_the_remote(self, repository: Repository) -> None:
        repository.git("remote", "add", "origin", "git@github.com:ada/flows.git")
        repository.write({".github/CODEOWNERS": "", ".circleci/config.yml": "version: 2.1\n"})
        assert ".circleci/config.yml already exists" in init(repository, *NAMED).out

    def test_neither(self, repository: Repository) -> None:
        done = init(repository, *NAMED)
        assert (done.code, written(repository)) == (2, [])
        assert "--ci" in done.err

    def test_several(self, repository: Repository) -> None:
        repository.write({"Jenkinsfile": "", ".drone.yml": ""})
        done = init(repository, *NAMED)
        assert done.code == 2
        assert "files of several CI systems: jenkins, drone" in done.err


class TestProject:
    @pytest.mark.parametrize("name", STRANGE_DIRECTORIES)
    def test_in_a_subdirectory(self, tmp_path: Path, name: str) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items()}
        repository = Repository.create(tmp_path / "repository", files)
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 0, done.err
        (only,) = holds(repository)["deployments"]
        assert only["settings"]["project"]["value"] == str(repository.root / name)
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert config["project"] == name

    def test_where_one_is(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        repository = Repository.create(tmp_path / "repository", files)
        done = command(repository.root / "b", "init", "--ci", "github", *NAMED)
        assert done.code == 0, done.err
        assert (repository.root / ".github").is_dir()
        (only,) = holds(repository)["deployments"]
        assert only["settings"]["project"]["value"] == str(repository.root / "b")

    def test_several_and_nobody_to_ask(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        repository = Repository.create(tmp_path / "repository", files)
        done = init(repository, "--ci", "github", *NAMED)
        assert (done.code, written(repository)) == (2, [])
        assert "2 Astro projects: a, b" in done.err
        assert init(repository, "--ci", "github", "--project", "a", *NAMED).code == 0

    def test_none(self, tmp_path: Path) -> None:
        repository = Repository.create(tmp_path / "repository", {"Dockerfile": "FROM python\n"})
        assert init(repository, "--ci", "github", *NAMED).code == 3

    @pytest.mark.parametrize(("place", "path"), [("", "."), ("flows/a b/", "'flows/a b'")])
    def test_a_base_image_of_the_company(self, tmp_path: Path, place: str, path: str) -> None:
        files = {"Dockerfile": "FROM registry.acme.example/airflow:7\n", "dags/a.py": "a = 1\n"}
        repository = Repository.create(
            tmp_path / "repository", {f"{place}{name}": text for name, text in files.items()}
        )
        refused = init(repository, "--ci", "github", *NAMED)
        assert refused.code == 3
        assert f"name the project with `--project {path}`" in refused.err
        named = init(repository, "--ci", "github", "--project", f"{place or '.'}", *NAMED)
        assert named.code == 0, named.err

    def test_no_repository(self, tmp_path: Path) -> None:
        assert command(tmp_path, "init", "--ci", "github", *NAMED).code == 3

    def test_the_default_branch(self, repository: Repository, tmp_path: Path) -> None:
        repository.git("branch", "--move", "trunk")
        clone = repository.clone(tmp_path / "clone")
        clone.git("checkout", "--quiet", "-b", "feature")
        assert init(clone, "--ci", "github", *NAMED).code == 0
        assert load(clone, "github")[True]["push"]["branches"] == ["trunk"]


class TestDeployment:
    def test_by_name_is_looked_up(self, repository: Repository, astro: Sandbox) -> None:
        done = init(repository, "--ci", "github", *NAMED, **credentials(astro))
        assert done.code == 0, done.err
        assert "not looked up" not in done.out

    def test_by_id_gets_its_name(self, repository: Repository, astro: Sandbox) -> None:
        wanted = astro.deployment("development").id
        env = {**credentials(astro), "ASTRO_DEPLOYMENT_ID": wanted}
        assert init(repository, "--ci", "github", **env).code == 0
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert config["deployments"] == {"development": {"id": wanted, "branches": ["main"]}}

    def test_unknown(self, repository: Repository, astro: Sandbox) -> None:
        words = ("--ci", "github", "--deployment-name", "prod")
        done = init(repository, *words, **credentials(astro))
        assert (done.code, written(repository)) == (2, [])
        assert "production" in done.err

    def test_none_named(self, repository: Repository, astro: Sandbox) -> None:
        for env in ({}, credentials(astro)):
            done = init(repository, "--ci", "github", **env)
            assert (done.code, written(repository)) == (2, [])

    @pytest.mark.parametrize("name", ["Prod: #1", "it's", "yes", "1.10", '"', "🎉", "a\tb"])
    def test_a_strange_name(self, repository: Repository, name: str) -> None:
        done = init(repository, "--ci", "github", "--deployment-name", name)
        assert done.code == 0, done.err
        (only,) = holds(repository)["deployments"]
        assert only["settings"]["deployment-name"]["value"] == name
        yaml_keys = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())["deployments"]
        assert list(yaml_keys) == [name]


class TestWhatIsThere:
    def test_print_writes_nothing(self, repository: Repository) -> None:
        before = fingerprint(repository.root)
        for flag in ("--print", "--dry-run"):
            done = init(repository, "--ci", "github", flag, *NAMED)
            assert done.code == 0
            assert "branches: [main]" in done.out
        assert fingerprint(repository.root) == before

    @pytest.mark.parametrize("name", ["astro-ci.yaml", "astro-ci.yml"])
    def test_a_configuration_file_is_refused(self, repository: Repository, name: str) -> None:
        repository.write({name: "type: dags\n"})
        before = fingerprint(repository.root)
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 2
        assert f"{name} already exists and names no Deployment" in done.err
        assert "astro-ci plan --save" in done.err
        assert fingerprint(repository.root) == before

    @pytest.mark.parametrize("words", [(), NAMED, ("--print",)])
    def test_a_configuration_file_with_deployments_stays(
        self, repository: Repository, words: tuple[str, ...]
    ) -> None:
        text = "deployments: {production: {branches: [release]}}\n"
        repository.write({"astro-ci.yaml": text})
        done = init(repository, "--ci", "github", *words)
        assert done.code == 0, done.err
        assert (repository.root / "astro-ci.yaml").read_text() == text
        assert "note: astro-ci.yaml already exists and was not changed" in done.out
        assert "branches: [release]" in (
            done.out if "--print" in words else (repository.root / PATHS["github"]).read_text()
        )

    def test_what_else_the_configuration_file_deploys_is_told(self, repository: Repository) -> None:
        text = "deployments: {production: {branches: [main, release], tags: v*}}\n"
        repository.write({"astro-ci.yaml": text})
        done = init(repository, "--ci", "github", "--branch", "main")
        assert "astro-ci.yaml also deploys from release: add them to what starts" in done.out

    def test_a_deployment_that_the_configuration_file_does_not_have(
        self, repository: Repository
    ) -> None:
        repository.write({"astro-ci.yaml": "deployments: {staging: {branches: main}}\n"})
        done = init(repository, "--ci", "github", *NAMED)
        assert (done.code, PATHS["github"] in written(repository)) == (2, False)
        assert "already exists and has no Deployment production" in done.err

    def test_a_configuration_file_of_one_project_among_several(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        file = "deployments: {production: {branches: main}}\n"
        repository = Repository.create(tmp_path / "repository", {**files, "b/astro-ci.yaml": file})
        done = init(repository, "--ci", "github", "--project", "b")
        assert done.code == 2
        assert "b/astro-ci.yaml already exists below the root of the repository" in done.err

    def test_the_projects_of_a_configuration_file(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        file = (
            "projects: {a: {deployments: {first: {branches: main}}}, "
            "b: {deployments: {second: {branches: main}}}}\n"
        )
        repository = Repository.create(tmp_path / "repository", {**files, "astro-ci.yaml": file})
        done = init(repository, "--ci", "github", "--project", "b")
        assert done.code == 0, done.err
        assert "group: astro-second" in (repository.root / PATHS["github"]).read_text()
        for words in ((), ("--project", ".")):
            shown = init(repository, "--ci", "jenkins", "--print", *words)
            assert shown.code == 0, shown.err
            assert "a Workspace API token" in shown.out, "as there are two Deployments"

    @pytest.mark.parametrize("key", KEYS)
    def test_a_pipeline_file_stays_and_is_told_what_to_add(
        self, repository: Repository, key: str
    ) -> None:
        repository.write({PATHS[key]: "# mine\n"})
        done = init(repository, "--ci", key, *NAMED)
        assert done.code == 0, done.err
        assert (repository.root / PATHS[key]).read_text() == "# mine\n"
        assert f"{PATHS[key]} already exists and was not changed" in done.out
        assert len(holds(repository)["deployments"]) == 1

    @pytest.mark.parametrize(
        ("key", "mine", "is_ours"),
        [
            (
                "gitlab",
                "include:\n  - remote: https://x.example/v0/gitlab-templates/deploy.yml\n",
                True,
            ),
            ("jenkins", "sh 'astro-ci deploy'\n", True),
            ("jenkins", "// sh 'astro-ci deploy'\n", False),
            ("gitlab", "# gitlab-templates/deploy.yml\n", False),
        ],
    )
    def test_a_deploy_of_ours_is_not_added_twice(
        self, repository: Repository, key: str, mine: str, is_ours: bool
    ) -> None:
        repository.write({PATHS[key]: mine})
        done = init(repository, "--ci", key, *NAMED)
        assert (f"{PATHS[key]} already deploys with astro-ci" in done.out) is is_ours

    def test_what_to_mind_when_adding_to_gitlabs(self, repository: Repository) -> None:
        mine = """\
spec:
  inputs: {}
---
include: [{local: ci/lint.yml}]
stages: [test, release]
lint:
  script: !reference [.lint, script]
"""
        repository.write({".gitlab-ci.yml": mine})
        done = init(repository, "--ci", "gitlab", *NAMED)
        assert done.code == 0, done.err
        assert (
            "note: .gitlab-ci.yml already has include: add the new content under the existing key,"
            in done.out
        )
        assert "note: .gitlab-ci.yml has no stage deploy" in done.out

    @pytest.mark.parametrize(
        "mine",
        [
            "lint: {script: x}\n",
            "stages:\n- deploy\n",
            "stages: [!reference [a, b], c]\n",
            "{",
            "[]",
            "stages: deploy\n",
            "\0",
        ],
    )
    def test_nothing_to_mind(self, repository: Repository, mine: str) -> None:
        repository.write({".gitlab-ci.yml": mine})
        done = init(repository, "--ci", "gitlab", *NAMED)
        assert done.code == 0, done.err
        assert "note: .gitlab-ci.yml" not in done.out

    def test_keys_of_which_there_is_one(self, repository: Repository) -> None:
        repository.write({".circleci/config.yml": "version: 2.1\njobs: {}\nworkflows: {}\n"})
        done = init(repository, "--ci", "circleci", *NAMED)
        assert (
            "already has version, jobs, workflows: add the new content under the existing keys"
            in done.out
        )

    @pytest.mark.parametrize(
        ("text", "is_one"),
        [
            ("    - uses: astronomer/deploy-action@v0.9\n", True),
            ("    - run: astro deploy --dags\n", True),
            ("    # - run: astro deploy\n", False),
            ("    - run: make lint # not astro deploy\n", False),
            ("    - run: astro dev parse\n", False),
        ],
    )
    def test_another_way_to_deploy(
        self, repository: Repository, text: str, *, is_one: bool
    ) -> None:
        repository.write({".github/workflows/old.yml": text})
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 0, done.err
        said = "note: .github/workflows/old.yml has `astro"
        assert (said in done.out) is is_one
        repository.remove("astro-ci.yaml")
        elsewhere = init(repository, "--ci", "jenkins", "--print", *NAMED)
        assert elsewhere.code == 0, elsewhere.err
        assert (said in elsewhere.out) is is_one

    def test_a_file_where_a_directory_has_to_be(self, repository: Repository) -> None:
        repository.write({".github": "a file\n"})
        before = fingerprint(repository.root)
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 3
        assert "--print" in done.err
        assert fingerprint(repository.root) == before

    def test_a_link_that_leads_out(self, repository: Repository, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (repository.root / ".github").symlink_to(elsewhere)
        before = fingerprint(repository.root)
        assert init(repository, "--ci", "github", *NAMED).code == 3
        assert fingerprint(repository.root) == before
        assert list(elsewhere.iterdir()) == []

    def test_a_read_only_directory(self, repository: Repository) -> None:
        words = [sys.executable, "-m", "astro_ci", "init", "--ci", "github", *NAMED]
        if os.geteuid() == 0:  # who may write anywhere
            setpriv = shutil.which("setpriv")
            if setpriv is None:
                pytest.skip("no setpriv (Debian's util-linux), and the tests run as root")
            words = [setpriv, "--bounding-set=-all", "--inh-caps=-all", *words]
        before = fingerprint(repository.root)
        repository.root.chmod(0o555)
        try:
            done = subprocess.run(words, cwd=repository.root, capture_output=True, text=True)
        finally:
            repository.root.chmod(0o755)
        assert done.returncode == 3, done.stderr
        assert "Permission denied" in done.stderr
        assert fingerprint(repository.root) == before


class TestTerminal:
    def test_everything_is_asked(self, repository: Repository, astro: Sandbox) -> None:
        done = Terminal(
            repository.root,
            "init",
            answers="GitLab CI\nrelease\nrelease\ndevelopment\n",
            **credentials(astro),
        )
        assert done.code == 0, done.asked
        assert "Which one is it?" in done.asked
        assert "Which branch is deployed? [main]" in done.asked
        assert "There is no branch release here." in done.asked
        assert "Which Deployment does the project go to? (number, name or id)" in done.asked
        assert set(written(repository)) == {"astro-ci.yaml", ".gitlab-ci.yml"}
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert config["deployments"] == {"development": {"branches": ["release"]}}

    def test_numbers_defaults_and_wrong_answers(
        self, repository: Repository, astro: Sandbox
    ) -> None:
        answers = "github\n1\n\n99\n1\n"
        done = Terminal(repository.root, "init", answers=answers, **credentials(astro))
        assert done.code == 0, done.asked
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert "Answer with a number from 1 to" in done.asked
        assert config["deployments"] == {"classic": {"branches": ["main"]}}
        assert ".github/workflows/deploy-to-astro.yml" in written(repository)

    def test_all_projects_without_credentials(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        repository = Repository.create(tmp_path / "repository", files)
        done = Terminal(
            repository.root,
            "init",
            "--ci",
            "drone",
            answers="\n\nclx0your0deployment0id\nproduction\n",
        )
        assert done.code == 0, done.asked
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        first, second = config["projects"]["a"], config["projects"]["b"]
        assert first["deployments"]["clx0your0deployment0id"]["id"] == "clx0your0deployment0id"
        assert second["deployments"] == {"production": {"branches": ["main"]}}
        assert len(holds(repository)["deployments"]) == 2

    def test_the_end_of_the_input_at_the_deployment(
        self, repository: Repository, astro: Sandbox
    ) -> None:
        answers = "main\n\x04"
        done = Terminal(
            repository.root, "init", "--ci", "drone", answers=answers, **credentials(astro)
        )
        assert done.code == 2, done.asked
        assert "error: no Deployment was chosen: the input ended" in done.asked
        assert written(repository) == []

    def test_giving_up(self, repository: Repository) -> None:
        done = Terminal(repository.root, "init", "--ci", "drone", answers="\x04")
        assert done.code == 130
        assert written(repository) == []
