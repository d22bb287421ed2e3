"""Full deploys: a real engine builds, a real push goes to the sandbox's registry."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from astro_ci.astro.client import AstroClient
from astro_ci.errors import AstroCIError, DockerError, ProjectError, RegistryError
from astro_ci.image.engine import Engine
from astro_ci.model import DeployType, Request
from astro_ci.sandbox import Sandbox
from tests.e2e.images import read_image_files
from tests.integration.stage import Stage, stage
from tests.integration.test_deploy import Killed
from tests.repository import fingerprint

pytestmark = pytest.mark.docker

AUTO: dict[str, Any] = {"requested": Request.AUTO}
HOME = "usr/local/airflow/"


@pytest.fixture
def world(tmp_path: Path, base: str) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        made.project.write({"Dockerfile": f"FROM {base}\n"})
        made.project.commit("a base image that is there")
        yield made


def images(engine: Engine, world: Stage) -> set[str]:
    """The names on the engine, which others use too, that a deploy of this test may have left."""
    names = {tag for image in engine.client.api.images() for tag in image["RepoTags"] or ()}
    ids = [str(deployment["id"]) for deployment in world.astro.deployments]
    return {name for name in names if any(id_ in name for id_ in ids)}


def pull(engine: Engine, world: Stage, name: str = "production") -> dict[str, bytes]:
    """Pull what a Deployment runs, as anybody would, and read the project's files in it."""
    deployment = world.astro.deployment(name)
    repository, tag = deployment.image_repository, deployment.image_tag
    auth = {"username": "cli", "password": world.astro.token}
    engine.client.images.pull(repository, tag=tag, auth_config=auth)
    try:
        files = read_image_files(engine, f"{repository}:{tag}")
    finally:
        engine.remove_image(f"{repository}:{tag}")
    return {n.removeprefix(HOME): data for n, data in files.items() if n.startswith(HOME)}


@pytest.mark.smoke
def test_the_image_holds_the_project_and_the_bundle_the_dags(world: Stage, engine: Engine) -> None:
    before, names = fingerprint(world.project.root), images(engine, world)
    run = world.command("deploy", "--json")
    assert run.code == 0, run.err
    assert run.document["deploy_type"] == "image-and-dags"
    assert run.document["image_tag"] == world.astro.deployment("production").image_tag
    assert world.running_dags() == world.checked_out_dags()
    files = pull(engine, world)
    tracked = {n for n in world.project.git("ls-files").split("\n") if not n.startswith("dags/")}
    assert set(files) == tracked
    assert all(files[name] == (world.project.root / name).read_bytes() for name in tracked)
    assert fingerprint(world.project.root) == before
    assert images(engine, world) == names, "nothing is left on the engine"
    assert not (Path(os.environ["HOME"]) / ".docker").exists()


def test_the_image_says_where_it_came_from(world: Stage) -> None:
    world.project.git("remote", "add", "origin", "https://u:p@git.example.com/acme/airflow.git")
    world.deploy(**AUTO)
    config: Any = world.astro.image_config("production")["config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.revision"] == world.project.head
    assert labels["org.opencontainers.image.source"] == "https://git.example.com/acme/airflow.git"
    assert "org.opencontainers.image.created" in labels


def test_a_story(world: Stage, engine: Engine) -> None:
    """Full, then DAGs, nothing, a failure, and full again because the image is behind."""
    assert world.deploy(**AUTO).plan.deploy_type is DeployType.IMAGE_AND_DAGS
    world.project.write({"dags/a.py": "a = 2\n"})
    world.project.commit()
    assert world.deploy(**AUTO).plan.deploy_type is DeployType.DAGS
    assert world.deploy(**AUTO).outcome == "skipped"
    world.project.write({"include/q.sql": "select 2\n"})
    world.project.commit("its deploy fails")
    world.astro.faults.add("PUT", "^/blobs/", status=403)
    names = images(engine, world)
    with pytest.raises(AstroCIError, match="403"):
        world.deploy(**AUTO)
    assert images(engine, world) == names, "a failed deploy leaves nothing on the engine"
    world.project.write({"dags/a.py": "a = 3\n"})
    world.project.commit("only a DAG")
    assert world.deploy(**AUTO).plan.deploy_type is DeployType.IMAGE_AND_DAGS
    assert pull(engine, world)["include/q.sql"] == b"select 2\n"
    assert world.running_dags() == world.checked_out_dags()


