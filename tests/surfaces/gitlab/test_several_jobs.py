"""The pipelines of docs/several-jobs.md, run by a real runner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.images import registry
from tests.surfaces.documentation.documents import ROOT, blocks
from tests.surfaces.gitlab.runner import PIPELINE, Pipeline, Runner

PAGE = ROOT / "docs/several-jobs.md"
REPORTS = ".gitlab-ci-reports/\n"
"""What this runner leaves in the directory of the next job, and GitLab's own does not."""


def documented(word: str, runner: Runner) -> dict[str, Any]:
    """The pipeline of the page that has a word, with our templates and our package."""
    (text,) = [
        one.text
        for one in blocks("yaml")
        if one.page == PAGE and "# .gitlab-ci.yml" in one.text and word in one.text
    ]
    found: dict[str, Any] = yaml.safe_load(text)
    for entry in found["include"]:
        entry["local"] = f"ci/{entry.pop('remote').rpartition('/')[2]}"
        entry.setdefault("inputs", {})["package"] = str(runner.wheel)
    return found


def two_jobs(word: str, runner: Runner, base: str) -> dict[str, Any]:
    """A pipeline of the page on this machine, whose runner has an engine."""
    pipeline = documented(word, runner)
    build, deploy = (entry["inputs"] for entry in pipeline["include"])
    assert deploy["builder"] == "none"
    build["builder"] = "remote"  # the shell executor takes no services
    deploy["parse"] = "false"
    runner.repository.write({".gitignore": REPORTS, "Dockerfile": f"FROM {base}\n"})
    return pipeline


def deployed(runner: Runner, pipeline: dict[str, Any], **variables: str) -> Pipeline:
    """Run the pipeline, and see that the image of the checkout is deployed."""
    project = runner.repository
    project.write({PIPELINE: yaml.safe_dump(pipeline)})
    project.commit("two jobs")
    host = os.environ.get("DOCKER_HOST", "")
    run = runner.run(variables={"DOCKER_HOST": host, **variables})
    assert run.code == 0, run.log
    assert run.passed == ["astro-build", "astro-deploy"]
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("IMAGE_AND_DAG", "DEPLOYED")
    assert project.head[:7] in deploy.description
    return run


@pytest.mark.docker
def test_an_image_is_built_in_one_job_and_deployed_in_another(runner: Runner, base: str) -> None:
    run = deployed(runner, two_jobs("image-archive: image.tar", runner, base))
    outputs = run.outputs("astro-build")
    assert outputs["IMAGE_ARCHIVE"] == "image.tar"
    assert outputs["COMMIT"] == runner.repository.head
    (runner.repository.root / "image.tar").unlink(missing_ok=True)


@pytest.mark.docker
@pytest.mark.parametrize("is_pinned", [False, True], ids=["by its tag", "by its digest"])
def test_an_image_goes_through_a_registry(
    runner: Runner, base: str, tmp_path: Path, is_pinned: bool
) -> None:
    (tmp_path / "store").mkdir()
    pipeline = two_jobs("CI_REGISTRY_IMAGE", runner, base)
    if is_pinned:
        pipeline["include"][1]["inputs"]["image-name"] = "$ASTRO_RESULT_IMAGE"
        pipeline["astro-deploy"]["needs"] = ["astro-build"]
    with registry(tmp_path / "store") as store:
        run = deployed(
            runner,
            pipeline,
            CI_REGISTRY=store.host,
            CI_REGISTRY_IMAGE=f"{store.host}/data/airflow",
            CI_REGISTRY_USER="cli",
            CI_REGISTRY_PASSWORD=store.password,
        )
    image = run.outputs("astro-build")["IMAGE"]
    assert image.startswith(f"{store.host}/data/airflow:{runner.repository.head}@sha256:")
    name = image if is_pinned else image.partition("@")[0]
    assert f"Image           {name} (" in run.said("astro-deploy")
    assert not (runner.repository.root / "image.tar").exists()


def test_an_approved_plan_is_deployed(runner: Runner) -> None:
    project = runner.repository
    pipeline = documented("plan: plan.json", runner)
    for entry in pipeline["include"]:
        entry["inputs"]["type"] = "dags"
    deploying = pipeline["include"][1]["inputs"]
    deploying["builder"] = "none"
    (rule,) = deploying["rules"]
    assert rule.pop("when") == "manual"  # here nobody approves
    project.write({".gitignore": REPORTS, PIPELINE: yaml.safe_dump(pipeline)})
    project.commit("plan and deploy")
    run = runner.run()
    assert run.code == 0, run.log
    assert run.passed == ["astro-deploy", "astro-plan"]
    (deploy,) = runner.astro.deploys("production")
    assert deploy.status == "DEPLOYED"
    (project.root / "plan.json").unlink(missing_ok=True)
