"""`docs/astro-cli.md`: every row of its table is run, and its three procedures line by line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.dag_files import a_dag
from tests.e2e.airflow_image import runtime_tag
from tests.e2e.images import RUNTIME_LABEL, unique
from tests.e2e.layers import lend_layers, push_layers
from tests.e2e.test_prebuilt import archive_of, build, running_id
from tests.integration.stage import Run, Stage, stage
from tests.integration.terminal import Terminal
from tests.once import once

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[2] / "docs" / "astro-cli.md"
BROKEN = a_dag("broken", "import nowhere_to_be_found\n")


class Project:
    """A project that Airflow can load, beside a sandbox."""

    def __init__(self, world: Stage, engine: Engine, image: str) -> None:
        self.world, self.engine, self.image = world, engine, image

    def run(self, *words: str, parse: bool = False, **env: str) -> Run:
        """Run a command, which has to end well."""
        found = self.world.command(
            *words, env={**self.world.env, "ASTRO_CI_PARSE": str(parse).lower(), **env}
        )
        assert found.code == 0, found.err
        return found

    def terminal(self, *words: str, answers: str) -> Terminal:
        """Run a command at a terminal, without a Deployment that is named."""
        env = {**self.world.env, "ASTRO_CI_DEPLOYMENT_NAME": ""}
        return Terminal(self.world.project.root, *words, answers=answers, **env)

    def deploy_type(self, *words: str) -> str:
        """Deploy, and say what."""
        return str(self.run(*words, "--json").document["deploy_type"])


@pytest.fixture(scope="module")
def airflow(engine: Engine, airflow_2: Path) -> str:
    return runtime_tag(engine, 2, airflow_2)


@pytest.fixture(scope="module")
def pushed(engine: Engine, airflow: str, shared_directory: Path) -> Path:
    return once(
        shared_directory / "layers-of-airflow", functools.partial(push_layers, engine, airflow)
    )


@pytest.fixture
def project(tmp_path: Path, engine: Engine, airflow: str, pushed: Path) -> Iterator[Project]:
    data = tmp_path / "sandbox"
    image = build(engine, airflow, unique("page"), labels={RUNTIME_LABEL: "13.1.0"})
    with Sandbox(data=data, rollout_seconds=0.1) as astro:
        lend_layers(pushed, data, astro)
        world = stage(tmp_path, astro)
        world.project.write(
            {
                "Dockerfile": f"FROM {airflow}\nLABEL {RUNTIME_LABEL}=13.1.0\n",
                "dags/a.py": a_dag("a"),
                "dags/sub/b.py": a_dag("b"),
                "tests/test_a.py": "def test_a():\n    assert True\n",
            }
        )
        world.project.commit("a project that Airflow can load")
        yield Project(world, engine, image)
    engine.remove_image(image)


# --- the rows ------------------------------------------------------------------------------------


def log_in(project: Project) -> None:
    run = project.run("plan", ASTRO_API_TOKEN=project.world.astro.token)
    assert "DAG-only deploys enabled" in run.out


def deploy(project: Project) -> None:
    assert project.deploy_type("deploy") == "image-and-dags"
    assert project.deploy_type("deploy") == "none"


def pick(project: Project) -> None:
    done = project.terminal("deploy", "--dags", "--no-parse", answers="production\n")
    assert done.code == 0, done.asked
    assert "Which Deployment?" in done.asked
    assert project.world.astro.deploys("production")


def deploy_dags(project: Project) -> None:
    assert project.deploy_type("deploy", "--dags") == "dags"


def deploy_image(project: Project) -> None:
    assert project.deploy_type("deploy", "--image") == "image"


def force(project: Project) -> None:
    project.world.project.write({"dags/broken.py": "# an Airflow DAG\ndef x(:\n"})
    project.world.project.commit()
    refused = project.world.command("deploy", "--dags")
    assert refused.code == 6
    assert project.run("deploy", "--dags", "--force", "--json").document["overridden"] == ["static"]


def with_pytest(project: Project) -> None:
    found = project.run("deploy", "--pytest", "--json", parse=True).document["checks"]
    assert [check["name"] for check in found] == ["static", "parse", "pytest"]
    assert {check["status"] for check in found} == {"passed"}


def prebuilt(project: Project) -> None:
    assert project.deploy_type("deploy", "--image-name", project.image) == "image-and-dags"
    meant = project.engine.client.images.get(project.image).attrs["Id"]
    assert running_id(project.world) == meant


def for_amd64(project: Project) -> None:
    arm = project.world.project.root.parent / "arm.tar"
    archive_of(arm, {"a": b"x"}, {"architecture": "arm64", "os": "linux"})
    run = project.world.command("deploy", "--image-archive", str(arm))
    assert run.code == 3
    assert "docker build --platform=linux/amd64" in run.err
    assert not project.world.astro.deploys("production")


def parse(project: Project) -> None:
    project.run("parse", "--image-name", project.image)
    project.world.project.write({"dags/broken.py": BROKEN})
    run = project.world.command("parse", "--image-name", project.image)
    assert run.code == 6
    assert "nowhere_to_be_found" in run.out + run.err


def tests(project: Project) -> None:
    project.run("pytest", "--image-name", project.image)
    project.world.project.write({"tests/test_a.py": "def test_a():\n    assert False\n"})
    assert project.world.command("pytest", "--image-name", project.image).code == 6


def enable(project: Project) -> None:
    project.run("deployment", "update", "classic", "--dag-deploy", "enable")
    assert project.world.astro.deployment("classic").is_dag_deploy_enabled


def disable(project: Project) -> None:
    project.run("deployment", "update", "production", "--dag-deploy", "disable")
    assert not project.world.astro.deployment("production").is_dag_deploy_enabled


def image_tag(project: Project) -> None:
    run = project.run("deploy", "--image")
    tag = project.world.astro.deployment("production").image_tag
    assert tag in run.out + run.err
    found = project.run("deployment", "inspect", "production", "--key", "image_tag").out
    assert found.strip() == tag
    assert project.world.project.head[:7] in project.run("deployment", "history", "production").out


ROWS: dict[tuple[str, str], Callable[[Project], None]] = {
    ("`astro login`", "`export ASTRO_API_TOKEN=...`"): log_in,
    ("`astro deploy`", "`astro-ci deploy`"): deploy,
    ("`astro deploy`, and pick a Deployment", "`astro-ci deploy`"): pick,
    ("`astro deploy --dags`", "`astro-ci deploy --dags`"): deploy_dags,
    ("`astro deploy --image`", "`astro-ci deploy --image`"): deploy_image,
    ("`astro deploy --force`", "`astro-ci deploy --force`"): force,
    ("`astro deploy --pytest`", "`astro-ci deploy --pytest`"): with_pytest,
    ("`astro deploy --image-name IMAGE`", "`astro-ci deploy --image-name IMAGE`"): prebuilt,
    ("`docker build --platform=linux/amd64`",) * 2: for_amd64,
    ("`astro dev parse`", "`astro-ci parse`"): parse,
    ("`astro dev pytest`", "`astro-ci pytest`"): tests,
    ("`astro dev parse --image-name IMAGE`", "`astro-ci parse --image-name IMAGE`"): parse,
    ("`astro dev pytest --image-name IMAGE`", "`astro-ci pytest --image-name IMAGE`"): tests,
    (
        "`astro deployment update --dag-deploy enable`",
        "`astro-ci deployment update --dag-deploy enable`",
    ): enable,
    (
        "`astro deployment update --dag-deploy disable`",
        "`astro-ci deployment update --dag-deploy disable`",
    ): disable,
    (
        "the image tag in the footer of Airflow",
        "`astro-ci deployment inspect --key image_tag`",
    ): image_tag,
}


def rows() -> list[tuple[str, str]]:
    """The first two cells of each row of the page's table."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return [(cell[0], cell[1]) for cell in cells]


