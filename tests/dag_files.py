"""DAG files of every kind, and what becomes of each under Airflow 2 and 3."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 4.0
_HEAD = "import pendulum\nfrom airflow import DAG\nSTART = pendulum.datetime(2024, 1, 1)\n"


def a_dag(dag_id: str, before: str = "") -> str:
    """Write a DAG file; `before` stands from line 4 on."""
    return f'{_HEAD}{before}with DAG("{dag_id}", start_date=START, schedule=None): pass\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The finding about a file, notices aside."""

    severity: str
    rule: str
    line: int | None = None


def error(rule: str, line: int | None = None) -> Expected:
    """A file that Airflow does not load."""
    return Expected(severity="error", rule=rule, line=line)


def warning(rule: str, line: int | None = None) -> Expected:
    """A file that may be good."""
    return Expected(severity="warning", rule=rule, line=line)


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFile:
    """A file under `dags/`."""

    source: str | bytes
    expected: Expected | None = None
    with_airflow_2: Expected | None = None
    with_airflow_3: Expected | None = None
    """What is found with this version alone."""
    dag_ids: tuple[str, ...] = ()
    is_deadly: bool = False
    """Whether the file ends a process that loads it without care."""

    def under(self, major: int) -> Expected | None:
        """What is found with this version of Airflow."""
        return {2: self.with_airflow_2, 3: self.with_airflow_3}[major] or self.expected


def _zipped(name: str, source: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, source)
    return out.getvalue()


_VARIABLE = "from airflow.models import Variable\n"
_SDK = "from airflow.sdk import Connection, Variable\n"
_HOOK = (
    "try:\n    from airflow.sdk import BaseHook\n"
    "except ImportError:\n    from airflow.hooks.base import BaseHook\n"
)

