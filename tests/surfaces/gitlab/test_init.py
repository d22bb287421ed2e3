"""What `init` writes for GitLab, run by a real runner."""

from __future__ import annotations

import subprocess
import sys

import yaml

from astro_ci.pipelines.systems import GITLAB_TEMPLATE
from tests.surfaces.gitlab.runner import PIPELINE, Runner


def test_a_push_deploys(runner: Runner) -> None:
    words = ("init", "--ci", "gitlab", "--deployment-name", "production", "--project", ".")
    project = runner.repository
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *words],
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    file = yaml.safe_load((project.root / PIPELINE).read_text())
    (included,) = file["include"]
    assert included.pop("remote") == GITLAB_TEMPLATE
    included["local"] = "ci/deploy.yml"
    inputs = {"builder": "none", "type": "dags", "package": str(runner.wheel)}
    included.setdefault("inputs", {}).update(inputs)
    project.write({PIPELINE: yaml.safe_dump(file)})
    project.commit("a pipeline")
    run = runner.run(variables={"ASTRO_DEPLOYMENT_ID": ""})
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("DAG_ONLY", "DEPLOYED")
    assert run.passed == ["astro-deploy"]