@pytest.mark.smoke
def test_every_row_has_a_test() -> None:
    untested = [row for row in rows() if row not in ROWS]
    assert [row[0] for row in untested] == ["`astro dev start`, `astro dev restart`"]
    assert set(ROWS) <= set(rows())


@pytest.mark.parametrize(
    "check", list(dict.fromkeys(ROWS.values())), ids=lambda check: check.__name__
)
def test_row(project: Project, check: Callable[[Project], None]) -> None:
    check(project)


# --- the procedures ------------------------------------------------------------------------------


def test_deploy_a_prebuilt_image(project: Project) -> None:
    project.run("parse", "--image-name", project.image)
    project.run("pytest", "--image-name", project.image)
    found = project.run("deploy", "--image-name", project.image, "--json", parse=True).document
    assert found["outcome"] == "deployed"
    assert [check["name"] for check in found["checks"]] == ["static", "parse"]
    assert project.world.running_dags() == project.world.checked_out_dags()


def test_enable_dag_only_deploys(project: Project) -> None:
    words = ("deployment", "update", "--dag-deploy", "enable")
    done = project.terminal(*words, answers="classic\nn\n")
    assert done.code == 0, done.asked
    assert project.world.astro.deployment("classic").is_dag_deploy_enabled
    assert not project.world.astro.deployment("classic").dag_tarball_version
    assert project.deploy_type("deploy", "--deployment-name", "classic") == "image-and-dags"
    assert project.world.astro.deployment("classic").dag_tarball_version
    assert project.deploy_type("deploy", "--dags", "--deployment-name", "classic") == "dags"


def test_disable_dag_only_deploys(project: Project) -> None:
    project.run("deploy")
    words = ("deployment", "update", "--dag-deploy", "disable")
    done = project.terminal(*words, answers="production\nn\n")
    assert done.code == 0, done.asked
    assert project.deploy_type("deploy") == "image-and-dags"
    assert project.deploy_type("deploy") == "none"
