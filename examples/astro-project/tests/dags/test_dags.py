"""Every DAG file can be imported, and every DAG is tagged."""

from airflow.models import DagBag


def test_dags() -> None:
    bag = DagBag(include_examples=False)
    assert not bag.import_errors
    assert all(dag.tags for dag in bag.dags.values())
