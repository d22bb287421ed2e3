"""How long the static check takes, against compiling the same files in one bare process.

Makes projects of 50 and of 5,000 DAG files. All is measured in turn in the same run, and the best
of each is compared, since whatever else the machine does only adds. CPU seconds are those of all
processes together: on a busy machine they say more than the time that passed.

The last rows are `astro-ci plan` and `astro-ci deploy` of the small project: without the check,
with it, and with it where ruff is installed, which `pip install astro-ci` does not bring. Each runs
in a process of its own, and so does the sandbox that they ask. The check runs beside git and the
network, so most of it costs a plan nothing.

Usage: python benchmarks/checks.py [--files N] [--repeat N]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).parents[1]))

from astro_ci.checks.static.check import StaticCheck
from astro_ci.checks.static.lint import find_ruff
from astro_ci.checks.static.request import Request
from astro_ci.checks.static.syntax import OURS
from astro_ci.project.platform import Platform
from tests.repository import Repository

ROOT = Path(__file__).parents[1]
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


WITHOUT = """
from astro_ci.survey.static import DagCheck
from astro_ci.terminal.session import Session
DagCheck.start_early = DagCheck.start = Session.fork_reader = lambda *_: None
"""
WITHOUT_RUFF = """
import astro_ci.checks.static.lint as lint
lint.find_ruff = lambda *_, **__: None
"""
RUN = """
import sys
from astro_ci.__main__ import main
sys.exit(main())
"""
VARIANTS = {
    "without the check": WITHOUT,
    "with the check": WITHOUT_RUFF,
    "with the check and ruff": "",
}


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """A local Astro in a process of its own; gives the variables that lead to it."""
    command = [sys.executable, "-m", "astro_ci", "sandbox", "--json", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            found = json.loads(process.stdout.readline())
            yield {"ASTRO_API_URL": found["api_url"], "ASTRO_API_TOKEN": found["token"]}
        finally:
            process.terminate()


def run(root: Path, env: Mapping[str, str], *words: str, prepare: str) -> None:
    """Run a verb as users do, once the process has executed `prepare`."""
    subprocess.run(
        [sys.executable, "-c", prepare + RUN, *words, "--deployment-name", "production"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        check=True,
        capture_output=True,
    )


class Cost(NamedTuple):
    """What one run took, in seconds; `cpu` with all processes that it started."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """What this process and those that it waited for have used."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def best_of_each(jobs: Mapping[str, Callable[[], None]], repeat: int) -> dict[str, Cost]:
    """The best of several runs of each, taken in turn."""
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(repeat):
        for name, job in jobs.items():
            started, before = time.perf_counter(), cpu_seconds()
            job()
            wall = time.perf_counter() - started
            costs[name].append(Cost(wall, cpu_seconds() - before))
    return {
        name: Cost(min(cost.wall for cost in found), min(cost.cpu for cost in found))
        for name, found in costs.items()
    }


def show(title: str, found: Mapping[str, Cost]) -> None:
    """Print times, and how they compare with the first."""
    print(f"{title:37} {'passed':>12} {'':9} {'CPU':>10}")
    first = next(iter(found.values()))
    for name, cost in found.items():
        print(
            f"  {name:35} {cost.wall * 1000:9.0f} ms {(cost.wall - first.wall) * 1000:+8.0f} ms"
            f" {cost.cpu * 1000:7.0f} ms {cost.cpu / first.cpu:7.2f} x"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sandbox() as env:
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
        for words in (("plan",), ("deploy", "--type", "dags", "--no-wait", "--no-parse")):
            jobs = {
                f"{words[0]} {title}": lambda w=words, p=prepare: run(  # type: ignore[misc]
                    small, env, *w, prepare=p
                )
                for title, prepare in VARIANTS.items()
            }
            show(f"{words[0]} of {SMALL} DAG files", best_of_each(jobs, 2 * options.repeat))
    return 0


if __name__ == "__main__":
    sys.exit(main())
