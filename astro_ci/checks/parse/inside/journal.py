"""A file of events, one JSON document per line, that survives the end of any loading process."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

# Bound at import, because a DAG file may replace functions of these modules.
_open, _write, _close, _dumps, _loads = os.open, os.write, os.close, json.dumps, json.loads

Event = Dict[str, Any]


class Journal:
    """An append-only file, opened for each event: a DAG file may close or use any descriptor."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, event: str, **values: Any) -> None:
        """Add an event with one system call, so that lines of several processes do not mix."""
        line = _dumps({"event": event, **values}) + "\n"
        descriptor = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            left = line.encode("ascii")
            while left:
                left = left[_write(descriptor, left) :]
        finally:
            _close(descriptor)

    def read(self, start: int = 0) -> list[Event]:
        """Return the events after the first `start` bytes; skip every line that is not an event."""
        try:
            with open(self._path, "rb") as file:
                file.seek(start)
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        return [event for event in map(_parsed, lines) if isinstance(event.get("event"), str)]

    def size(self) -> int:
        """Return the file's length in bytes, which grows with every event."""
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return 0


def _parsed(line: bytes) -> Event:
    try:
        event = _loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
