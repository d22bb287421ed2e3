"""What `init` writes for GitHub: run by a real runner, and held to the same rules as ours."""

from __future__ import annotations

import os
import subprocess
import sys

from tests import forked
from tests.surfaces.github.runner import ROOT, Runner

WORKFLOW = ".github/workflows/deploy-to-astro.yml"


def adopt(runner: Runner) -> None:
    words = ("init", "--ci", "github", "--deployment-name", "production", "--project", ".")
    done = forked.run(words, cwd=runner.repository.root, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_a_push_deploys(runner: Runner) -> None:
    adopt(runner)
    config = runner.repository.root / "astro-ci.yaml"
    config.write_text(f"{config.read_text()}type: dags\n")  # no engine is needed
    runner.repository.commit("a pipeline")
    run = runner.run(variables={"ASTRO_DEPLOYMENT_ID": ""})
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("DAG_ONLY", "DEPLOYED")


def test_zizmor(runner: Runner) -> None:
    adopt(runner)
    words = ("--offline", "--persona=pedantic", "--config", str(ROOT / ".github/zizmor.yml"))
    done = subprocess.run(
        [f"{sys.exec_prefix}/bin/zizmor", *words, WORKFLOW],
        cwd=runner.repository.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
