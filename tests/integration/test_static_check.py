"""The static check in `plan` and `deploy`: broken DAGs never reach a Deployment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.configuration.config import Config
from astro_ci.errors import AstroCIError, CheckFailedError, ProjectError
from astro_ci.model import DeployType, Plan, Request
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from tests.integration.stage import Stage, stage

DAG = "from airflow import DAG\n"
BROKEN = {"dags/broken.py": f"{DAG}def x(:\n"}
ON_2, ON_3 = "FROM quay.io/astronomer/astro-runtime:13.1.0\n", "FROM astro/runtime:3.1-2\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        made = stage(tmp_path, astro)
        made.project.write({"dags/dag.py": DAG})
        made.project.commit()
        yield made


def planned(world: Stage, **options: Any) -> Plan:
    options = {"deployment_name": "production", "requested": Request.DAGS, **options}
    return plan(Config(project=world.project.root, **options), world.env)


def refusal(world: Stage, **options: Any) -> AstroCIError:
    """What a deploy is refused with; nothing has changed then, and there is no deploy."""
    before = world.state()
    deploys = len(world.astro.deploys("production"))
    with pytest.raises(AstroCIError) as caught:
        world.deploy(**options)
    assert world.state() == before
    assert len(world.astro.deploys("production")) == deploys
    return caught.value


def test_a_broken_dag_is_refused(world: Stage) -> None:
    world.project.write(BROKEN)
    error = refusal(world)
    assert isinstance(error, CheckFailedError)
    assert error.exit_code == 6
    assert "the static check found 1 error: dags/broken.py:2:7: invalid syntax" in error.message
    assert "--force" in error.hint


@pytest.mark.parametrize(
    ("options", "env", "following"),
    [
        ((), None, "correct what the static check found, then: astro-ci deploy"),
        (("--force", "static"), None, "astro-ci deploy --force static"),
        ((), {"ASTRO_CI_FORCE": "static"}, "set ASTRO_API_TOKEN, then: astro-ci deploy"),
    ],
)
def test_the_plan_says_what_has_to_come_before_the_deploy(
    world: Stage, options: tuple[str, ...], env: dict[str, str] | None, following: str
) -> None:
    world.project.write(BROKEN)
    run = world.command("plan", *options, env=env)
    assert run.code == 0, run.err
    assert run.out.splitlines()[-1] == f"Next: {following}"


def test_the_plan_has_the_finding(world: Stage) -> None:
    world.project.write(BROKEN)
    found = planned(world)
    (finding,) = found.findings
    assert (finding.path, finding.line, finding.rule) == ("dags/broken.py", 2, "dag-syntax")
    assert [checked.status for checked in found.checks] == ["failed"]


def test_a_healthy_project_is_deployed(world: Stage) -> None:
    result = world.deploy()
    assert result.outcome == "deployed"
    assert result.plan.findings == []
    assert [checked.status for checked in result.plan.checks] == ["passed"]


def test_force_overrides_it(world: Stage) -> None:
    world.project.write(BROKEN)
    assert world.deploy(force=["static"]).outcome == "deployed"


def test_what_does_not_ship_is_not_checked(world: Stage) -> None:
    world.deploy()
    assert planned(world, requested=Request.AUTO, skip_unchanged=True).deploy_type is not None
    found = planned(world, requested=Request.DAGS, skip_unchanged=True)
    assert (found.deploy_type, found.checks) == (DeployType.NONE, ())


def test_the_runtime_of_the_dockerfile_counts(world: Stage) -> None:
    world.project.write({
        "Dockerfile": "FROM quay.io/astronomer/astro-runtime:6.0.0\n",
        "dags/m.py": f"{DAG}match 1:\n    case _: pass\n",
    })  # fmt: skip
    (finding,) = planned(world).findings
    assert "Python 3.9" in finding.message
    world.project.write({"Dockerfile": ON_2})
    assert planned(world).findings == []


def test_without_a_dockerfile_the_deployment_counts(world: Stage) -> None:
    (world.project.root / "Dockerfile").unlink()
    world.project.write(BROKEN)
    (finding,) = planned(world).findings
    assert finding.message.startswith("invalid syntax (Python 3.")


@pytest.mark.parametrize(
    ("dockerfile", "line", "is_wipe"),
    [
        (ON_2, ".*", True),
        (ON_2, "*", False),
        (ON_3, ".*", False),
        (ON_3, "*", True),
        (ON_3, "*\n!a.py", False),
        (ON_3, "dag.py", False),
    ],
)
def test_what_airflowignore_leaves_out_is_a_wipe(
    world: Stage, dockerfile: str, line: str, is_wipe: bool
) -> None:
    world.project.write({"Dockerfile": dockerfile, "dags/.airflowignore": f"{line}\n"})
    if not is_wipe:
        assert planned(world).deploy_type is DeployType.DAGS
        return
    error = refusal(world)
    assert isinstance(error, ProjectError)
    assert "no DAG file" in error.message
    assert "--allow-shrink" in error.hint
    assert ".airflowignore" in error.hint
    assert planned(world, allow_shrink=True).deploy_type is DeployType.DAGS


def test_dags_that_the_image_leaves_out_are_not_checked(world: Stage) -> None:
    world.project.write({**BROKEN, ".dockerignore": "dags/broken.py\n"})
    options: dict[str, Any] = {"deployment_name": "classic", "requested": Request.IMAGE_AND_DAGS}
    found = planned(world, **options)
    assert (found.findings, found.checks[0].status) == ([], "passed")
    world.project.write({".dockerignore": ""})
    assert planned(world, **options).checks[0].status == "failed"


def test_on_the_command_line(world: Stage) -> None:
    world.project.write(BROKEN)
    run = world.command("deploy", "--type", "dags", "--json")
    assert run.code == 6
    assert run.document["error"]["exit_code"] == 6
    assert [finding["rule"] for finding in run.document["findings"]] == ["dag-syntax"]
    run = world.command("plan", "--type", "dags")
    assert run.code == 0
    assert "static check: failed (1 error in 4 files)" in run.out
    assert "error: dags/broken.py:2:7: invalid syntax" in run.out


def test_on_the_lines_of_a_pull_request(world: Stage) -> None:
    world.project.write(BROKEN)
    env = {**world.env, "GITHUB_ACTIONS": "true"}
    run = world.command("plan", "--type", "dags", env=env)
    (line,) = [line for line in (run.out + run.err).splitlines() if line.startswith("::error")]
    assert line.startswith(
        "::error file=dags/broken.py,line=2,title=The file is not valid Python (dag-syntax)::"
        "invalid syntax"
    )


def test_findings_can_be_silenced_by_rule_and_path(world: Stage) -> None:
    world.project.write(BROKEN)
    found = planned(world, ignore_findings=("dag-syntax dags/broken.py",))
    (checked,) = found.checks
    assert (checked.status, checked.silenced, checked.findings) == ("passed", 1, ())
    other = planned(world, ignore_findings=("dag-syntax dags/other/**", "dag-import"))
    assert [(c.status, c.silenced) for c in other.checks] == [("failed", 0)]
    assert world.deploy(ignore_findings=("dag-*",)).outcome == "deployed"


def test_a_rule_that_does_not_exist_cannot_be_silenced(world: Stage) -> None:
    error = refusal(world, ignore_findings=("dag-sintax",))
    assert "unknown rule 'dag-sintax'" in error.message
    assert error.exit_code == 2
