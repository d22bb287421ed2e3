"""What the plan of a newcomer says after the first deploy of the DAGs alone."""

from __future__ import annotations

import pytest

from tests.integration.stage import Stage


def test_after_the_first_deploy_of_dags_alone(world: Stage) -> None:
    first = world.command("deploy", "--dags", env={**world.env, "ASTRO_CI_PARSE": ""})
    assert first.code == 0
    assert "(--parse pulls the running image, and loads them in it)" in first.err
    run = world.command("plan")
    said = " ".join(run.out.split())
    assert "Plan: image and DAGs, to production" in said
    assert (
        "because the image counts as changed, as no deploy in the history brought an image; "
        "the DAGs are unchanged"
    ) in said
    assert f"image: not known; DAGs: {world.project.head[:7]} (from the running deploys)" in said


def test_after_a_first_deploy_of_uncommitted_dags(world: Stage) -> None:
    world.project.write({"dags/a.py": "a = 2  # an Airflow DAG\n"})
    assert world.command("deploy", "--dags").code == 0
    said = " ".join(world.command("plan").out.split())
    assert "; the DAGs are unchanged" in said
    assert ("image: not known; DAGs: by digest, as no commit of this repository is known") in said


@pytest.mark.parametrize(
    ("words", "env", "file", "says"),
    [
        (("--dags",), {}, "", "because --dags was requested"),
        (("--type", "dags-only"), {}, "", "because --type dags was requested"),
        ((), {"ASTRO_CI_TYPE": "dags"}, "", "because ASTRO_CI_TYPE=dags is set"),
        ((), {}, "type: dags\n", "because type: dags (astro-ci.yaml line 1) is set"),
        (("--dags",), {"ASTRO_CI_TYPE": "image"}, "type: image\n", "because --dags was requested"),
    ],
    ids=["shortcut", "flag", "variable", "file", "the shortcut first"],
)
def test_the_reason_is_what_the_user_wrote(
    world: Stage, words: tuple[str, ...], env: dict[str, str], file: str, says: str
) -> None:
    if file:
        world.project.write({"astro-ci.yaml": file})
    run = world.command("plan", *words, env={**world.env, **env})
    assert says in " ".join(run.out.split()), run.err


def test_a_refusal_names_what_the_user_wrote(world: Stage) -> None:
    run = world.command("plan", "--dags", env={**world.env, "ASTRO_CI_DEPLOYMENT_NAME": "classic"})
    assert run.code == 2
    assert "error: --dags needs DAG-only deploys, which are disabled on classic" in run.err
