"""Remove what nobody needs any more, once a week."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@weekly", start_date=datetime(2026, 1, 1), catchup=False, tags=["example"])
def cleanup() -> None:
    """One step."""

    @task
    def remove(days: int = 30) -> str:
        """Say what would be removed."""
        return f"files older than {days} days"

    remove()


cleanup()
