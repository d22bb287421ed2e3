"""The container image of the Dockerfile at the root: built, small, not root, and it deploys."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci import __version__
from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.deployed import DEPLOYMENT, deploy_first
from tests.e2e.alpine import download, python_image
from tests.e2e.images import unique
from tests.repository import Repository

ROOT = Path(__file__).parents[2]
COMMAND = "docker build --tag astro-ci ."
"""As docs/installing.md has it."""
MOST_BYTES = 40_000_000
"""What the image may add to its base, the packages of apk aside."""

# One test process builds the image.
pytestmark = [
    pytest.mark.docker,
    # It packs what `Dockerfile` and the lock file say; the command in it is tested everywhere.
    pytest.mark.thorough,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("container-image"),
]


@pytest.fixture(scope="module")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wheels = tmp_path_factory.mktemp("wheels")
    download(ROOT / "image-requirements.lock", wheels)
    with python_image(engine, wheels) as name:
        yield name


@pytest.fixture(scope="module")
def image(engine: Engine, base: str) -> Iterator[str]:
    """Built by the command of the documentation, under a name of its own and on another base."""
    assert COMMAND in (ROOT / "docs" / "installing.md").read_text()
    name = unique("container")
    words = COMMAND.replace("astro-ci .", f"{name} --build-arg BASE={base} .").split()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "apk add --no-cache docker-cli docker-cli-buildx git" in done.stdout + done.stderr
    yield name
    engine.remove_image(name)


def run(image: str, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a container, as a CI job does."""
    return subprocess.run(
        ["docker", "run", "--rm", "--network", "host", *words, image, "sh", "-eu", "-c", script],
        capture_output=True,
        text=True,
    )


def test_it_is_small_and_not_root(engine: Engine, base: str, image: str) -> None:
    made, from_ = (engine.client.images.get(name).attrs for name in (image, base))
    assert made["Config"]["User"] == "astro"
    assert not made["Config"].get("Entrypoint")
    assert made["Size"] - from_["Size"] < MOST_BYTES
    done = run(image, "id -u; astro-ci --version; git --version; ls /opt/astro-ci/astro_ci")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"1000\nastro-ci {__version__}\ngit version ")
    assert "__main__.py" in done.stdout


def test_it_shows_its_help_when_nothing_is_said(image: str) -> None:
    done = subprocess.run(["docker", "run", "--rm", image], capture_output=True, text=True)
    assert done.stdout.startswith("Usage: astro-ci")


def test_no_module_of_the_checkout_comes_first(image: str) -> None:
    script = "echo 'raise SystemExit(99)' > json.py; cp json.py click.py; astro-ci --version"
    done = run(image, script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    ["astro-ci deploy", 'PYTHONPATH="$PWD.astro-ci" python3 -P -m astro_ci deploy'],
    ids=["by hand", "as the GitLab template"],
)
def test_it_deploys_a_checkout_of_another_user(image: str, command: str, tmp_path: Path) -> None:
    """GitLab checks out as root, and lets everybody write."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "astro-project", root)
    repository = Repository.create(root)
    repository.git("remote", "add", "origin", "https://github.com/ada/analytics.git")
    repository.commit("first")
    with Sandbox(rollout_seconds=0.1) as astro:
        variables = {
            "ASTRO_API_URL": astro.api_url,
            "ASTRO_API_TOKEN": astro.token,
            "ASTRO_DEPLOYMENT_ID": astro.deployment(DEPLOYMENT).id,
        }
        deploy_first(astro, repository, {**os.environ, **variables})
        with (root / "dags" / "orders.py").open("a") as file:
            file.write("# changed\n")
        repository.commit("second")
        given = [f"--env={name}={value}" for name, value in variables.items()]
        done = run(image, command, f"--volume={root}:/work", *given)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.startswith("deployed: DAGs only")
        assert [deploy.type for deploy in astro.deploys(DEPLOYMENT)][:1] == ["DAG_ONLY"]
