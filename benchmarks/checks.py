"""How long the static check takes, against compiling the same files in one bare process.

Makes projects of 50 and of 5,000 DAG files. All is measured in turn in the same run, and the best
of each is compared, since whatever else the machine does only adds. The last rows are a plan of
the small project on a sandbox on loopback, with the check and without: the check runs while git
and Astro are asked, so most of it costs the plan nothing.

Usage: python benchmarks/checks.py [--files N] [--repeat N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

sys.path.append(str(Path(__file__).parents[1]))

from astro_ci.checks.static.check import StaticCheck
from astro_ci.checks.static.lint import find_ruff
from astro_ci.checks.static.request import Request
from astro_ci.checks.static.syntax import OURS
from astro_ci.configuration.config import Config
from astro_ci.project.platform import Platform
from astro_ci.sandbox import Sandbox
from astro_ci.survey.checkout import Checkout
from astro_ci.survey.image import Prebuilt
from astro_ci.survey.plan import plan
from astro_ci.survey.standing import Standing
from astro_ci.survey.static import DagCheck
from tests.repository import Repository

SMALL = 50
PLATFORM = Platform(airflow=(3, 1), python=OURS)
FUNCTION = '''
def extract_{number}(ds, **context):
    """Read the orders of a day."""
    rows = load(ds)
    total = 0
    for row in rows:
        if row["state"] == "open" and row.get("amount", 0) > 10:
            total += row["amount"] * 1.19
        else:
            print(f"skipped {{row['id']}} of {{ds}}")
    return {{"total": total, "rows": len(rows)}}
'''
FILE = '''"""Orders of a region."""
from datetime import datetime, timedelta

from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator
from include.orders import load

DEFAULTS = {{"owner": "data", "retries": 2, "retry_delay": timedelta(minutes=5)}}
{functions}
with DAG(dag_id="orders_{number}", start_date=datetime(2024, 1, 1), schedule="@daily") as dag:
    first = PythonOperator(task_id="first", python_callable=extract_0)
    second = PythonOperator(task_id="second", python_callable=extract_1)
    third = PythonOperator(task_id="third", python_callable=extract_2)
    first >> [second, third]
'''
BARE = """
import pathlib, sys
for path in pathlib.Path(sys.argv[1]).glob("*.py"):
    compile(path.read_bytes(), str(path), "exec")
"""


def make_project(root: Path, files: int) -> Path:
    """Write a project whose every DAG file has some 60 lines."""
    (root / "dags").mkdir(parents=True)
    (root / "include").mkdir()
    (root / "include" / "orders.py").write_text("def load(ds):\n    return []\n")
    (root / "Dockerfile").write_text("FROM astrocrpublic.azurecr.io/runtime:3.1-2\n")
    (root / "requirements.txt").write_text("")
    functions = "".join(FUNCTION.format(number=number) for number in range(4))
    for number in range(files):
        text = FILE.format(functions=functions, number=number)
        (root / "dags" / f"orders_{number}.py").write_text(text)
    return root


def check(root: Path, *, with_ruff: bool) -> None:
    """Make the static check, and see that it passed."""
    name = os.path.realpath(root)
    request = Request(root=name, dags=f"{name}/dags", repository=name, python=OURS, airflow=(3, 1))

    def find() -> object:
        return find_ruff(os.environ, PLATFORM, repository=name) if with_ruff else None

    with StaticCheck(request, find) as running:  # type: ignore[arg-type]
        checked = running.result().checked
    assert checked.status == "passed", checked.findings


def compile_all(root: Path) -> None:
    """Compile the files in a process that does nothing else."""
    subprocess.run([sys.executable, "-I", "-S", "-c", BARE, str(root / "dags")], check=True)


class NoCheck(DagCheck):
    """Leaves the check out."""

    def __enter__(self) -> NoCheck:
        return self

    def start_early(self, checkout: Checkout) -> None:
        """Start nothing."""

    def start(
        self, checkout: Checkout, standing: Standing, prebuilt: Prebuilt | None = None
    ) -> None:
        """Start nothing."""


def plan_once(root: Path, env: Mapping[str, str], *, is_checked: bool) -> None:
    """Make a plan, with the check or without."""
    with mock.patch("astro_ci.survey.survey.DagCheck", DagCheck if is_checked else NoCheck):
        found = plan(Config(project=root, deployment_name="production"), env)
    assert [checked.status for checked in found.checks] == ["passed"] * is_checked


def best_of_each(jobs: Mapping[str, Callable[[], None]], repeat: int) -> dict[str, float]:
    """The best of several runs of each, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeat):
        for name, job in jobs.items():
            started = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - started)
    return {name: min(found) for name, found in times.items()}


def show(title: str, found: Mapping[str, float]) -> None:
    """Print times, and their ratios to the first."""
    print(title)
    baseline = next(iter(found.values()))
    for name, seconds in found.items():
        print(f"  {name:45} {seconds * 1000:9.0f} ms {seconds / baseline:7.2f} x")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Sandbox(rollout_seconds=0) as astro:
        small = make_project(Path(directory) / "small", SMALL)
        for root in (small, make_project(Path(directory) / "large", options.files)):
            jobs: dict[str, Callable[[], None]] = {
                "compiling in one bare process": lambda root=root: compile_all(root),  # type: ignore[misc]
                "static check": lambda root=root: check(root, with_ruff=False),  # type: ignore[misc]
                "static check with ruff": lambda root=root: check(root, with_ruff=True),  # type: ignore[misc]
            }
            files = sum(1 for _ in (root / "dags").iterdir())
            show(f"{files} DAG files", best_of_each(jobs, options.repeat))
        Repository.create(small).commit()
        env = {"ASTRO_API_URL": astro.api_url, "ASTRO_API_TOKEN": astro.token}
        jobs = {
            "plan without the check": lambda: plan_once(small, env, is_checked=False),
            "plan": lambda: plan_once(small, env, is_checked=True),
        }
        show(f"a plan of {SMALL} DAG files", best_of_each(jobs, 2 * options.repeat))
    return 0


if __name__ == "__main__":
    sys.exit(main())
