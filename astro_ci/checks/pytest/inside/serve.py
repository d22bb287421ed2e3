"""Run pytest in the project's directory, and write its report to the job's private directory."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import Any


def main(work: str) -> int:
    """Run the tests that `request.json` names, and return pytest's exit code.

    Before pytest starts, write pytest's version to the file `begun`; the file is empty when the
    environment has no pytest.
    """
    with open(os.path.join(work, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    os.chdir(request["project"])
    if request["in_place"]:
        _imitate_image(request)
    version = ""
    if importlib.util.find_spec("pytest") is not None:
        import pytest

        version = pytest.__version__
    with open(os.path.join(work, "begun"), "w", encoding="utf-8") as file:
        file.write(version)
    return int(pytest.main(_arguments(request, work))) if version else 1


def _arguments(request: dict[str, Any], work: str) -> list[str]:
    own = ["--junit-xml=" + os.path.join(work, "junit.xml"), "-o", "junit_family=xunit1"]
    if request["in_place"]:
        own += ["-o", "cache_dir=" + os.path.join(work, "cache")]
    # pytest uses the last value of an option, so astro-ci's options come last.
    return [*request["paths"], *request["arguments"], *own]


def _imitate_image(request: dict[str, Any]) -> None:
    """Set Airflow's folders and the import path as the image does, for a checkout."""
    project, trees = request["project"], request["trees"]
    settings = {"AIRFLOW__CORE__PLUGINS_FOLDER": os.path.join(project, "plugins")}
    if "dags" in trees:
        settings["AIRFLOW__CORE__DAGS_FOLDER"] = trees["dags"]
    os.environ.update(settings)
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    path = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([project, path] if path else [project])
    sys.path.insert(0, project)
