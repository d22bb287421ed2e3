"""Load DAG files through Airflow's own classes, with the same functions for all versions."""

from __future__ import annotations

import inspect
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, NamedTuple

DISTRIBUTIONS = ("apache-airflow-core", "apache-airflow")
_DEPTH = "100"


class Loaded(NamedTuple):
    """The result of loading one file."""

    dag_ids: list[str]
    errors: dict[str, str]
    """A traceback or `Type: message` by file; for a zip file, by each file in the archive."""


def version() -> str | None:
    """Return Airflow's version without importing Airflow; None where Airflow is not installed."""
    for name in DISTRIBUTIONS:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def configure(environ: Any, *, dags: str, work: str, seconds: float | None) -> None:
    """Set the variables that Airflow reads at import: folders, no examples, no database server."""
    has_3 = not (version() or "").startswith("2.")
    settings = {
        "CORE__DAGS_FOLDER": dags,
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "True",
        "CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": _DEPTH,
        # The Deployment's executor needs a database server, and a DAG file needs no executor.
        "CORE__EXECUTOR": "LocalExecutor" if has_3 else "SequentialExecutor",
        "DATABASE__SQL_ALCHEMY_CONN": "sqlite:///" + os.path.join(work, "airflow.db"),
        "LOGGING__BASE_LOG_FOLDER": os.path.join(work, "logs"),
    }
    if seconds is not None:
        settings["CORE__DAGBAG_IMPORT_TIMEOUT"] = str(seconds)
    environ.update({"AIRFLOW__" + name: value for name, value in settings.items()})
    if has_3:  # a DAG file is loaded by a client of Airflow's API, without the database
        environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"


def initialize(dags: str) -> None:
    """Import Airflow, and put on the import path what DAG files can import in production."""
    from airflow import settings

    if hasattr(settings, "initialize"):
        settings.initialize()
    if dags not in sys.path:  # Airflow 3 adds the bundle's directory when it loads a file
        sys.path.append(dags)
    # Import these modules here, once, so that the processes that load files need not.
    _bag_class()
    from airflow.serialization import serialized_objects  # noqa: F401


def block_database() -> None:
    """Deny DAG files the metadata database, as Airflow 3 does."""
    try:
        from airflow.sdk.execution_time.supervisor import block_orm_access
    except ImportError:
        return
    block_orm_access()


def make_database() -> None:
    """Create the tables of Airflow's metadata database, in the file that `configure` set."""
    from airflow.utils.db import initdb

    initdb(**_accepted(initdb, {"load_connections": False}))


def needs_database(errors: dict[str, str]) -> bool:
    """Whether a file failed for lack of a database table. Airflow 3 gives DAG files no database."""
    return any("no such table" in text for text in errors.values())


def list_files(dags: str) -> list[str]:
    """List the files that Airflow would load, after .airflowignore and safe mode."""
    safe_mode = _is_safe_mode()
    try:
        from airflow.dag_processing.importers import get_importer_registry
    except ImportError:
        from airflow.utils.file import list_py_file_paths

        given = {"safe_mode": safe_mode, "include_examples": False}
        return [
            str(path) for path in list_py_file_paths(dags, **_accepted(list_py_file_paths, given))
        ]
    return [str(path) for path in get_importer_registry().list_dag_files(dags, safe_mode=safe_mode)]


def time_limit(path: str) -> float:
    """Return Airflow's time limit for this file in seconds; 0 is no limit."""
    from airflow import settings

    return float(settings.get_dagbag_import_timeout(path))


def load(path: str, dags: str) -> Loaded:
    """Load one file into a DagBag of its own, and serialize its DAGs as Airflow would."""
    bag_class = _bag_class()
    given = {
        "dag_folder": dags,
        "include_examples": False,
        "collect_dags": False,
        "read_dags_from_db": False,
        "load_op_links": False,
        "bundle_path": Path(dags),
    }
    accepted = _accepted(bag_class, given)
    if "collect_dags" not in accepted:  # early versions load a directory in the constructor
        accepted["dag_folder"] = os.devnull
    bag = bag_class(**accepted)
    bag.process_file(path, only_if_updated=False, safe_mode=_is_safe_mode())
    errors = {os.path.join(dags, name): str(text) for name, text in bag.import_errors.items()}
    for dag_id, dag in bag.dags.items():
        problem = _serialize(dag)
        if problem:
            errors.setdefault(path, f"DAG {dag_id}: {problem}")
    return Loaded(sorted(bag.dags), errors)


def _serialize(dag: Any) -> str:
    """Serialize a DAG as Airflow does for its scheduler; return the error text, or ""."""
    from airflow.serialization import serialized_objects

    serializer = getattr(serialized_objects, "DagSerialization", None)
    try:
        (serializer or serialized_objects.SerializedDAG).to_dict(dag)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _bag_class() -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag
    return DagBag


def _is_safe_mode() -> bool:
    from airflow.configuration import conf

    return bool(conf.getboolean("core", "DAG_DISCOVERY_SAFE_MODE", fallback=True))


def _accepted(function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Keep only the arguments that this version's function takes."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in given.items() if name in known}


def load_plugins() -> dict[str, str]:
    """Load Airflow's plugins, and return the errors by file."""
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()
    if hasattr(plugins_manager, "get_import_errors"):
        return dict(plugins_manager.get_import_errors())
    return dict(plugins_manager.import_errors)