FILES: Mapping[str, DagFile] = {
    "taskflow.py": DagFile(
        source="import pendulum\n"
        "from airflow.decorators import dag, task\n"
        "@dag(start_date=pendulum.datetime(2024, 1, 1), schedule=None)\n"
        "def taskflow():\n"
        "    @task\n"
        "    def first(): return 1\n"
        "    first()\n"
        "taskflow()\n",
        dag_ids=("taskflow",),
    ),
    "classic.py": DagFile(
        source=_HEAD + "try:\n"
        "    from airflow.providers.standard.operators.bash import BashOperator\n"
        "except ImportError:\n"
        "    from airflow.operators.bash import BashOperator\n"
        'with DAG("classic", start_date=START, schedule="@daily", catchup=False):\n'
        '    BashOperator(task_id="a", bash_command="true") >> '
        'BashOperator(task_id="b", bash_command="true")\n',
        dag_ids=("classic",),
    ),
    "loop.py": DagFile(
        source=_HEAD + "for name in ('a', 'b'):\n"
        "    globals()[name] = DAG('loop_' + name, start_date=START, schedule=None)\n",
        dag_ids=("loop_a", "loop_b"),
    ),
    "default_var.py": DagFile(
        source=a_dag(
            "default_var", _VARIABLE + 'assert Variable.get("x", default_var="y") == "y"\n'
        ),
        dag_ids=("default_var",),
    ),
    "default_positional.py": DagFile(
        source=a_dag("default_positional", _VARIABLE + 'assert Variable.get("x", None) is None\n'),
        dag_ids=("default_positional",),
    ),
    "default_of_another_class.py": DagFile(
        source=a_dag("default_of_another_class", _VARIABLE + 'Variable.get("x", default="y")\n'),
        expected=error("dag-import", 5),
    ),
    "sdk_variable.py": DagFile(
        source=a_dag(
            "sdk_variable",
            _SDK
            + 'assert Variable.get("x", default="y") == "y"\nassert Connection.get("c").host\n',
        ),
        with_airflow_2=error("dag-import", 4),
        dag_ids=("sdk_variable",),
    ),
    "int_variable.py": DagFile(
        source=a_dag("int_variable", _VARIABLE + 'assert range(int(Variable.get("n")))\n'),
        expected=warning("dag-stand-in", 5),
        dag_ids=("int_variable",),
    ),
    "json_variable.py": DagFile(
        source=a_dag(
            "json_variable",
            _VARIABLE + 'assert Variable.get("j", deserialize_json=True)["k"]["l"]\n',
        ),
        expected=warning("dag-stand-in", 5),
        dag_ids=("json_variable",),
    ),
    "connection.py": DagFile(
        source=a_dag(
            "connection", _HOOK + 'assert "https://" + BaseHook.get_connection("c").host\n'
        ),
        dag_ids=("connection",),
    ),
    "connection_extra.py": DagFile(
        source=a_dag(
            "connection_extra", _HOOK + 'BaseHook.get_connection("c").extra_dejson["k"]\n'
        ),
        expected=warning("dag-stand-in", 8),
        dag_ids=("connection_extra",),
    ),
    "imports_include.py": DagFile(
        source=a_dag("imports_include", "from include.helper import NAME\n"),
        dag_ids=("imports_include",),
    ),
    "imports_plugins.py": DagFile(
        source=a_dag("imports_plugins", "from of_plugins import NAME\n"),
        dag_ids=("imports_plugins",),
    ),
    "broken_include.py": DagFile(
        source=a_dag("broken_include", "from include.broken import NAME\n"),
        # On the line of the file that is imported.
        expected=None,
    ),
    "one/common.py": DagFile(source="NAME = 'one'\n"),
    "one/of_common.py": DagFile(
        source=a_dag(
            "one",
            "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n"
            "import common\nassert common.NAME == 'one'\n",
        ),
        dag_ids=("one",),
    ),
    "two/common.py": DagFile(source="NAME = 'two'\n"),
    "two/of_common.py": DagFile(
        source=a_dag(
            "two",
            "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n"
            "import common\nassert common.NAME == 'two'\n",
        ),
        dag_ids=("two",),
    ),
    "slow.py": DagFile(
        source=_HEAD + "import time\ntime.sleep(20)\n", expected=error("dag-timeout", 5)
    ),
    "exits.py": DagFile(
        source=_HEAD + "import sys\nsys.exit(0)\n",
        expected=error("dag-import", 5),
        is_deadly=True,
    ),
    "leaves.py": DagFile(
        source=_HEAD + "import os\nos._exit(0)\n",
        expected=error("dag-crash"),
        is_deadly=True,
    ),
    "prints.py": DagFile(
        source=a_dag("prints", "for _ in range(1000): print('x' * 10_000)\n"),
        dag_ids=("prints",),
    ),
    "forks.py": DagFile(
        source=a_dag("forks", "import os, time\nif os.fork() == 0: time.sleep(60)\n"),
        expected=warning("dag-fork"),
        dag_ids=("forks",),
        is_deadly=True,
    ),
    "segfault.py": DagFile(
        source=_HEAD + "import ctypes\nctypes.string_at(0)\n",
        expected=error("dag-crash", 5),
        is_deadly=True,
    ),
    "endless.py": DagFile(
        source=_HEAD + "import signal\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
        "while True:\n"
        "    try:\n"
        "        while True: pass\n"
        "    except BaseException: pass\n",
        expected=error("dag-timeout", 8),
        is_deadly=True,
    ),
    "stops.py": DagFile(
        source=_HEAD + "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
        expected=error("dag-timeout"),
        is_deadly=True,
    ),
    "kills.py": DagFile(
        source=a_dag(
            "kills",
            "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(1)\n",
        ),
        expected=error("dag-crash"),
        is_deadly=True,
    ),
    "closes.py": DagFile(
        source=a_dag(
            "closes",
            "import os, contextlib\n"
            "for number in range(3, 256):\n"
            "    with contextlib.suppress(OSError): os.write(number, b'garbage')\n"
            "os.closerange(3, 256)\n",
        ),
        dag_ids=("closes",),
        is_deadly=True,
    ),
    "syntax.py": DagFile(source=_HEAD + "def x(:\n", expected=error("dag-syntax", 4)),
    "missing_provider.py": DagFile(
        source=a_dag("missing", "from airflow.providers.nowhere.hooks import Hook\n"),
        expected=error("dag-import", 4),
    ),
    "not_utf8.py": DagFile(
        source=a_dag("not_utf8", "name = 'caf\xe9'\n").encode("latin-1"),
        expected=error("dag-encoding", 4),
    ),
    "latin1.py": DagFile(
        source=("# coding: latin-1\n" + a_dag("latin1", "name = 'caf\xe9'\n")).encode("latin-1"),
        dag_ids=("latin1",),
    ),
    "good.zip": DagFile(source=_zipped("zipped.py", a_dag("zipped")), dag_ids=("zipped",)),
    "bad.zip": DagFile(
        source=_zipped("bad_in_zip.py", a_dag("bad_in_zip", "import nowhere_to_be_found\n")),
        expected=error("dag-import"),
    ),
    "empty.py": DagFile(source=""),
    "first_duplicate.py": DagFile(
        source=a_dag("twice"), expected=error("dag-duplicate-id"), dag_ids=("twice",)
    ),
    "second_duplicate.py": DagFile(
        source=a_dag("twice"), expected=error("dag-duplicate-id"), dag_ids=("twice",)
    ),
    "skips.py": DagFile(
        source=_HEAD
        + "from airflow.exceptions import AirflowSkipException\nraise AirflowSkipException('no')\n",
        expected=error("dag-import", 5),
    ),
    "cycle.py": DagFile(
        source=_HEAD + "try:\n"
        "    from airflow.providers.standard.operators.empty import EmptyOperator\n"
        "except ImportError:\n"
        "    from airflow.operators.empty import EmptyOperator\n"
        'with DAG("cycle", start_date=START, schedule=None):\n'
        '    a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")\n'
        "    a >> b >> a\n",
        expected=error("dag-import"),
    ),
    "database.py": DagFile(
        source=a_dag(
            "database",
            "from airflow.models import DagModel\n"
            "from airflow.utils.session import create_session\n"
            "with create_session() as session: assert session.query(DagModel).count() == 0\n",
        ),
        # Airflow 3 keeps its database from DAG files, which a bare DagBag does not.
        with_airflow_3=error("dag-import", 6),
        dag_ids=("database",),
    ),
    "helper_without_dag.py": DagFile(source="def helper(): return 1 / 0\n"),
    "ignored_broken.py": DagFile(source=_HEAD + "import nowhere_to_be_found\n"),
    "nested/ignored_too.py": DagFile(source=_HEAD + "import nowhere_to_be_found\n"),
    "nested/kept.py": DagFile(source=a_dag("kept"), dag_ids=("kept",)),
}
IGNORE = {
    2: {".airflowignore": "ignored_.*\n", "nested/.airflowignore": "^ignored_too\\.py$\n"},
    3: {".airflowignore": "*broken.py\nnested/*\n!nested/kept.py\n!broken_include.py\n"},
}
OTHERS = {
    "include/__init__.py": "",
    "include/helper.py": "NAME = 'helper'\n",
    "include/broken.py": "import os\n\nNAME = os.nothing\n",
    "include/linked.py": a_dag("linked"),
    "plugins/of_plugins.py": "NAME = 'plugins'\n",
}
LINKS = {"dags/into_include.py": "../include/linked.py", "dags/outside.py": "../../outside.py"}
BROKEN_INCLUDE = ("include/broken.py", error("dag-import", 3))


def write_project(directory: Path, major: int, *, deadly: bool = True) -> Path:
    """Write a project with all files, or without those that no plain loader survives."""
    chosen = {name: file for name, file in FILES.items() if deadly or not file.is_deadly}
    files: dict[str, str | bytes] = {f"dags/{name}": file.source for name, file in chosen.items()}
    files |= {f"dags/{name}": text for name, text in IGNORE[major].items()}
    files |= OTHERS
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for name, target in LINKS.items():
        directory.joinpath(name).symlink_to(target)
    directory.parent.joinpath("outside.py").write_text(a_dag("outside"))
    return directory
