"""What the static check finds in projects, through the process that reads them."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest

from astro_ci.checks.static.syntax import OURS
from tests.unit.checks.static.support import DAG, StaticProject, told

Files = dict[str, str | bytes]

HEALTHY: list[tuple[str, Files]] = [
    ("a DAG", {"dags/a.py": DAG + 'DAG("a")\n'}),
    ("an empty file", {"dags/a.py": ""}),
    ("data", {"dags/a.csv": b"\xe4\0", "dags/b.yaml": "a: 1\n"}),
    ("a coding line", {"dags/a.py": b"# -*- coding: latin-1 -*-\n# airflow dag \xe4\n"}),
    ("a byte order mark", {"dags/a.py": b"\xef\xbb\xbf" + DAG.encode()}),
    ("a cache", {"dags/__pycache__/a.py": "x = (", "dags/.git/a.py": "x = ("}),
    ("a virtual environment", {"dags/v/pyvenv.cfg": "", "dags/v/a.py": DAG + "x = ("}),
    ("the same id under a condition", {
        "dags/a.py": DAG + 'a = DAG("x")\n', "dags/b.py": DAG + 'if input():\n    a = DAG("x")\n'}),
    ("the same id of another class", {
        "dags/a.py": DAG + 'a = DAG("x")\n',
        "dags/b.py": DAG + 'from os import path as DAG\nfrom mine import DAG\na = MAKE("x")\n'}),
    ("the same id in another operator", {
        "dags/a.py": DAG + 'a = DAG("x")\n', "dags/b.py": DAG + 'Trigger(dag_id="x")\n'}),
    ("a DAG function that is not called", {
        "dags/a.py": "from airflow.decorators import dag\n@dag\ndef x(): pass\nx()\n",
        "dags/b.py": "from airflow.decorators import dag\n@dag\ndef x(): pass\n"}),
    ("the same id in one file, under a condition", {
        "dags/a.py": DAG + 'if input():\n    a = DAG("x")\nelse:\n    a = DAG("x")\n'}),
    ("an id that other DAGs are triggered by", {
        "dags/a.py": DAG + 'DAG("x")\nTrigger(trigger_dag_id="x")\nWait(dag_id="x")\n'}),
    ("the same id of a DAG that no variable holds", {
        "dags/a.py": DAG + 'a = DAG("x")\n', "dags/b.py": DAG + 'DAG("x")\n'}),
    ("the same id of a DAG that another one takes the place of", {
        "dags/a.py": DAG + 'a = DAG("x")\na = DAG("y")\n',
        "dags/b.py": DAG + 'b = DAG("x")\ndef b(): pass\n',
        "dags/c.py": DAG + 'c = DAG("x")\nfor c in (): pass\n',
        "dags/d.py": DAG + 'd = DAG("x")\ndel d\n',
        "dags/e.py": DAG + 'e = DAG("x")\n'}),
    ("the same id of a DAG that is not registered", {
        "dags/a.py": DAG + 'a = DAG("x")\n',
        "dags/b.py": DAG + 'with DAG("x", auto_register=False): pass\n',
        "dags/c.py": DAG + 'with DAG("x", **{"auto_register": False}): pass\n'}),
    ("an ignored duplicate", {
        "dags/a.py": DAG + 'a = DAG("x")\n', "dags/b.py": DAG + 'a = DAG("x")\n',
        "dags/.airflowignore": "b.py\n"}),
    ("a syntax error elsewhere in the project", {"dags/a.py": DAG, "include/b.py": "x = ("}),
    ("an import under a condition of a broken file", {
        "dags/a.py": DAG + "try:\n    import include.b\nexcept SyntaxError:\n    pass\n",
        "include/b.py": "x = ("}),
]  # fmt: skip


@pytest.mark.parametrize("files", [pytest.param(files, id=name) for name, files in HEALTHY])
def test_healthy(tmp_path: Path, files: Files) -> None:
    static = StaticProject(tmp_path).write(files).check()
    assert told(static) == []
    assert static.checked.status == "passed"


FOUND: list[tuple[str, Files, list[str]]] = [
    ("a syntax error in a DAG file", {"dags/a.py": DAG + "def x(:\n"},
     ["dags/a.py:2:7 error dag-syntax"]),
    ("a template", {"dags/t.py": "{{ x }} = (\n"}, ["dags/t.py:1:11 warning dag-syntax"]),
    ("an ignored DAG file", {"dags/a.py": DAG + "x = (\n", "dags/.airflowignore": "a.py\n"},
     ["dags/a.py:2:5 warning dag-syntax"]),
    ("an ignored directory", {"dags/s/a.py": DAG + "x = (\n", "dags/.airflowignore": "s/\n"},
     ["dags/s/a.py:2:5 warning dag-syntax"]),
    ("what only compiling shows", {"dags/a.py": DAG + "return 1\n"},
     ["dags/a.py:2:1 error dag-syntax"]),
    ("a helper that a DAG file imports", {
        "dags/a.py": DAG + "from include.b import c\n", "include/b.py": "x = (\n"},
     ["include/b.py:1:5 error dag-syntax"]),
    ("a helper that a helper imports", {
        "dags/a.py": DAG + "import include.b\n", "include/b.py": "from . import c\n",
        "include/c.py": "from .d import (\n  e as f, # g\n)\n", "include/d.py": "x = (\n"},
     ["include/d.py:1:5 error dag-syntax"]),
    ("a package's own file", {
        "dags/a.py": DAG + "import mine.x\n", "plugins/mine/__init__.py": "x = (\n",
        "plugins/mine/x.py": ""}, ["plugins/mine/__init__.py:1:5 error dag-syntax"]),
    ("a helper beside the DAGs", {"dags/a.py": DAG + "import b\n", "dags/b.py": "x = (\n"},
     ["dags/b.py:1:5 error dag-syntax"]),
    ("an import within with", {
        "dags/a.py": DAG + 'with DAG("a"):\n    import b\n', "dags/b.py": "x = (\n"},
     ["dags/b.py:1:5 error dag-syntax"]),
    ("no UTF-8", {"dags/a.py": DAG.encode() + b"# ab\xe4\n"},
     ["dags/a.py:2:5 error dag-encoding"]),
    ("no UTF-8 in a file that is not parsed", {"dags/a.py": b"\xe4\n"},
     ["dags/a.py:1:1 warning dag-encoding"]),
    ("a null byte", {"dags/a.py": DAG.encode() + b"\nx\0\n"}, ["dags/a.py:3 error dag-encoding"]),
    ("an encoding that does not exist", {"dags/a.py": "# coding: klingon airflow dag\n"},
     ["dags/a.py error dag-encoding"]),
    ("bytes that the coding line does not allow",
     {"dags/a.py": b"# coding: ascii airflow dag\nx = '\xe4'\n"}, ["dags/a.py error dag-encoding"]),
    ("2 MiB and more", {"dags/a.py": DAG + "#" * (2 << 20)}, ["dags/a.py error dag-too-large"]),
    ("an id that two files use", {
        "dags/a.py": DAG + 'a = DAG("x")\n',
        "dags/b.py": "from airflow.sdk import DAG as D\nwith D(dag_id='x') as d:\n    pass\n"},
     ["dags/a.py:2:5 error dag-duplicate-id", "dags/b.py:2:6 error dag-duplicate-id"]),
    ("an id that two DAG functions have", {
        "dags/a.py": "from airflow.decorators import dag\n@dag()\ndef x(): pass\nx()\n",
        "dags/b.py": "from airflow.sdk import dag\n@dag(\n  dag_id='x')\ndef y(): pass\nz = y()\n"},
     ["dags/a.py:4:1 error dag-duplicate-id", "dags/b.py:5:5 error dag-duplicate-id"]),
    ("an id that one file uses twice", {
        "dags/a.py": DAG + 'a = DAG("x")\nb = DAG(dag_id="x")\nc = DAG("y")\n'},
     ["dags/a.py:2:5 error dag-duplicate-id", "dags/a.py:3:5 error dag-duplicate-id"]),
    ("an id of a DAG that is entered and of one that a variable holds", {
        "dags/a.py": DAG + 'with DAG("x"):\n    b = 1\n',
        "dags/b.py": DAG + 'b: DAG = DAG("x")\nc = 2\n'},
     ["dags/a.py:2:6 error dag-duplicate-id", "dags/b.py:2:10 error dag-duplicate-id"]),
    ("a damaged zip file", {"dags/a.zip": b"PK\x03\x04" + b"\0" * 40 + b"PK\x05\x06" + b"\0" * 8 +
                            b"\xff\0\0\0" + b"\xff\0\0\0" + b"\0\0"},
     ["dags/a.zip error dag-bad-zip"]),
    ("a pattern that Airflow skips", {"dags/.airflowignore": "ok\n/\n"},
     ["dags/.airflowignore:2 warning airflowignore-pattern"]),
    ("a pattern that ends Airflow's search", {"dags/.airflowignore": "!\n"},
     ["dags/.airflowignore:1 error airflowignore-pattern"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "findings"), [pytest.param(files, found, id=name) for name, files, found in FOUND]
)
def test_found(tmp_path: Path, files: Files, findings: list[str]) -> None:
    static = StaticProject(tmp_path).write(files).check()
    assert told(static) == findings
    is_failed = any(" error " in finding for finding in findings)
    assert static.checked.status == ("failed" if is_failed else "passed")


def test_paths_start_at_the_repository_root(tmp_path: Path) -> None:
    project = StaticProject(tmp_path, directory="teams/ä\nb")
    static = project.write({"dags/a.py": DAG + "x = (\n"}).check()
    assert told(static) == ["teams/ä\nb/dags/a.py:2:5 error dag-syntax"]
    assert "\n" not in static.checked.findings[0].message


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    project = StaticProject(tmp_path)
    (project.root / "dags" / os.fsdecode(b"\xe4.py")).write_bytes(DAG.encode() + b"x = (\n")
    assert project.check().checked.findings[0].path == "dags/\udce4.py"


@pytest.mark.parametrize(
    ("source", "python", "is_error"),
    [
        ("match 1:\n    case _: pass\n", (3, 9), True),
        ("match 1:\n    case _: pass\n", (3, 10), False),
        ("match = 1\n", (3, 9), False),
        ("try: pass\nexcept* ValueError: pass\n", (3, 10), True),
        ("try: pass\nexcept* ValueError: pass\n", (3, 11), False),
        ("with (open(a) as b, open(c) as d): pass\n", (3, 9), False),
        ("x = [*a, *b]\n", (3, 9), False),
    ],
)
def test_the_python_of_the_runtime(
    tmp_path: Path, source: str, python: tuple[int, int], is_error: bool
) -> None:
    static = StaticProject(tmp_path).write({"dags/a.py": DAG + source}).check(python=python)
    assert (static.checked.status == "failed") is is_error
    if is_error:
        assert f"Python {python[0]}.{python[1]}" in static.checked.findings[0].message


@pytest.mark.skipif(OURS >= (3, 15), reason="this Python knows the syntax")
def test_syntax_that_is_newer_than_our_python_is_not_checked(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": DAG + "lazy import json\n"})
    newer = project.check(python=(3, 15)).checked
    assert (newer.status, newer.findings) == ("passed", ())
    assert newer.not_checked == (
        "dags/a.py: it may hold syntax of Python 3.15, which the Python that runs this check "
        "does not know",
    )
    assert told(project.check(python=OURS)) == ["dags/a.py:2:6 error dag-syntax"]


class TestZip:
    def zipped(self, members: dict[str, str]) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return stream.getvalue()

    def test_is_looked_into(self, tmp_path: Path) -> None:
        members = {"d.py": DAG + "x = (\n", "t.py": "x = (", "inner/e.py": DAG + "x = ("}
        project = StaticProject(tmp_path).write({"dags/a.bin": self.zipped(members)})
        static = project.check()
        assert told(static) == ["dags/a.bin error dag-syntax"]
        assert "(in d.py, line 2)" in static.checked.findings[0].message
        assert static.parsed == ("a.bin",)

    def test_of_much_air_is_not_unpacked(self, tmp_path: Path) -> None:
        packed = self.zipped({"d.py": DAG + "#" * (200 << 20)})
        project = StaticProject(tmp_path).write({"dags/a.zip": packed})
        assert told(project.check()) == ["dags/a.zip error dag-bad-zip"]


class TestMissingModules:
    FILES: ClassVar[Files] = {
        "Dockerfile": "FROM quay.io/astronomer/astro-runtime:13.1.0\nENV A=b\n",
        "requirements.txt": "# none\npandas[all]>=2 ; python_version > '3'\n",
        "dags/a.py": DAG + "import os, numpy.linalg\nfrom snowpark import x\nimport include.y\n",
        "include/y.txt": "",
    }

    def test_are_named(self, tmp_path: Path) -> None:
        static = StaticProject(tmp_path).write(self.FILES).check()
        assert told(static) == ["dags/a.py:3:1 warning dag-import"]
        assert "'snowpark'" in static.checked.findings[0].message

    @pytest.mark.parametrize(
        "also",
        [
            {"requirements.txt": "astro-anything\n"},
            {"requirements.txt": "-r other.txt\n"},
            {"requirements.txt": "pandas @ https://example.com/pandas.whl\n"},
            {"requirements.txt": b"\xff"},
            {"Dockerfile": "FROM x\nRUN pip install snowpark\n"},
            {"Dockerfile": ""},
            {"pyproject.toml": "[project]\n"},
            {"plugins/snowpark/x.py": ""},
            {"dags/a.py": DAG + "try:\n    import snowpark\nexcept ImportError:\n    pass\n"},
            {"dags/a.py": DAG + "def f():\n    import snowpark\n"},
        ],
    )
    def test_are_not_guessed(self, tmp_path: Path, also: Files) -> None:
        static = StaticProject(tmp_path).write({**self.FILES, **also}).check()
        assert told(static) == []

    def test_of_a_later_python(self, tmp_path: Path) -> None:
        project = StaticProject(tmp_path).write(
            {**self.FILES, "dags/a.py": DAG + "import telnetlib, tomllib\n"}
        )
        assert told(project.check(python=(3, 13))) == ["dags/a.py:2:1 warning dag-import"]
        assert "'telnetlib'" in project.check(python=(3, 13)).checked.findings[0].message
        assert "'tomllib'" in project.check(python=(3, 10)).checked.findings[0].message


def test_what_airflow_would_parse(tmp_path: Path) -> None:
    files: Files = {"dags/a.py": DAG, "dags/b.py": "x = 1", "dags/c.py": DAG,
                    "dags/d.yaml": "", "dags/e.py": "import airflow.sdk # Asset",
                    "dags/.airflowignore": "c.py\nd.yaml\n"}  # fmt: skip
    project = StaticProject(tmp_path).write(files)
    static = project.check()
    assert static.parsed == ("a.py", "e.py")
    assert static.ignored == {"c.py", "d.yaml"}
    assert static.checked.files == 4
    assert project.check(airflow=(2, 11)).parsed == ("a.py",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"dags/README": ""}, "dags holds no Python or zip file"),
        ({"dags/a.py": "x = 1"}, "dags holds no file that mentions both airflow and dag"),
        ({"dags/a.py": DAG, "dags/.airflowignore": "*\n"}, ".airflowignore considered"),
    ],
)
def test_no_dag_is_a_warning(tmp_path: Path, files: Files, message: str) -> None:
    checked = StaticProject(tmp_path).write(files).check().checked
    (found,) = checked.findings
    assert (found.rule, found.severity, checked.status) == ("dag-none", "warning", "passed")
    assert message in found.message


@pytest.mark.parametrize(
    ("files", "airflow", "reason"),
    [
        ({"dags/t.py": "x = (\n"}, (3, 1), "mention airflow and either dag or asset"),
        ({"dags/t.py": "x = (\n"}, (2, 11), "mention airflow and dag"),
        ({"dags/t.py": DAG + "x = (\n", "dags/.airflowignore": "t.py\n"}, (3, 1), ".airflowignore"),
    ],
)
def test_a_warning_about_a_broken_file_says_why_it_is_no_error(
    tmp_path: Path, files: Files, airflow: tuple[int, int], reason: str
) -> None:
    checked = StaticProject(tmp_path).write(files).check(airflow=airflow).checked
    (found,) = (found for found in checked.findings if found.rule == "dag-syntax")
    assert found.severity == "warning"
    assert "; only a warning, because " in found.message
    assert reason in found.message
