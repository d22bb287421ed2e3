"""The journal is written where DAG files run: whatever it holds, reading it is safe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.checks.parse.events import Crash, Done, Log

DONE: dict[str, Any] = {
    "event": "done",
    "path": "/p/dags/a.py",
    "attempt": "together",
    "limit": 30.0,
    "seconds": 0.1,
    "dag_ids": ["a"],
    "errors": {},
    "uses": [],
    "forks": 0,
}
CRASH = {
    "event": "crash",
    "path": "/p/dags/a.py",
    "attempt": "alone",
    "limit": 30.0,
    "how": "x",
    "stack": "",
}


def journal(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_a_later_attempt_counts_more() -> None:
    log = Log.read(journal(DONE, CRASH))
    assert isinstance(log.last("/p/dags/a.py"), Crash)
    assert isinstance(Log.read(journal(DONE)).last("/p/dags/a.py"), Done)
    assert log.last("/p/dags/b.py") is None


def test_an_attempt_with_generous_values_counts_when_it_went_well() -> None:
    generous = DONE | {"attempt": "generous"}
    assert Log.read(journal(generous)).generous("/p/dags/a.py")
    failed = generous | {"errors": {"/p/dags/a.py": "ValueError"}}
    assert Log.read(journal(failed)).generous("/p/dags/a.py") is None


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b'{"event": "done"}',
        b'{"event": "unknown"}',
        b"[]",
        b"\xff\xfe",
        b'{"event": "end"',
        b"[" * 5000,
    ],
)
def test_a_line_that_is_no_event_is_left_out(line: bytes) -> None:
    log = Log.read(line + b"\n" + journal(DONE))
    assert list(log.outcomes) == [("/p/dags/a.py", "together")]
    assert not log.has_ended


@given(st.binary())
def test_nothing_that_is_read_raises(data: bytes) -> None:
    assert Log.read(data).outcomes == {}
