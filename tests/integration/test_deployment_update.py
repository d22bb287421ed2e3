"""`deployment update --dag-deploy`, against the sandbox: one field changes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.relay import Json, Relay
from tests.integration.sandbox.support import Client, Clock, Document, openapi_path
from tests.integration.sandbox.test_deployments import full
from tests.integration.stage import Run, Stage
from tests.integration.terminal import Terminal

TOGGLED = {"isDagDeployEnabled", "updatedAt", "updatedBy"}
BUNDLES = {"dagTarballVersion", "desiredDagTarballVersion"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def astro(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(rollout_seconds=0, now=clock) as sandbox:
        yield sandbox


@pytest.fixture
def api(astro: Sandbox) -> Iterator[Client]:
    client = Client(astro, None)
    yield client
    client.close()


@pytest.fixture
def relay(astro: Sandbox) -> Iterator[Relay]:
    with Relay(astro.api_url) as relay:
        yield relay


def update(world: Stage, name: str, *words: str, **env: str) -> Run:
    given = {k: v for k, v in world.env.items() if k != "ASTRO_CI_DEPLOYMENT_NAME"}
    return world.command("deployment", "update", name, *words, env={**given, **env})


def disable(world: Stage, name: str, **env: str) -> Run:
    return update(world, name, "--dag-deploy", "disable", **env)


def settings(shown: Json, *, aside: set[str] = TOGGLED) -> Json:
    return {k: v for k, v in shown.items() if k not in aside}


def assert_refused(done: Run, code: int, sentence: str, hint: str) -> None:
    assert done.code == code, done.err
    (error,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    (remedy,) = [line for line in done.err.splitlines() if line.startswith("hint: ")]
    assert sentence in error
    assert remedy == f"hint: {hint}"


class TestOneField:
    @pytest.mark.parametrize("kind", ["STANDARD", "DEDICATED", "HYBRID"])
    def test_of_a_deployment_with_everything(
        self, world: Stage, api: Client, relay: Relay, clock: Clock, kind: str
    ) -> None:
        """50 environment variables, 10 of them secret, 3 worker queues, a schedule."""
        world.astro.create_deployment("made", **full(kind))
        clock.advance(60)  # a value that is set again gets a new date, a secret one too
        before = api.deployment("made")
        assert len(before["environmentVariables"]) == 50
        assert sum("value" not in one for one in before["environmentVariables"]) == 10
        assert len(before["workerQueues"]) == 3
        for verb in ("disable", "enable"):
            done = update(world, "made", "--dag-deploy", verb, ASTRO_API_URL=relay.url)
            assert done.code == 0, done.err
            after = api.deployment("made")
            assert after["isDagDeployEnabled"] is (verb == "enable")
            assert settings(after) == settings(before)
        assert len(relay.posts()) == 2
        self.assert_valid(relay)

    def assert_valid(self, relay: Relay) -> None:
        path = openapi_path()
        if path is None:
            pytest.skip("no API document to hold the requests against")
        document = Document(path)
        for one in relay.exchanges:
            place = urlsplit(one.path).path.removeprefix("/v1")
            document.check(one.method, place, one.sent, one.answer)

    def test_an_override_of_hibernation_stays(self, world: Stage, api: Client) -> None:
        override = {"isHibernating": False, "overrideUntil": "2031-01-02T03:04:05Z"}
        api.call("POST", api.path("development", "/hibernation-override"), json=override)
        before = api.deployment("development")
        assert disable(world, "development").code == 0
        assert settings(api.deployment("development")) == settings(before)
        assert before["scalingSpec"]["hibernationSpec"]["override"]["isActive"] is True

    def test_a_field_that_astro_adds_tomorrow_is_kept(
        self, world: Stage, api: Client, relay: Relay
    ) -> None:
        kept: Json = {"mode": "careful", "limits": [1, 2]}

        def edit(method: str, shown: Json) -> Json:
            """An Astro that has the setting, and forgets what an update leaves out."""
            if "environmentVariables" not in shown:
                return shown
            posts = relay.posts()
            return {**shown, "tomorrow": posts[-1].get("tomorrow") if posts else kept}

        relay.edit = edit
        done = disable(world, "production", ASTRO_API_URL=relay.url)
        assert done.code == 0, done.err
        assert relay.posts()[0]["tomorrow"] == kept

    def test_what_runs_is_gone_as_it_was_said(self, world: Stage) -> None:
        world.deploy()
        done = disable(world, "production")
        assert done.code == 0, done.err
        said, updated = (
            done.err.index("Every DAG is gone until an image"),
            done.err.index("are dis"),
        )
        assert said < updated
        identity = world.astro.deployment("production").id
        assert done.out.splitlines() == [
            "updated: DAG-only deploys of production are disabled now",
            "Until the next deploy, the Deployment has no DAGs. Run:",
            f"  astro-ci deploy --deployment-id {identity} --type image-and-dags",
        ]

    def test_enabled(self, world: Stage) -> None:
        done = update(world, "classic", "--dag-deploy", "enable", "--json")
        assert done.code == 0, done.err
        assert "Nothing new is scheduled until the image and the DAGs are deployed." in done.err
        identity = world.astro.deployment("classic").id
        assert done.document == {
            "schema": 1,
            "outcome": "updated",
            "reason": "",
            "deployment": {"id": identity, "name": "classic", "dag_deploy_enabled": True},
            "next": f"astro-ci deploy --deployment-id {identity} --type image-and-dags",
            "deploy": None,
        }
        assert world.astro.deployment("classic").is_dag_deploy_enabled

    def test_already_so(self, world: Stage, relay: Relay) -> None:
        done = update(
            world, "production", "--dag-deploy", "enable", "--deploy", ASTRO_API_URL=relay.url
        )
        reason = "DAG-only deploys of production are enabled already"
        assert (done.code, done.out) == (0, f"skipped: {reason}\n")
        assert relay.posts() == []
        document = update(world, "production", "--dag-deploy", "enable", "--json").document
        assert (document["outcome"], document["reason"]) == ("skipped", reason)


class TestRefused:
    """A sentence, a hint, an exit code; nothing is changed."""

    @pytest.fixture(autouse=True)
    def unchanged(self, world: Stage, api: Client) -> Iterator[None]:
        before = api.deployment(), world.state()
        yield
        after = api.deployment(), world.state()
        assert settings(after[0], aside={"description", "updatedAt"}) == settings(
            before[0], aside={"description", "updatedAt"}
        )
        assert after[1] == before[1]

    def test_no_permission(self, world: Stage, astro: Sandbox) -> None:
        identity = astro.deployment("production").id
        astro.faults.add("POST", f"/deployments/{identity}$", status=403)
        assert_refused(
            disable(world, "production"),
            5,
            "the credentials may not change the Deployment production, which is unchanged: ",
            "Use a token with the role Workspace Owner, or another role that may update the "
            "Deployment.",
        )

    def test_changed_between_looking_and_updating(
        self, world: Stage, api: Client, relay: Relay
    ) -> None:
        reads = 0

        def edit(method: str, shown: Json) -> Json:
            nonlocal reads
            if method == "GET" and "environmentVariables" in shown:
                reads += 1
                if reads == 1:  # what is said and asked is about this look
                    api.update("production", description="theirs")
            return shown

        relay.edit = edit
        assert_refused(
            disable(world, "production", ASTRO_API_URL=relay.url),
            5,
            "the Deployment production was changed by somebody else in the meantime, so nothing "
            "was updated: description was unset and is now 'theirs'",
            "Look at the change, and run the command again.",
        )
        assert relay.posts() == []
        assert api.deployment()["description"] == "theirs"

    def test_a_session_where_only_ci_may_deploy(
        self, world: Stage, api: Client, tmp_path: Path
    ) -> None:
        config = tmp_path / ".astro" / "config.yaml"
        config.parent.mkdir()
        config.write_text(
            "context: localhost\ncontexts:\n  localhost:\n    domain: localhost\n"
            f"    token: Bearer {world.astro.session_token}\n"
            f"    organization: {world.astro.organization_id}\n"
        )
        api.update("production", isCicdEnforced=True)
        try:
            done = disable(world, "production", ASTRO_API_TOKEN="", HOME=str(tmp_path))
        finally:
            api.update("production", isCicdEnforced=False)
        assert_refused(
            done,
            9,
            "the Deployment production accepts deploys from CI/CD only, and these credentials are "
            "the session of `astro login`: the deploy that has to follow would be refused, so "
            "nothing was changed",
            "Use an API token in ASTRO_API_TOKEN.",
        )

    def test_a_follow_up_without_a_project(self, world: Stage, tmp_path: Path) -> None:
        words = ("--dag-deploy", "disable", "--deploy", "--project", str(tmp_path))
        done = update(world, "production", *words)
        assert done.code == 3, done.err
        assert "is not an Astro project: it has neither a Dockerfile nor dags/" in done.err

    def test_a_follow_up_without_an_engine(self, world: Stage) -> None:
        words = ("--dag-deploy", "disable", "--deploy")
        done = update(world, "production", *words, DOCKER_HOST="unix:///nonexistent/docker.sock")
        assert done.code == 4, done.err

    def test_no_direction(self, world: Stage) -> None:
        done = update(world, "production")
        assert done.code == 2
        assert "Missing option '--dag-deploy'" in done.err


class TestNotAsItWas:
    def test_a_setting_that_astro_did_not_keep(
        self, world: Stage, api: Client, relay: Relay
    ) -> None:
        api.update("production", description="ours")

        def edit(method: str, shown: Json) -> Json:
            return {**shown, "description": "lost"} if relay.posts() else shown

        relay.edit = edit
        assert_refused(
            disable(world, "production", ASTRO_API_URL=relay.url),
            5,
            "DAG-only deploys of production are disabled now, but other settings changed "
            "too: description was 'ours' and is now 'lost'",
            "Set them back in Astro, unless somebody else changed them at the same time.",
        )

    def test_an_update_that_astro_takes_and_drops(self, world: Stage, relay: Relay) -> None:
        def edit(method: str, shown: Json) -> Json:
            return {**shown, "isDagDeployEnabled": True} if relay.posts() else shown

        relay.edit = edit
        assert_refused(
            disable(world, "production", ASTRO_API_URL=relay.url),
            5,
            "Astro accepted the update, but DAG-only deploys of production are still enabled",
            "Switch DAG-only deploys in the Deployment's settings in Astro.",
        )

    def test_an_answer_that_is_lost(self, world: Stage, astro: Sandbox, api: Client) -> None:
        identity = astro.deployment("production").id
        astro.faults.add("POST", f"/deployments/{identity}$", status=503, after=True)
        done = disable(world, "production")
        assert done.code == 0, done.err
        assert api.deployment()["isDagDeployEnabled"] is False


class TestAsked:
    def at_terminal(self, world: Stage, *words: str, answers: str) -> Any:
        return Terminal(
            world.project.root,
            *("deployment", "update", "production", "--dag-deploy", "disable", *words),
            answers=answers,
            **world.env,
        )

    def test_no(self, world: Stage) -> None:
        done = self.at_terminal(world, answers="maybe\nn\n")
        assert done.code == 0, done.asked
        assert "Deploy the image and the DAGs right after? [y/N]" in done.asked
        assert "Answer with y or n." in done.asked
        assert "Until the next deploy, the Deployment has no DAGs. Run:" in done.out
        assert not world.astro.deployment("production").is_dag_deploy_enabled

    def test_the_end_of_the_input_changes_nothing(self, world: Stage) -> None:
        done = self.at_terminal(world, answers="\x04")
        assert done.code == 2, done.asked
        assert "error: the question was not answered: the input ended" in done.asked
        assert world.astro.deployment("production").is_dag_deploy_enabled
