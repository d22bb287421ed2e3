"""What went wrong, read from the text of a traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from astro_ci.checks.parse.fault import read_fault, read_stack


def is_project(path: str) -> bool:
    return path.startswith("/p/")


def failing(source: str, path: str = "/p/dags/a.py") -> str:
    try:
        exec(compile(source, path, "exec"), {})  # noqa: S102
    except BaseException:
        return traceback.format_exc()
    raise AssertionError("did not fail")


def test_the_last_frame_within_the_project_is_the_place() -> None:
    fault = read_fault(failing("import json\n\njson.loads('{')\n"), is_project)
    assert (fault.path, fault.line, fault.kind) == ("/p/dags/a.py", 3, "JSONDecodeError")
    assert fault.message.startswith("Expecting property name")
    assert fault.detail.splitlines()[0].strip() == 'File "/p/dags/a.py", line 3, in <module>'
    assert "json/decoder.py" in fault.detail


def test_a_syntax_error_has_the_line_that_python_names() -> None:
    fault = read_fault(failing("x = 1\ndef f(:\n"), is_project)
    assert (fault.path, fault.line, fault.summary) == (
        "/p/dags/a.py",
        2,
        "SyntaxError: invalid syntax",
    )


def test_of_chained_exceptions_the_last_counts() -> None:
    source = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e\n"
    fault = read_fault(failing(source), is_project)
    assert (fault.line, fault.summary) == (4, "KeyError: 'k'")


def test_of_a_message_of_several_lines_the_first_is_the_summary() -> None:
    fault = read_fault(failing("raise ValueError('one\\ntwo')\n"), is_project)
    assert fault.summary == "ValueError: one"
    assert "two" in fault.detail


def test_an_exception_group_is_read() -> None:
    source = "raise ExceptionGroup('several', [ValueError('one')])\n"
    fault = read_fault(failing(source), is_project)
    assert (fault.path, fault.line) == ("/p/dags/a.py", 1)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("AirflowDagCycleException: Cycle detected", "AirflowDagCycleException: Cycle detected"),
        ("airflow.exceptions.AirflowException: no", "AirflowException: no"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        ("something without a type", "something without a type"),
        ("", ""),
    ],
)
def test_a_text_without_frames_has_no_place(text: str, summary: str) -> None:
    fault = read_fault(text, is_project)
    assert (fault.path, fault.line, fault.summary) == (None, None, summary)


def test_a_long_traceback_keeps_its_end() -> None:
    text = failing("def f(n):\n    return f(n + 1) if n < 900 else 1 / 0\nf(0)\n")
    detail = read_fault(text + "x" * 10_000 + "\nValueError: end", is_project).detail
    assert len(detail) <= 4001
    assert detail.endswith("ValueError: end")


def test_the_newest_frame_of_a_dump_comes_first() -> None:
    dump = (
        "Fatal Python error: Segmentation fault\n\n"
        "Thread 0x1 (most recent call first):\n"
        '  File "/p/dags/thread.py", line 9 in run\n\n'
        "Current thread 0x2 (most recent call first):\n"
        '  File "/usr/lib/python3.11/ctypes/__init__.py", line 519 in string_at\n'
        '  File "/p/dags/a.py", line 4 in boom\n'
        '  File "/p/dags/a.py", line 5 in <module>\n'
    )
    assert read_stack(dump, is_project) == ("/p/dags/a.py", 4)
    assert read_stack("", is_project) is None


def test_frames_of_our_stand_ins_are_left_out() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/p/dags/a.py", line 2, in <module>\n'
        '    Variable.get("x", default="y")\n'
        '  File "/work/astro_ci_inside/standins.py", line 88, in asked\n'
        "    raise TypeError()\n"
        "TypeError: no\n"
    )
    fault = read_fault(text, is_project)
    assert "standins" not in fault.detail
    assert 'Variable.get("x", default="y")' in fault.detail
    assert fault.detail.endswith("\nTypeError: no")


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    fault = read_fault(failing("1 / 0", '/p/dags/a "b", line 7, in c.py'), is_project)
    assert fault.kind == "ZeroDivisionError"
    assert fault.line in (1, 7)
