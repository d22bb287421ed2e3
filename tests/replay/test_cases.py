"""Histories that once made a plan wrong, or nearly, one readable test each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import DeployFailedError
from astro_ci.model import Request
from tests.replay.world import World

NAME = "production"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A project of a few files that production runs."""
    world = World(tmp_path)
    start(world)
    yield world
    world.close()


def start(world: World) -> None:
    """Commit and push a small project, and deploy it."""
    files = ("Dockerfile", "dags/a.py", "dags/b.py", "include/lib/a.py", "README.md")
    write(world, {name: f"{name}\n" for name in files})
    push(world)
    assert world.deploy(NAME).outcome == "deployed"
    assert planned(world) == "none"


def write(world: World, files: dict[str, str]) -> None:
    """Write files of the project."""
    prefix = f"{world.project}/" if world.project else ""
    world.work.write({f"{prefix}{name}": content for name, content in files.items()})


def push(world: World) -> str:
    """Commit everything and push it."""
    commit = world.work.commit()
    world.work.git("push", "--quiet", "--force", "origin", "HEAD:main")
    return commit


def planned(world: World, **options: Any) -> str:
    """What a plan would deploy."""
    return world.plan(NAME, **options).deploy_type.value


def by_hand(world: World, commit: str, kind: str = "IMAGE_AND_DAG") -> None:
    """Deploy a commit with another tool, which names it and leaves no marker."""
    git = {"provider": "GENERIC", "remoteUrl": f"file://{world.origin}", "commitSha": commit}
    world.deploy_by_hand(NAME, kind, world.export(commit), git, known_by="commit")


def test_an_unhealthy_deployment_is_not_taken_for_a_deployed_one(world: World) -> None:
    write(world, {"include/lib/a.py": "edited"})
    world.astro.fail_next_rollout(NAME)
    with pytest.raises(DeployFailedError):
        world.deploy(NAME)
    assert planned(world) == "image-and-dags"
    assert planned(world, requested=Request.DAGS, skip_unchanged=True) == "dags"
    assert world.deploy(NAME).outcome == "deployed"
    assert planned(world) == "none"


def test_a_committed_leftover_of_a_tool_ships_no_more_than_any_other(world: World) -> None:
    write(world, {"dags/__pycache__/a.pyc": "1", "dags/venv/pyvenv.cfg": "", "dags/venv/x.py": "1"})
    push(world)
    assert planned(world) == "none"
    write(world, {"dags/__pycache__/a.pyc": "2"})
    assert planned(world) == "none"


def test_files_that_a_virtual_environment_shadows_ship_again_without_it(world: World) -> None:
    write(world, {"dags/lib/x.py": "1", "dags/lib/pyvenv.cfg": ""})
    push(world)
    world.deploy(NAME)
    assert "lib/x.py" not in world.bundle(NAME)
    world.work.remove("dags/lib/pyvenv.cfg")
    assert planned(world) == "dags"


def test_a_project_inside_a_virtual_environment_is_still_looked_at(tmp_path: Path) -> None:
    world = World(tmp_path, project="etl")
    start(world)
    write(world, {"pyvenv.cfg": "home = /usr"})
    push(world)
    world.deploy(NAME)
    write(world, {"dags/a.py": "edited"})
    assert planned(world) == "dags"
    write(world, {"include/new.py": "new"})
    assert planned(world) == "image-and-dags"
    world.close()


def test_the_value_of_a_build_argument_from_the_environment_counts(world: World) -> None:
    world.deploy(NAME, {"VERSION": "1"}, build_args=["VERSION"])
    same = world.plan(NAME, {"VERSION": "1"}, build_args=["VERSION"])
    other = world.plan(NAME, {"VERSION": "2"}, build_args=["VERSION"])
    assert (same.deploy_type, other.deploy_type) == ("none", "image-and-dags")


def test_a_generated_dockerfile_that_git_ignores_counts(world: World) -> None:
    write(world, {".gitignore": "Dockerfile\n.dockerignore\n"})
    world.work.git("rm", "--quiet", "--cached", "Dockerfile")
    push(world)
    world.deploy(NAME)
    assert planned(world) == "none"
    write(world, {"Dockerfile": "FROM another"})
    assert planned(world) == "image-and-dags"
    write(world, {"Dockerfile": "Dockerfile\n"})
    assert planned(world) == "none"
    write(world, {".dockerignore": "include"})
    assert planned(world) == "image-and-dags"


def test_a_directory_that_becomes_a_link_to_the_like_is_a_change(world: World) -> None:
    write(world, {"other/a.py": "include/lib/a.py\n"})
    push(world)
    world.deploy(NAME)
    (world.work.root / "include/lib/a.py").unlink()
    (world.work.root / "include/lib").rmdir()
    (world.work.root / "include/lib").symlink_to("../other")
    assert planned(world) == "image-and-dags"
    assert world.deploy(NAME).outcome == "deployed"
    assert planned(world) == "none"