@pytest.mark.smoke
def test_without_dag_only_deploys_the_dags_are_in_the_image(world: Stage, engine: Engine) -> None:
    result = world.deploy(deployment_name="classic", **AUTO)
    assert (result.plan.deploy_type, result.bundle_version) == (DeployType.IMAGE_AND_DAGS, "")
    files = pull(engine, world, "classic")
    dags = {name: data for name, data in files.items() if name.startswith("dags/")}
    assert dags == world.checked_out_dags()
    assert world.deploy(deployment_name="classic", **AUTO).outcome == "skipped"
    world.project.write({"dags/a.py": "a = 2\n"})
    again = world.deploy(deployment_name="classic", **AUTO)
    assert again.plan.deploy_type is DeployType.IMAGE_AND_DAGS
    assert pull(engine, world, "classic")["dags/a.py"] == b"a = 2\n"


def test_what_never_ships_is_not_in_the_image_either(world: Stage, engine: Engine) -> None:
    """Without DAG-only deploys, leftovers among the DAGs would otherwise change unnoticed."""
    leftovers = ("dags/__pycache__/a.pyc", "dags/b.pyc", "dags/env/pyvenv.cfg", "dags/env/lib/x.py")
    world.project.write(dict.fromkeys((*leftovers, "include/__pycache__/c.pyc"), "x\n"))
    world.project.commit()
    world.deploy(deployment_name="classic", **AUTO)
    files = pull(engine, world, "classic")
    assert {name for name in files if name.startswith("dags/")} == {"dags/a.py", "dags/sub/b.py"}
    assert "include/__pycache__/c.pyc" in files, "of what is not among them, nothing is left out"


def test_moved_dags_are_elsewhere_in_the_image(world: Stage, engine: Engine) -> None:
    world.project.git("mv", "dags", "pipelines")
    world.project.commit()
    world.deploy(deployment_name="classic", dags_path="pipelines", **AUTO)
    world.project.git("mv", "pipelines", "dags")
    world.project.commit()
    assert world.deploy(deployment_name="classic", **AUTO).outcome == "deployed"
    assert "dags/a.py" in pull(engine, world, "classic")


def test_a_dockerfile_that_is_a_link(world: Stage, engine: Engine) -> None:
    root = world.project.root
    (root / "docker").mkdir()
    (root / "Dockerfile").rename(root / "docker/Dockerfile.prod")
    (root / "Dockerfile").symlink_to("docker/Dockerfile.prod")
    world.project.write({".dockerignore": "docker/\n"})
    world.project.commit()
    world.deploy(**AUTO)
    assert world.deploy(**AUTO).outcome == "skipped"
    text = (root / "docker/Dockerfile.prod").read_text()
    world.project.write({"docker/Dockerfile.prod": f"{text}LABEL more=1\n"})
    world.project.commit()
    assert world.deploy(**AUTO).plan.deploy_type is DeployType.IMAGE_AND_DAGS


def test_a_git_lfs_pointer_is_no_file(world: Stage) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    world.project.write({"include/model.bin": pointer})
    before = world.state()
    with pytest.raises(ProjectError, match=r"include/model\.bin is a Git LFS pointer") as caught:
        world.deploy(**AUTO)
    assert "exclude it in .dockerignore" in caught.value.hint
    assert world.state() == before
    world.project.write({".dockerignore": "**/*.bin\n"})
    assert world.deploy(**AUTO).outcome == "deployed"


def test_an_image_alone(world: Stage, engine: Engine) -> None:
    world.deploy(**AUTO)
    old = world.running_dags()
    world.project.write({"dags/a.py": "a = 2\n", "include/q.sql": "select 2\n"})
    world.project.commit()
    result = world.deploy(requested=Request.IMAGE)
    assert (result.outcome, result.bundle_version) == ("deployed", "")
    assert world.running_dags() == old
    assert pull(engine, world)["include/q.sql"] == b"select 2\n"
    assert world.deploy(**AUTO).plan.deploy_type is DeployType.DAGS


def test_build_arguments_are_part_of_what_runs(world: Stage) -> None:
    world.deploy(**AUTO, build_args=("FLAVOUR=plain",))
    assert world.deploy(**AUTO, build_args=("FLAVOUR=plain",)).outcome == "skipped"
    other = world.deploy(**AUTO, build_args=("FLAVOUR=sweet",))
    assert other.plan.deploy_type is DeployType.IMAGE_AND_DAGS


