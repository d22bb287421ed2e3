"""`init` where something is there already: a step of deploy-action, several projects, a branch."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.integration.terminal import Terminal
from tests.integration.test_init import FILES, NAMED, init, load
from tests.repository import Repository

OLD = ".github/workflows/old.yml"
STEP = """\
env: {OTHER: x}
jobs:
  deploy:
    runs-on: ubuntu-latest
    env:
      ASTRO_API_TOKEN: ${{ secrets.PROD_TOKEN }}
    steps:
      - uses: astronomer/deploy-action@v0.12.0
        with:
          deployment-id: clx0your0deployment0id
          parse: true
          pytest: true
          description: "It's ${{ github.sha }}"
          root-folder: .
          preview-name: pr
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "repository", FILES)


class TestDeployAction:
    def test_its_step_is_carried_over(self, repository: Repository) -> None:
        repository.write({OLD: STEP})
        done = init(repository, "--ci", "github")
        assert done.code == 0, done.err
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        (deployment,) = config["deployments"].values()
        assert deployment["id"] == "clx0your0deployment0id"
        step = load(repository, "github")["jobs"]["deploy"]["steps"][-1]
        assert step["uses"] == "astro-ci/astro_ci@v0"
        assert step["with"] == {
            "parse": "true",
            "pytest": "true",
            "description": "It's ${{ github.sha }}",
        }
        assert step["env"] == {"ASTRO_API_TOKEN": "${{ secrets.PROD_TOKEN }}"}
        assert f"note: kept from the step in {OLD}: parse, pytest, description" in done.out
        assert f"not kept from the step in {OLD}" in done.out
        assert "preview-name" in done.out

    def test_a_named_deployment_comes_first(self, repository: Repository) -> None:
        repository.write({OLD: STEP})
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 0, done.err
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert list(config["deployments"]) == ["production"]

    def test_an_expression_is_no_id(self, repository: Repository) -> None:
        repository.write({OLD: STEP.replace("clx0your0deployment0id", "${{ vars.ID }}")})
        alone = init(repository, "--ci", "github")
        assert alone.code == 2
        assert "no Deployment is named" in alone.err
        done = init(repository, "--ci", "github", *NAMED)
        assert "takes its deployment-id from an expression" in done.out

    @pytest.mark.parametrize(
        "text",
        [
            STEP.replace("v0.12.0", "v0.12.0\n      - uses: astronomer/deploy-action@v1"),
            "a: &a [*a, {uses: astronomer/deploy-action@v1}",
            "# astronomer/deploy-action@v1\n- [",
            "steps: [{uses: astronomer/deploy-action@v1, with: [parse]}]",
            "steps: [{uses: astronomer/deploy-action@v1, with: {parse: [1]}, env: 3}]",
        ],
        ids=["two", "broken", "comment", "list", "no text"],
    )
    def test_what_is_none_is_left_alone(self, repository: Repository, text: str) -> None:
        repository.write({OLD: text})
        done = init(repository, "--ci", "github", *NAMED)
        assert done.code == 0, done.err
        step = load(repository, "github")["jobs"]["deploy"]["steps"][-1]
        assert "with" not in step
        assert step["env"] == {"ASTRO_API_TOKEN": "${{ secrets.ASTRO_API_TOKEN }}"}

    def test_a_token_that_is_written_out_is_not_copied(self, repository: Repository) -> None:
        repository.write({OLD: STEP.replace("${{ secrets.PROD_TOKEN }}", "the.real.token")})
        done = init(repository, "--ci", "github")
        assert done.code == 0, done.err
        assert (
            "the.real.token"
            not in (repository.root / ".github/workflows/deploy-to-astro.yml").read_text()
        )


class TestSeveral:
    def test_a_token_that_sees_them_all_is_advised(self, tmp_path: Path) -> None:
        files = {f"{name}/{path}": text for path, text in FILES.items() for name in ("a", "b")}
        repository = Repository.create(tmp_path / "repository", files)
        answers = "\n\nsales\nproduction\n"
        done = Terminal(repository.root, "init", "--ci", "github", answers=answers)
        assert done.code == 0, done.asked
        text = (repository.root / ".github/workflows/deploy-to-astro.yml").read_text()
        assert "Workspace API token" in " ".join(text.replace("#", " ").split())
        assert max(map(len, text.splitlines())) <= 100

    def test_for_one_its_own_token_will_do(self, repository: Repository) -> None:
        done = init(repository, "--ci", "github", *NAMED)
        assert "an API token that may deploy to the Deployment" in done.out
        assert "Workspace" not in done.out


class TestBranch:
    def test_a_number_is_no_branch(self, repository: Repository) -> None:
        words = ("init", "--ci", "github", *NAMED)
        done = Terminal(repository.root, *words, answers="1\n\n")
        assert done.code == 0, done.asked
        assert "There is no branch 1 here. Which branch is deployed?" in done.asked
        config = yaml.safe_load((repository.root / "astro-ci.yaml").read_text())
        assert config["deployments"] == {"production": {"branches": ["main"]}}

    def test_a_branch_of_the_remote_is_one(self, repository: Repository, tmp_path: Path) -> None:
        repository.git("branch", "release")
        clone = repository.clone(tmp_path / "clone")
        done = Terminal(clone.root, "init", "--ci", "github", *NAMED, answers="release\n")
        assert done.code == 0, done.asked
        assert "There is no branch" not in done.asked


class TestDefaults:
    def test_gitlab_gets_nothing_that_is_its_default(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        clone = repository.clone(tmp_path / "clone")
        done = init(clone, "--ci", "gitlab", *NAMED)
        assert done.code == 0, done.err
        (entry,) = load(clone, "gitlab")["include"]
        assert list(entry) == ["remote"]

    def test_another_branch_and_another_name_are_said(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        clone = repository.clone(tmp_path / "clone")
        words = ("--branch", "release", "--deployment-name", "sales")
        done = init(clone, "--ci", "gitlab", *words)
        assert done.code == 0, done.err
        (entry,) = load(clone, "gitlab")["include"]
        assert entry["inputs"] == {
            "environment": "sales",
            "rules": [{"if": '$CI_COMMIT_BRANCH == "release"'}],
        }

    def test_a_default_branch_that_is_not_known_is_said(self, repository: Repository) -> None:
        """What is checked out need not be what GitLab has as the default."""
        done = init(repository, "--ci", "gitlab", *NAMED)
        assert done.code == 0, done.err
        (entry,) = load(repository, "gitlab")["include"]
        assert list(entry["inputs"]) == ["rules"]
