"""What a text may import and define: the cheap look before any tree is built."""

from __future__ import annotations

import pytest

from astro_ci.checks.static.module import may_define, may_import


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a", {"a"}),
        ("import a.b as c, d # e", {"a.b", "d"}),
        ("from a import b", {"a", "a.b"}),
        ("from a import (\n b as c, # g)\n d,\n)\nimport e", {"a", "a.b", "a.d", "e"}),
        ("from . import x", {".", ".x"}),
        ("from .import x", {".", ".x"}),
        ("from.a import x", {".a", ".a.x"}),
        ("from ..a.b import x", {"..a.b", "..a.b.x"}),
        ("from a import *", {"a"}),
        ("from a import(b)", {"a", "a.b"}),
        ("x = 1; import y; from z import q", {"y", "z", "z.q"}),
        ("try: import k\nexcept ImportError: import m", {"k", "m"}),
        ("from a \\\n  import b, \\\n c\nimport d", {"a", "a.b", "a.c", "d"}),
        ("from a \\\r\n  import b\r\nimport d\r\n", {"a", "a.b", "d"}),
        ("import a\rimport b", {"a", "b"}),
        ("def f():\n\timport q", {"q"}),
        ("import", set()),
        ("reimport x\n_import y\nimportant = 1", set()),
        ("# import no\nto import foo\nx = 'import a'", set()),
    ],
)
def test_imports(text: str, found: set[str]) -> None:
    assert may_import(text.encode()) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('DAG("x")', ["x"]),
        ("with DAG(\n  dag_id='x') as dag: ...", ["x"]),
        ('a = DAG("x"), DAG( "x" )', ["x", "x"]),
        ('_DAG("x")\nTrigger(trigger_dag_id="x")\nDAG = "_"', []),
        ("@dag\ndef f(): ...", ["f"]),
        ("@airflow.decorators.dag(dag_id='g')\nasync def f(): ...", ["g", "f"]),
        ("@dag", []),
    ],
)
def test_dag_ids(text: str, found: list[str]) -> None:
    assert sorted(may_define(text.encode())) == sorted(found)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "x;import " * 200_000,
        "from a import (" * 100_000,
        "from a import \\\n" * 100_000,
        "import " + "a," * 500_000,
        "@dag" * 300_000,
        "DAG(" + " " * 1_000_000,
        "(" * 1_000_000 + "#" * 1_000_000,
    ],
    ids=lambda text: text[:15],
)
def test_a_long_text_takes_little_time(text: str) -> None:
    may_import(text.encode())
    may_define(text.encode())