class TestRefused:
    def refused(
        self, world: Stage, engine: Engine, kind: type[AstroCIError], message: str
    ) -> AstroCIError:
        before, names = world.state(), images(engine, world)
        with pytest.raises(kind, match=message) as caught:
            world.deploy(**AUTO)
        assert world.state() == before
        assert images(engine, world) == names
        return caught.value

    @pytest.mark.smoke
    def test_a_build_that_fails_shows_its_step(self, world: Stage, engine: Engine) -> None:
        dockerfile = (world.project.root / "Dockerfile").read_text()
        world.project.write({"Dockerfile": f"{dockerfile}RUN echo the reason && false\n"})
        error = self.refused(world, engine, DockerError, "the image was not built")
        assert "echo the reason" in str(error)
        assert "no deploy was created" not in str(error)
        assert world.astro.deploys("production") == []

    def test_an_image_that_is_no_runtime(self, world: Stage, engine: Engine) -> None:
        world.project.write({"Dockerfile": "FROM scratch\nCOPY . .\n"})
        error = self.refused(world, engine, ProjectError, "has no label io.astronomer")
        assert "FROM" in error.hint

    def test_an_older_runtime(self, world: Stage, engine: Engine) -> None:
        label = "LABEL io.astronomer.docker.runtime.version"
        world.project.write({"Dockerfile": f"FROM scratch\n{label}=12.1.1\nCOPY . .\n"})
        self.refused(world, engine, ProjectError, "Astro does not downgrade")

    def test_an_unsupported_runtime(self, world: Stage, engine: Engine) -> None:
        label = "LABEL io.astronomer.docker.runtime.version"
        world.project.write({"Dockerfile": f"FROM scratch\n{label}=99.0.0\nCOPY . .\n"})
        error = self.refused(world, engine, ProjectError, "does not support")
        assert "Use a supported version" in error.hint

    def test_a_push_that_is_refused(self, world: Stage, engine: Engine) -> None:
        world.astro.faults.add("POST", "^/v2/.*/uploads/", status=403, times=None)
        world.astro.faults.add("PATCH", "^/v2/", status=403, times=None)
        error = self.refused(world, engine, RegistryError, "left unfinished")
        assert error.exit_code == 4

    def test_a_registry_that_cannot_be_reached(
        self, world: Stage, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nowhere = f"127.0.0.1:{free.getsockname()[1]}/x/y"
        real = AstroClient.create_deploy

        def elsewhere(self: AstroClient, *args: Any, **options: Any) -> Any:
            return replace(real(self, *args, **options), image_repository=nowhere)

        monkeypatch.setattr(AstroClient, "create_deploy", elsewhere)
        error = self.refused(world, engine, RegistryError, "refused")
        assert "left unfinished" in str(error)


@pytest.mark.parametrize(
    "line",
    ["Build the image", r"\s+.*\[1/", "created deploy", "pushed the image"],
    ids=["build", "step", "created", "pushed"],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_killed_during_a_full_deploy(
    world: Stage, engine: Engine, line: str, number: signal.Signals
) -> None:
    world.deploy(**AUTO)
    world.project.write({"include/q.sql": "select 2\n", "dags/a.py": "a = 2\n"})
    world.project.commit()
    before, old = world.state(), world.running_dags()
    names = images(engine, world)
    killed = Killed(world, "auto")
    said = killed.after_line(line, number)
    is_new = world.state() != before
    if is_new:
        # The signal came after the deploy was finalized: all of it goes live then, and a process
        # that can still tell says so.
        assert line == "pushed the image"
        is_told = killed.process.returncode == 0 or re.search("goes live|may go live", said)
        assert is_told or number is signal.SIGKILL, said
    assert world.running_dags() in ([old, world.checked_out_dags()] if is_new else [old])
    if number is signal.SIGTERM:
        # The engine may still give the pushed name to what a killed push was about to send.
        left = images(engine, world) - names
        assert not [name for name in left if name.startswith("astro-ci/")]
    assert world.deploy(**AUTO).outcome == "deployed"
    assert world.running_dags() == world.checked_out_dags()
    for name in images(engine, world) - names:  # what a process that is killed cannot remove
        subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)
