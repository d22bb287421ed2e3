"""A file of events, one JSON document a line, that survives what DAG files do to their process."""

from __future__ import annotations

import json
import os
from typing import Any, Dict

# Bound now: a DAG file may replace what a module holds.
_open, _write, _close, _dumps, _loads = os.open, os.write, os.close, json.dumps, json.loads

Event = Dict[str, Any]


class Journal:
    """Append-only. Opened for each event, as a DAG file may close or write to any descriptor."""

    def __init__(self, path: str) -> None:
        self._path = path

    def write(self, event: str, **values: Any) -> None:
        """Add an event in one write, so that processes do not mix their lines."""
        line = _dumps({"event": event, **values}) + "\n"
        descriptor = _open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            left = line.encode("ascii")
            while left:
                left = left[_write(descriptor, left) :]
        finally:
            _close(descriptor)

    def read(self, start: int = 0) -> list[Event]:
        """Return the events after so many bytes; a line that is not ours is left out."""
        try:
            with open(self._path, "rb") as file:
                file.seek(start)
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        return [event for event in map(_parsed, lines) if isinstance(event.get("event"), str)]

    def size(self) -> int:
        """How long the file is: it grows with every event."""
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
