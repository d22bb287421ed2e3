"""The workflows of docs/several-jobs.md, run by a real runner."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tests.e2e.images import registry
from tests.surfaces.documentation.documents import ROOT, blocks
from tests.surfaces.github.runner import WORKFLOW, Runner

PAGE = ROOT / "docs/several-jobs.md"
LOGIN = re.compile(r"      - run: echo \"\$TOKEN\" \| docker login.*\n +env: .*\n")


def documented(name: str) -> str:
    """The workflow of the page that is to be copied to this file."""
    (found,) = [one.text for one in blocks("yaml") if one.page == PAGE and name in one.text]
    return found


@pytest.mark.docker
def test_an_image_is_built_in_one_job_and_deployed_in_another(
    runner: Runner, base: str, tmp_path: Path
) -> None:
    project = runner.repository
    (tmp_path / "registry").mkdir()
    with registry(tmp_path / "registry") as store:
        text, logins = LOGIN.subn("", documented("build-and-deploy.yml"))
        assert logins == 2, "the registry's login comes from a variable here"
        project.write({WORKFLOW: text.replace("ghcr.io", store.host)})
        project.write({"Dockerfile": f"FROM {base}\n"})
        project.commit("two jobs")
        login = base64.b64encode(f"cli:{store.password}".encode()).decode()
        auths = json.dumps({"auths": {store.host: {"auth": login}}})
        # The stand-in for Astro Runtime has no Airflow.
        env = {"DOCKER_AUTH_CONFIG": auths, "ASTRO_CI_PARSE": "false"}
        run = runner.run(env={**env, "TMPDIR": str(runner.home)})
        assert run.code == 0, run.log
        outputs = run.outputs("build")
        assert outputs["image"].startswith(f"{store.host}/acme/etl:")
        assert outputs["image"].endswith(f"@{outputs['digest']}")
        assert outputs["commit"] == project.head
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("IMAGE_AND_DAG", "DEPLOYED")
    assert "Image built" in run.summary


def with_files_for_artifacts(text: str, directory: Path) -> str:
    """Hand files on through a directory: the runner has no store for artifacts."""
    upload = re.compile(r"uses: actions/upload-artifact@v\d+\n +with: .*")
    download = re.compile(r"uses: actions/download-artifact@v\d+\n +with: .*")
    text, uploads = upload.subn(f"run: cp plan.json {directory}/plan.json", text)
    text, downloads = download.subn(f"run: cp {directory}/plan.json plan.json", text)
    assert (uploads, downloads) == (1, 1)
    return text


def test_an_approved_plan_is_deployed_and_one_that_moved_is_not(
    runner: Runner, tmp_path: Path
) -> None:
    project = runner.repository
    text = with_files_for_artifacts(documented("approve-and-deploy.yml"), tmp_path)
    project.write({WORKFLOW: text})
    project.commit("plan and deploy")
    dags = {"ASTRO_CI_TYPE": "dags"}
    run = runner.run(env=dags)
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert deploy.status == "DEPLOYED"

    # Between the jobs another file has come.
    moved = text.replace("          plan: plan.json\n", "          plan: plan.json\n", 1)
    copied = f"run: cp {tmp_path}/plan.json plan.json"
    moved = text.replace(copied, f"{copied}; echo 'b = 1' > dags/b.py")
    assert moved != text
    project.write({WORKFLOW: moved, "dags/a.py": "a = 2\n"})
    project.commit("moved")
    run = runner.run(env=dags)
    assert run.code != 0
    assert "no longer holds: what would ship has changed since (dags)" in run.log
    assert len(runner.astro.deploys("production")) == 1
