"""What is copied to where Airflow is: how it may be written, and the parts that need no Airflow."""

from __future__ import annotations

import ast
import json
import operator
import os
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import astro_ci.checks
from astro_ci.checks.parse.inside.generous import Generous
from astro_ci.checks.parse.inside.journal import Journal
from astro_ci.checks.parse.inside.surroundings import Surroundings

MODULES = sorted(Path(astro_ci.checks.__file__).parent.glob("*/inside/*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-3:]))
def test_modules_import_the_standard_library_and_airflow_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            assert top in sys.stdlib_module_names or top in ("airflow", "pytest"), name


def test_a_generous_value_is_text_number_and_json() -> None:
    value: Any = Generous()
    assert f"https://{value}/x" == "https://1/x"
    assert "a" + value + "b" == "a1b"
    assert int(value) + float(value) == 2
    assert list(range(value)) == [0]
    assert [1, 2][value] == 2
    assert (value + 1, 3 - value, value * 2, 4 / value) == (2, 2, 2, 4)
    assert value > 0
    assert value < 1.5
    assert value["a"]["b"].get("c").upper() == "1"
    assert value[0] == "1"
    assert "k" in value
    assert {**value} == {"1": "1"}
    assert [(key, of) for key, of in value.items()] == [("1", "1")]
    assert [name for name in value] == ["1"]
    assert json.loads(value) == 1
    assert value.split(",") == ["1"]
    assert timedelta(days=int(value)).days == 1
    assert isinstance(value, str)
    assert value
    with pytest.raises(TypeError):
        operator.sub(value, [])


def test_the_journal_survives_what_is_not_an_event(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "journal"))
    assert journal.read() == []
    assert journal.size() == 0
    journal.write("one", text="\n\udcff\x00é")
    size = journal.size()
    with tmp_path.joinpath("journal").open("ab") as file:
        file.write(b"\xff garbage\n[1]\n{}\n")
    journal.write("two")
    assert [event["event"] for event in journal.read()] == ["one", "two"]
    assert journal.read()[0]["text"] == "\n\udcff\x00é"
    assert [event["event"] for event in journal.read(size)] == ["two"]


def test_what_a_file_changed_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEPT", "1")
    known = set(sys.modules)
    before = Surroundings(lambda path: path.startswith(str(tmp_path)))
    tmp_path.joinpath("inner").mkdir()
    os.chdir("inner")
    os.environ["KEPT"] = "2"
    os.environ["ADDED"] = "1"
    sys.path.insert(0, str(tmp_path))
    for name, file in {"theirs_x": "/usr/lib/x.py", "ours_x": str(tmp_path / "x.py")}.items():
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__file__ = file
    sys.modules["package_x"] = ModuleType("package_x")
    sys.modules["package_x"].__path__ = [str(tmp_path / "package_x")]
    try:
        before.restore()
        assert Path.cwd() == tmp_path
        assert os.environ["KEPT"] == "1"
        assert "ADDED" not in os.environ
        assert str(tmp_path) not in sys.path
        assert set(sys.modules) - known == {"theirs_x"}
    finally:
        sys.modules.pop("theirs_x", None)
