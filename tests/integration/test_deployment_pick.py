"""Pick a Deployment on a terminal, and write it to `astro-ci.yaml` with --save."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import Run, Stage
from tests.integration.terminal import Terminal
from tests.repository import fingerprint

DEPLOY = ("deploy", "--type", "dags", "--skip-unchanged")
COMMENTED = "# ours\ntype: dags   # DAGs alone\n\n\nskip-unchanged: 'true'\n# the end"


def unnamed(world: Stage) -> dict[str, str]:
    """An environment that names no Deployment."""
    return {k: v for k, v in world.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}


def at_terminal(world: Stage, *words: str, answers: str, **env: str) -> Terminal:
    return Terminal(world.project.root, *words, answers=answers, **{**unnamed(world), **env})


def elsewhere(world: Stage, *words: str) -> Run:
    """Run without a terminal."""
    return world.command(*words, env=unnamed(world))


def deployed_to(world: Stage) -> list[str]:
    names = [str(one["name"]) for one in world.astro.deployments]
    return [name for name in names if world.astro.deploys(name)]


class TestPick:
    @pytest.mark.parametrize("answer", ["3", "production"])
    def test_by_number_or_name(self, world: Stage, answer: str) -> None:
        before = fingerprint(world.project.root)
        done = at_terminal(world, *DEPLOY, answers=f"{answer}\n")
        assert done.code == 0, done.asked
        assert "3.  production" in done.asked
        assert "Which Deployment? (number, name or id)" in done.asked
        assert deployed_to(world) == ["production"]
        assert fingerprint(world.project.root) == before, "nothing is remembered"

    @pytest.mark.parametrize("ci", [{"CI": "true"}, {"GITHUB_ACTIONS": "true"}])
    def test_nobody_is_asked_at_the_terminal_of_a_job(
        self, world: Stage, ci: dict[str, str]
    ) -> None:
        done = at_terminal(world, *DEPLOY, answers="", **ci)
        assert (done.code, deployed_to(world)) == (2, []), done.asked
        assert "Which Deployment?" not in done.asked
        assert "Name a Deployment with --deployment-id" in done.asked

    def test_by_id(self, world: Stage) -> None:
        identity = world.astro.deployment("development").id
        done = at_terminal(world, *DEPLOY, answers=f"{identity}\n")
        assert (done.code, deployed_to(world)) == (0, ["development"]), done.asked

    def test_the_command_that_follows_a_plan_names_it(self, world: Stage) -> None:
        identity = world.astro.deployment("production").id
        done = at_terminal(world, "plan", "--type", "dags", answers="production\n")
        assert f"Next: astro-ci deploy --type dags --deployment-id {identity}" in done.out
        saved = at_terminal(world, "plan", "--type", "dags", "--save", answers="production\n")
        assert saved.out.rstrip().endswith("Next: astro-ci deploy --type dags")

    def test_a_wrong_answer_is_asked_again(self, world: Stage) -> None:
        done = at_terminal(world, *DEPLOY, answers="\n4\nprod\nproduction\n")
        assert done.code == 0, done.asked
        assert done.asked.count("Answer with a number from 1 to 3, or with a name") == 3
        assert deployed_to(world) == ["production"]

    def test_a_name_that_is_a_number_of_another_is_asked_again(self, world: Stage) -> None:
        made = world.astro.create_deployment("2")
        done = at_terminal(world, *DEPLOY, "--dry-run", answers=f"2\n{made.id}\n")
        assert "2 Deployments fit this answer. Answer with the id." in done.asked

    def test_the_end_of_the_input(self, world: Stage) -> None:
        before = world.state()
        for words in (("plan",), DEPLOY, ("deployment", "inspect")):
            done = at_terminal(world, *words, answers="\x04")
            assert done.code == 2, done.asked
            assert "error: no Deployment was chosen: the input ended" in done.asked
            assert "hint: Answer with a number or a name, or name the Deployment" in done.asked
        assert world.state() == before

    def test_a_name_is_never_asked_for_where_there_is_one(self, world: Stage) -> None:
        done = at_terminal(world, *DEPLOY, answers="\x04", ASTRO_CI_DEPLOYMENT_NAME="production")
        assert done.code == 0, done.asked
        assert "Which Deployment" not in done.asked

    def test_inspect(self, world: Stage) -> None:
        done = at_terminal(world, "deployment", "inspect", "--key", "name", answers="1\n")
        assert (done.code, done.out) == (0, "classic\n")

    def test_the_only_one_is_taken_as_it_was(self, world: Stage) -> None:
        token = world.astro.new_token(deployment="production")
        done = at_terminal(world, *DEPLOY, answers="\x04", ASTRO_API_TOKEN=token)
        assert (done.code, deployed_to(world)) == (0, ["production"]), done.asked

    def test_without_credentials_a_plan_asks_nothing(self, world: Stage) -> None:
        done = at_terminal(world, "plan", answers="\x04", ASTRO_API_TOKEN="")
        assert done.code == 0, done.asked
        assert "no credentials, so what runs is not known" in done.out

    def test_without_a_terminal_the_error_lists_them(self, world: Stage) -> None:
        done = elsewhere(world, *DEPLOY)
        assert done.code == 2
        assert "no Deployment is named, and the credentials can see 3 Deployments: " in done.err
        assert deployed_to(world) == []


class TestSave:
    def test_the_source_of_the_token_is_told_once(self, world: Stage) -> None:
        """Though the Deployment is looked up before the plan is made."""
        for words in (("plan", "--save"), ("doctor",), ("-v", "doctor")):
            run = world.command(*words)
            assert run.code in (0, 3, 4, 6), run.err
            told = [
                line for line in (run.out + run.err).splitlines() if "from ASTRO_API_TOKEN" in line
            ]
            assert len(told) == 1, words

    def file(self, world: Stage) -> Path:
        return world.project.root / "astro-ci.yaml"

    def test_a_new_file_is_what_the_next_run_goes_by(self, world: Stage) -> None:
        done = at_terminal(world, *DEPLOY, "--save", answers="production\n")
        assert done.code == 0, done.asked
        assert "saved in astro-ci.yaml: branch main goes to production" in done.asked
        identity = world.astro.deployment("production").id
        assert self.file(world).read_text() == (
            f"deployments:\n  production:\n    id: {identity}\n    branches: [main]\n"
        )
        again = elsewhere(world, *DEPLOY, "--json")
        assert again.code == 0, again.err
        assert again.document["deployment"]["name"] == "production"

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_the_rest_of_the_file_stays_byte_for_byte(self, world: Stage, newline: str) -> None:
        before = COMMENTED.replace("\n", newline).encode()
        self.file(world).write_bytes(before)
        done = at_terminal(world, "plan", "--save", answers="production\n")
        assert done.code == 0, done.asked
        after = self.file(world).read_bytes()
        assert after.startswith(before + newline.encode() + b"deployments:")
        assert after.count(b"\n") == after.count(newline.encode())
        assert elsewhere(world, *DEPLOY).code == 0
        assert deployed_to(world) == ["production"]

    def test_one_that_is_named_is_saved_by_its_name(self, world: Stage) -> None:
        done = elsewhere(world, "plan", "--deployment-name", "classic", "--save")
        assert done.code == 0, done.err
        assert self.file(world).read_text() == "deployments:\n  classic:\n    branches: [main]\n"

    def test_a_strange_name(self, world: Stage) -> None:
        world.astro.create_deployment("it's: [on]\u2028#")
        done = elsewhere(world, "plan", "--deployment-name", "it's: [on]\u2028#", "--save")
        assert done.code == 0, done.err
        again = elsewhere(world, "config", "--json")
        (target,) = again.document["deployments"]
        assert target["settings"]["deployment-name"]["value"] == "it's: [on]\u2028#"

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (
                "deployments: {classic: {branches: other}}\n",
                "--save would write `deployments` into astro-ci.yaml, which already has "
                "`deployments`",
            ),
            (
                "deployments: {}\n",
                "--save cannot add the Deployment at the end of astro-ci.yaml: the file would "
                "then be read differently",
            ),
            (
                "{type: dags}\n",
                "--save cannot add the Deployment at the end of astro-ci.yaml: the file would "
                "then be read differently",
            ),
            (
                "type: dags\n...\n",
                "--save cannot add the Deployment at the end of astro-ci.yaml: the file would "
                "then be read differently",
            ),
        ],
    )
    def test_a_file_that_cannot_take_it(self, world: Stage, text: str, sentence: str) -> None:
        self.file(world).write_text(text)
        before = world.state()
        done = elsewhere(world, *DEPLOY, "--deployment-name", "production", "--save")
        assert done.code == 2, done.err
        assert f"error: {sentence}" in done.err
        assert "hint: Add the Deployment to the file by hand, under `deployments`." in done.err
        assert (world.state(), deployed_to(world)) == (before, [])

    def test_a_read_only_file(self, world: Stage) -> None:
        self.file(world).write_text("type: dags\n")
        self.file(world).chmod(0o444)
        before = world.state()
        done = at_terminal(world, *DEPLOY, "--save", answers="\x04")
        assert done.code == 2, done.asked
        assert "error: --save cannot write to astro-ci.yaml: the file is read-only" in done.asked
        assert "hint: Make the file writable, or leave out --save." in done.asked
        assert "Which Deployment" not in done.asked
        assert (world.state(), deployed_to(world)) == (before, [])

    def test_a_link_is_not_written_through(self, world: Stage, tmp_path: Path) -> None:
        world.project.write({"conf/real.yaml": "type: dags\n"})
        self.file(world).symlink_to("conf/real.yaml")
        done = elsewhere(world, "plan", "--deployment-name", "production", "--save")
        assert done.code == 2, done.err
        assert "error: --save cannot write to astro-ci.yaml: " in done.err
        assert (world.project.root / "conf/real.yaml").read_text() == "type: dags\n"

    def test_no_branch(self, world: Stage) -> None:
        world.project.git("checkout", "--quiet", "--detach")
        done = elsewhere(world, "plan", "--deployment-name", "production", "--save")
        assert done.code == 2, done.err
        assert "no branch is checked out" in done.err
        assert not self.file(world).exists()

    def test_an_unknown_name_is_not_saved(self, world: Stage) -> None:
        done = elsewhere(world, "plan", "--deployment-name", "staging", "--save")
        assert done.code == 2, done.err
        assert not self.file(world).exists()
