"""What ships is what lies on disk: a filter that ran, or did not, makes another deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import Stage, stage
from tests.repository import Repository

SECRET = "dags/secret.py"
TEXT = "key = 1  # $Id$\n"
WAYS = {
    "a filter": ("filter=rot", "-filter"),
    "an encoding": ("working-tree-encoding=UTF-16LE", "-working-tree-encoding"),
    "ident": ("ident", "-ident"),
}


def configure_filter(project: Repository) -> None:
    for name in ("clean", "smudge"):
        project.git("config", f"filter.rot.{name}", "tr a-z n-za-m")
    project.git("config", "filter.rot.required", "true")


def check_out(project: Repository, *, without: str = "") -> None:
    """Check the file out anew, with its attribute or without."""
    attributes = project.root / ".git/info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(f"{SECRET} {without}\n" if without else "")
    (project.root / SECRET).unlink()
    project.git("checkout", "--", SECRET)


def plan(world: Stage) -> str:
    run = world.command("plan", "--dags", "--skip-unchanged", "--json")
    assert run.code == 0, run.err
    found: str = run.document["deploy_type"]
    return found


def deploy(world: Stage) -> None:
    run = world.command("deploy", "--dags")
    assert run.code == 0, run.err
    assert world.running_dags()[SECRET] == (world.project.root / SECRET).read_bytes()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        yield stage(tmp_path, astro)


@pytest.fixture(params=WAYS)
def filtered(request: pytest.FixtureRequest, world: Stage) -> tuple[Stage, str]:
    attribute, without = WAYS[request.param]
    configure_filter(world.project)
    world.project.write({".gitattributes": f"{SECRET} {attribute}\n"})
    encoding = "utf-16-le" if "encoding" in attribute else "utf-8"
    (world.project.root / SECRET).write_bytes(TEXT.encode(encoding))
    world.project.commit("a filtered file")
    check_out(world.project)
    return world, without


def test_deployed_without_and_planned_with(filtered: tuple[Stage, str]) -> None:
    world, without = filtered
    check_out(world.project, without=without)
    raw = (world.project.root / SECRET).read_bytes()
    deploy(world)
    assert plan(world) == "none"
    check_out(world.project)
    assert (world.project.root / SECRET).read_bytes() != raw
    assert plan(world) == "dags"
    deploy(world)
    assert plan(world) == "none"


def test_deployed_with_and_planned_without(filtered: tuple[Stage, str]) -> None:
    world, without = filtered
    deploy(world)
    assert plan(world) == "none"
    check_out(world.project, without=without)
    assert plan(world) == "dags"


def test_a_filter_does_not_make_the_checkout_dirty(world: Stage) -> None:
    """The filter does not run for us, and git's own record tells that the file is as committed."""
    configure_filter(world.project)
    world.project.write({".gitattributes": f"{SECRET} filter=rot\n", SECRET: TEXT})
    world.project.commit("a filtered file")
    check_out(world.project)
    deploy(world)
    (deployed,) = world.astro.deploys("production")
    assert deployed.git is not None
    assert deployed.git.commit_sha == world.project.head
    world.project.write({SECRET: "key = 2\n"})
    assert plan(world) == "dags"
