"""Pipelines that include our templates, run by a real runner."""

from __future__ import annotations

from tests.surfaces.gitlab.runner import PIPELINE, Runner


def include(runner: Runner, template: str = "deploy", **inputs: str) -> str:
    """A pipeline that includes a template, without Docker."""
    given = {"builder": "none", "type": "dags"} if template == "deploy" else {}
    given |= {"package": str(runner.wheel)}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    lines = [f"      {name}: {value}" for name, value in given.items()]
    return "\n".join(["include:", f"  - local: ci/{template}.yml", "    inputs:", *lines, ""])


def test_a_push_to_the_default_branch_deploys(runner: Runner) -> None:
    runner.repository.write({PIPELINE: include(runner)})
    runner.repository.commit()
    run = runner.run()
    assert run.code == 0, run.log
    assert run.passed == ["astro-deploy"]
    (deploy,) = runner.astro.deploys("production")
    assert deploy.status == "DEPLOYED"
    outputs = run.outputs("astro-deploy")
    assert outputs["OUTCOME"] == "deployed"
    assert outputs["DEPLOY_TYPE"] == "dags"
    assert outputs["DEPLOY_ID"] == deploy.id
    assert outputs["URL"].endswith(f"/deployments/{runner.deployment_id}")
