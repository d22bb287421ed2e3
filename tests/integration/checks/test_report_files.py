"""The files that `check`, `parse`, `plan` and `deploy` write for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import Stage, stage

BROKEN = {"dags/broken.py": "from airflow import DAG\ndef x(:\n"}
STATIC_ALONE = ("--no-parse", "--no-pytest")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        made = stage(tmp_path, astro)
        made.project.write(BROKEN)
        made.project.commit()
        yield made


def files(directory: Path) -> list[str]:
    """The options that name a file of each kind."""
    names = {"sarif": "a.sarif", "junit-xml": "deep/er/a.xml", "code-quality": "a.json"}
    return [word for n, file in names.items() for word in (f"--{n}", str(directory / file))]


def require_reports(directory: Path) -> None:
    """See that each report has the finding, where the repository has the file."""
    (run,) = json.loads((directory / "a.sarif").read_text())["runs"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "dags/broken.py"
    assert place["region"]["startLine"] == 2
    (entry,) = json.loads((directory / "a.json").read_text())
    assert entry["location"] == {"path": "dags/broken.py", "lines": {"begin": 2}}
    suite = ElementTree.parse(directory / "deep/er/a.xml").getroot()[0]  # noqa: S314 - ours
    assert (suite.get("name"), suite.get("failures")) == ("static", "1")


@pytest.mark.parametrize(
    "command",
    [
        ("check", *STATIC_ALONE),
        ("plan", "--type", "dags"),
        ("deploy", "--type", "dags"),
        ("deploy", "--type", "dags", "--force"),
    ],
    ids=" ".join,
)
def test_findings_are_written(world: Stage, tmp_path: Path, command: tuple[str, ...]) -> None:
    run = world.command(*command, *files(tmp_path))
    fails = command[0] != "plan" and "--force" not in command
    assert run.code == (6 if fails else 0), run.err
    require_reports(tmp_path)


def test_a_plan_without_checks_writes_reports_without_findings(
    world: Stage, tmp_path: Path
) -> None:
    world.project.write({"dags/broken.py": "from airflow import DAG\n"})
    world.project.commit()
    assert world.command("deploy", "--type", "dags").code == 0
    run = world.command("plan", "--type", "dags", "--skip-unchanged", *files(tmp_path))
    assert run.code == 0, run.err
    assert json.loads((tmp_path / "a.json").read_text()) == []
    assert json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"] == []


def test_a_file_that_cannot_be_written_is_an_error(world: Stage, tmp_path: Path) -> None:
    run = world.command("check", *STATIC_ALONE, "--sarif", str(tmp_path))
    assert run.code not in (0, 6)
    assert "the report could not be written" in run.err


def test_what_was_overridden_is_told(world: Stage) -> None:
    run = world.command("deploy", "--type", "dags", "--force", "static", "--json")
    assert run.code == 0, run.err
    assert run.document["overridden"] == ["static"]
    (deploy,) = world.astro.deploys("production")
    assert deploy.description.startswith("[forced past static] ")
    world.project.write({"dags/broken.py": BROKEN["dags/broken.py"] + "# more\n"})
    run = world.command("deploy", "--type", "dags", "--force", "static")
    (last,) = [line for line in run.out.splitlines() if line.startswith("deployed: ")]
    assert last.startswith("deployed: DAGs only to production in ")
    assert last.endswith(", although the static check failed")


def test_check_reads_the_project_from_the_file(world: Stage, tmp_path: Path) -> None:
    world.project.git("mv", "dags", "pipelines")
    world.project.write({"astro-ci.yaml": "dags-path: pipelines\n"})
    run = world.command("check", *STATIC_ALONE, "--json")
    assert run.code == 6, run.err
    assert run.document["findings"][0]["path"] == "pipelines/broken.py"


@pytest.mark.parametrize(
    ("text", "words", "is_silent"),
    [
        ("checks: {ignore: [{rule: dag-syntax, paths: [dags/b*.py]}]}\n", (), True),
        ("checks: {ignore: [{rule: dag-syntax, paths: [dags/old/**]}]}\n", (), False),
        ("", ("--ignore-finding", "dag-syntax"), True),
    ],
)
def test_check_silences_findings(
    world: Stage, tmp_path: Path, text: str, words: tuple[str, ...], is_silent: bool
) -> None:
    world.project.write({"astro-ci.yaml": text})
    run = world.command("check", *STATIC_ALONE, "--json", *words, *files(tmp_path))
    assert run.code == (0 if is_silent else 6), run.err
    assert run.document["checks"][0]["silenced"] == int(is_silent)
    assert bool(json.loads((tmp_path / "a.json").read_text())) is not is_silent


def test_check_of_nothing_has_not_passed(world: Stage) -> None:
    run = world.command("check", "--no-static", *STATIC_ALONE)
    assert run.code == 2
    assert "every check is turned off" in run.err
    world.project.git("rm", "-rq", "dags")
    assert world.command("check", *STATIC_ALONE).code == 6
    world.project.write({"dags/README": "soon"})
    run = world.command("check", *STATIC_ALONE)
    assert run.code == 6
    assert "Airflow would parse no file: dags holds no Python or zip file" in run.out


def test_check_of_several_projects_wants_one_of_them(world: Stage) -> None:
    world.project.write(
        {
            "astro-ci.yaml": "projects:\n  one: {}\n  other:\n    dags-path: flows\n",
            **{f"{name}/Dockerfile": "FROM scratch\n" for name in ("one", "other")},
            **{"one/dags/a.py": "a = 1\n", "other/flows/a.py": "a = 1\n"},
        }
    )
    run = world.command("check", *STATIC_ALONE)
    assert run.code == 2
    assert "several projects: one, other" in run.err
    words = ("--project", "other")
    assert world.command("check", *STATIC_ALONE, *words).code == 6, "there is no DAG"
    run = world.command("check", *STATIC_ALONE, *words, "--allow-no-dags")
    assert run.code == 0, run.err
