"""The pipelines of docs/several-jobs.md, run by a real runner."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.surfaces.documentation.documents import ROOT, blocks
from tests.surfaces.gitlab.runner import PIPELINE, Runner

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
        entry["inputs"]["package"] = str(runner.wheel)
    return found


@pytest.mark.docker
def test_an_image_is_built_in_one_job_and_deployed_in_another(runner: Runner, base: str) -> None:
    project = runner.repository
    pipeline = documented("astro-ci build", runner)
    install, package, build = pipeline["build"]["script"]
    assert install.startswith("apk add")
    assert package.startswith("pip install")
    # This machine has the packages, and the shell executor takes no image and no services.
    pipeline["build"]["script"] = [f"PATH={Path(sys.executable).parent}:$PATH {build}"]
    assert pipeline["build"].pop("services")
    del pipeline["build"]["variables"]
    pipeline["include"][0]["inputs"]["parse"] = "false"
    project.write(
        {".gitignore": REPORTS, PIPELINE: yaml.safe_dump(pipeline), "Dockerfile": f"FROM {base}\n"}
    )
    project.commit("two jobs")
    run = runner.run(variables={"DOCKER_HOST": os.environ.get("DOCKER_HOST", "")})
    assert run.code == 0, run.log
    assert run.passed == ["astro-deploy", "build"]
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("IMAGE_AND_DAG", "DEPLOYED")
    assert project.head[:7] in deploy.description
    (project.root / "image.tar").unlink(missing_ok=True)


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