def test_a_submodule_that_is_told_to_be_ignored_counts(world: World, tmp_path: Path) -> None:
    from tests.repository import Repository

    library = Repository.create(tmp_path / "library", {"x.py": "1"})
    world.work.git("submodule", "--quiet", "add", f"file://{library.root}", "dags/lib")
    world.work.git("config", "-f", ".gitmodules", "submodule.dags/lib.ignore", "all")
    push(world)
    for known in ("marker", "commit"):
        if known == "marker":
            world.deploy(NAME)
        else:
            git = {
                "provider": "GENERIC",
                "remoteUrl": f"file://{world.origin}",
                "commitSha": world.work.head,
            }
            world.deploy_by_hand(NAME, "IMAGE_AND_DAG", world.ship(), git, known_by="commit")
        assert planned(world) == "none"
        library.write({"x.py": known})
        library.commit()
        world.work.git("-C", "dags/lib", "pull", "--quiet", "origin", "main")
        assert planned(world) == "dags"
        push(world)
        assert planned(world) == "dags"


@pytest.mark.parametrize("project", ["", "services/etl"])
def test_line_ends_that_attributes_change_count(tmp_path: Path, project: str) -> None:
    world = World(tmp_path, project=project)
    start(world)
    world.work.write({".gitattributes": "*.py text eol=crlf\n"})
    push(world)
    world.clone()
    assert (world.base / "dags/a.py").read_bytes() == b"dags/a.py\r\n"
    assert planned(world) != "none"
    world.deploy(NAME)
    assert world.bundle(NAME)["a.py"].content == b"dags/a.py\r\n"
    world.close()


def test_conflicts_in_the_index_are_files_like_any_other(world: World) -> None:
    world.work.git("checkout", "--quiet", "-b", "feature")
    write(world, {"dags/a.py": "theirs", "include/lib/a.py": "theirs"})
    world.work.commit()
    world.work.git("checkout", "--quiet", "main")
    write(world, {"dags/a.py": "ours", "include/lib/a.py": "ours"})
    world.work.commit()
    with pytest.raises(AssertionError):
        world.work.git("merge", "feature")
    world.deploy(NAME)
    assert b"<<<<<<<" in world.bundle(NAME)["a.py"].content
    assert planned(world) == "none"


def test_a_base_whose_trees_cannot_be_had_is_no_base(world: World) -> None:
    first = world.work.head
    by_hand(world, first)
    write(world, {"dags/a.py": "edited"})
    push(world)
    world.clone("--filter=tree:0")
    world.origin.rename(world.directory / "out of reach")
    plan = world.plan(NAME)
    assert plan.deploy_type in ("dags", "image-and-dags")


def test_a_marker_decides_when_the_trees_of_its_commit_cannot_be_had(world: World) -> None:
    write(world, {"README.md": "edited"})
    push(world)
    world.clone("--filter=tree:0")
    world.origin.rename(world.directory / "out of reach")
    assert planned(world) == "none"
    write(world, {"dags/a.py": "edited"})
    assert planned(world) == "dags"


@pytest.mark.parametrize(
    "command",
    [
        ("update-index", "--split-index"),
        ("update-index", "--index-version", "4"),
        ("update-index", "--untracked-cache"),
        ("update-index", "--assume-unchanged", "dags/b.py"),
        ("update-index", "--skip-worktree", "dags/b.py"),
        ("config", "core.fsmonitor", "true"),
        ("config", "core.ignoreStat", "true"),
        ("config", "core.checkStat", "minimal"),
        ("config", "core.autocrlf", "true"),
    ],
    ids=" ".join,
)
def test_however_git_is_set_up(world: World, command: tuple[str, ...]) -> None:
    world.work.git(*command)
    assert planned(world) == "none"
    write(world, {"dags/b.py": "DAGS/B.PY\n"})
    assert planned(world) == "dags"
    world.deploy(NAME)
    assert planned(world) == "none"
    (world.work.root / "dags/b.py").chmod(0o755)
    assert planned(world) == "dags"
    world.deploy(NAME)
    assert planned(world) == "none"


def test_another_work_tree_of_the_same_clone(world: World, tmp_path: Path) -> None:
    world.work.git("worktree", "add", "--quiet", str(tmp_path / "second"))
    world.work = type(world.work)(tmp_path / "second")
    assert planned(world) == "none"
    write(world, {"dags/a.py": "edited"})
    assert planned(world) == "dags"
    world.deploy(NAME)
    assert planned(world) == "none"
