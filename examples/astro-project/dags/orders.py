"""Count yesterday's orders, once a day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

SQL = Path(__file__).parent.parent / "include" / "sql" / "orders_per_day.sql"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False, tags=["example"])
def orders() -> None:
    """Read, then report."""

    @task
    def read() -> list[int]:
        """Stand in for a query: a row a day."""
        return [12, 30, 7]

    @task
    def report(rows: list[int]) -> str:
        """Say how many there were."""
        import humanize

        return f"{humanize.intcomma(sum(rows))} orders"

    report(read())


orders()
