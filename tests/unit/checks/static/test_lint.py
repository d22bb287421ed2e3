"""ruff, asked about healthy files: which rules count, and that the checkout has no say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from astro_ci.checks.static.lint import ABSENT, Ruff, find_ruff
from astro_ci.project.platform import Platform
from tests.unit.checks.static.support import DAG, StaticProject, told

ON_2, ON_3 = Platform(airflow=(2, 11), python=(3, 12)), Platform(airflow=(3, 1), python=(3, 12))
UNDEFINED = DAG + "print(nowhere)\n"
REMOVED = (
    "from airflow import DAG\nfrom airflow.utils.dates import days_ago\n"
    'DAG("x", schedule_interval="@daily", start_date=days_ago(1))\n'
)


def ruff(platform: Platform, repository: Path) -> Ruff:
    found = find_ruff(os.environ, platform, repository=str(repository))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("source", "platform", "findings"),
    [
        (UNDEFINED, ON_2, ["dags/a.py:2:7 error lint-F821"]),
        (REMOVED, ON_2, []),
        (DAG + "import os\n", ON_3, []),
    ],
)
def test_which_rules_count(
    tmp_path: Path, source: str, platform: Platform, findings: list[str]
) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": source})
    static = project.check(ruff=ruff(platform, tmp_path))
    assert [line for line in told(static) if " notice " not in line] == findings
    assert static.checked.notes == ()


def test_what_airflow_3_removed(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": REMOVED})
    found = told(project.check(ruff=ruff(ON_3, tmp_path)))
    assert {line.split(" ", 1)[1] for line in found} >= {
        "error airflow-AIR301",
        "notice airflow-AIR311",
    }


def test_the_checkout_has_no_say(tmp_path: Path) -> None:
    quiet = "[lint]\nignore = ['F821']\nexclude = ['*']\n"
    project = StaticProject(tmp_path).write(
        {
            "dags/a.py": UNDEFINED,
            "dags/-x.py": UNDEFINED,
            "dags/build/b.py": UNDEFINED,
            "ruff.toml": quiet,
            "dags/ruff.toml": quiet,
            "pyproject.toml": "[tool.ruff]\nexclude = ['*']\n",
            ".gitignore": "*\n",
        }
    )
    assert told(project.check(ruff=ruff(ON_2, tmp_path))) == [
        "dags/-x.py:2:7 error lint-F821",
        "dags/a.py:2:7 error lint-F821",
        "dags/build/b.py:2:7 error lint-F821",
    ]
    assert not (tmp_path / ".ruff_cache").exists()


def test_a_ruff_of_the_checkout_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    command = tmp_path / "bin" / "ruff"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    command.chmod(0o755)
    outside = tmp_path.with_name(f"{tmp_path.name}-links")
    outside.mkdir()
    (outside / "ruff").symlink_to(command)
    for path in (command.parent, outside, "bin"):
        monkeypatch.chdir(tmp_path)
        assert find_ruff({"PATH": str(path)}, ON_2, repository=str(tmp_path)) is None


def test_without_ruff_only_a_verbose_run_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="astro_ci")
    static = StaticProject(tmp_path).write({"dags/a.py": UNDEFINED}).check()
    assert (told(static), static.checked.notes) == ([], ())
    assert [(one.levelname, one.message) for one in caplog.records] == [("DEBUG", ABSENT)]


def test_a_ruff_that_fails_is_told(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": DAG})
    static = project.check(ruff=Ruff(command="/bin/false", platform=ON_2))
    assert static.checked.notes == ("ruff could not be used: it ended with exit code 1",)
    static = project.check(ruff=Ruff(command=str(tmp_path / "gone"), platform=ON_2))
    assert static.checked.notes == ("ruff could not be used: FileNotFoundError",)
