"""What `parse` costs over a bare DagBag in the same container.

    python benchmarks/parse.py --image IMAGE [--files 50] [--runs 5]

IMAGE has Airflow, and the engine has it; `python -m tests.e2e.airflow_image` makes two. Both load
the same files in a fresh container each time. The baseline imports Airflow and makes one DagBag.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.runners import DockerRunner
from astro_ci.image.engine import connect

DAG = """\
import pendulum
from airflow.decorators import dag, task

@dag(start_date=pendulum.datetime(2024, 1, 1), schedule=None)
def dag_{number}():
    @task
    def first(): return 1
    @task
    def second(value): return value
    second(first())

dag_{number}()
"""
BARE = """\
import os, sys
os.environ.update(
    AIRFLOW__CORE__DAGS_FOLDER="/bench", AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:////tmp/airflow.db",
)
sys.stdout = sys.stderr = open(os.devnull, "w")
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
bag = DagBag("/bench")
assert len(bag.dags) == {files}, bag.import_errors
"""


def main() -> int:
    """Measure both, and print the difference of the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        dags = Path(made, "dags")
        dags.mkdir()
        for number in range(options.files):
            dags.joinpath(f"dag_{number}.py").write_text(DAG.format(number=number))
        bare, ours = [], []
        for _ in range(options.runs):  # by turns, so that what else runs slows down both
            bare.append(_bare(dags, options.image, options.files))
            ours.append(_parse(dags, options.image))
    baseline, checked = statistics.median(bare), statistics.median(ours)
    sys.stdout.write(
        f"{options.files} DAG files: bare DagBag {baseline:.2f} s, parse {checked:.2f} s, "
        f"{checked - baseline:+.2f} s\n"
    )
    return 0


def _bare(dags: Path, image: str, files: int) -> float:
    """Create, copy, run and remove with the docker command."""
    program = BARE.replace("{files}", str(files))
    started = time.monotonic()
    create = ["docker", "create", "--entrypoint", "python", image, "-c", program]
    container = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    try:
        subprocess.run(["docker", "cp", "-q", dags, f"{container}:/bench"], check=True)
        subprocess.run(["docker", "start", "-a", container], check=True)
    finally:
        subprocess.run(["docker", "rm", "-f", container], check=True, capture_output=True)
    return time.monotonic() - started


def _parse(dags: Path, image: str) -> float:
    started = time.monotonic()
    engine = connect(os.environ)
    checked = parse_dags(
        ParseRequest(project=dags.parent, dags=dags), DockerRunner(engine=engine, image=image)
    )
    engine.close()
    assert checked.status == "passed", checked.findings
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
