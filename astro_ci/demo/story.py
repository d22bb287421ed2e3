"""`demo`: a guided run on a sandbox, which compares the result of each step byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from astro_ci.demo.stage import Emit, setting
from astro_ci.demo.steps import Row, Step, perform
from astro_ci.model import DeployType
from astro_ci.reporting.folding import folded
from astro_ci.reporting.table import wrapped_table

STEPS: Sequence[Step] = (
    Step(title="The first deploy", files={}, expected=DeployType.IMAGE_AND_DAGS),
    Step(
        title="A DAG changes",
        files={"dags/orders.py": "# counted twice\n"},
        expected=DeployType.DAGS,
    ),
    Step(
        title="A DAG breaks, and the static check refuses it",
        files={"dags/orders.py": "def twice(:\n"},
        expected=DeployType.DAGS,
        is_refused=True,
    ),
    Step(title="The README changes", files={"README.md": "\nNew.\n"}, expected=DeployType.NONE),
    Step(
        title="The requirements change",
        files={"requirements.txt": "tabulate==0.9.0\n"},
        expected=DeployType.IMAGE_AND_DAGS,
    ),
    Step(
        title="The SQL in the image changes, and the deploy fails",
        files={"include/sql/orders_per_day.sql": "LIMIT 30\n"},
        expected=DeployType.IMAGE_AND_DAGS,
        fails=True,
    ),
    Step(
        title="A DAG changes, and the image is still behind",
        files={"dags/cleanup.py": "# every week\n"},
        expected=DeployType.IMAGE_AND_DAGS,
    ),
)

_COLUMNS = (
    ("commit", 7),
    ("what changed", 18),
    ("plan", 14),
    ("outcome", 17),
    ("now runs", 15),
)
"""The headings of the table, and how many cells each column has."""


def demo(
    env: Mapping[str, str],
    *,
    emit: Emit,
    keep_in: Path | None = None,
    columns: int | None = None,
) -> None:
    """Run all steps; `keep_in` is the directory in which to keep the project.

    `columns` is the terminal's width. Raises AstroCIError when a step does not come out as it
    should.
    """

    def say(text: str) -> None:
        emit("\n".join(folded(text.split("\n"), columns, are_messages=True)))

    with setting(env, emit=say, keep_in=keep_in, columns=columns) as stage:
        rows = [perform(number, step, stage) for number, step in enumerate(STEPS, start=1)]
    emit(_table(rows, columns))
    say(
        "Everything that runs is, byte for byte, what was checked out."
        if stage.engine
        else "The DAGs that were deployed are, byte for byte, what was checked out; with a Docker "
        "Engine the image is too."
    )


def _table(rows: Sequence[Row], columns: int | None) -> str:
    """Make a table with a row for each step, without the reasons printed before."""
    cells = [
        (
            row.commit,
            row.title,
            row.plan.deploy_type.value,
            row.outcome.text(row.seconds),
            row.runs,
        )
        for row in rows
    ]
    return f"\n{wrapped_table(_COLUMNS, cells, columns=columns)}\n"
