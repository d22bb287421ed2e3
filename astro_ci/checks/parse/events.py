"""Read the journal of the process that loaded the DAG files.

DAG files ran in that process and may have changed the journal, so its content is not trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

Attempt = Literal["together", "alone", "generous"]


class Use(msgspec.Struct, frozen=True):
    """A Variable or Connection that a file read while it was loaded."""

    kind: Literal["variable", "connection"]
    name: str
    made_up: bool
    """True when the check made up a value; false when it used the default of the call."""
    path: str
    line: int


class Airflow(msgspec.Struct, frozen=True, tag_field="event", tag="airflow"):
    """The Airflow and the Python that load the files."""

    version: str | None
    python: str


class Files(msgspec.Struct, frozen=True, tag_field="event", tag="files"):
    """The files that Airflow would load, and the links that lead nowhere on Astro."""

    paths: tuple[str, ...]
    unreadable: tuple[str, ...]
    dangling: tuple[str, ...]


class Plugins(msgspec.Struct, frozen=True, tag_field="event", tag="plugins"):
    """The plugins that could not be loaded: an error text for each file."""

    errors: dict[str, str]


class Done(msgspec.Struct, frozen=True, tag_field="event", tag="done"):
    """A file was loaded, or raised an exception."""

    path: str
    attempt: Attempt
    limit: float
    seconds: float
    dag_ids: tuple[str, ...]
    errors: dict[str, str]
    uses: tuple[Use, ...]
    forks: int


class Crash(msgspec.Struct, frozen=True, tag_field="event", tag="crash"):
    """A file ended its process, or its process had to be killed."""

    path: str
    attempt: Attempt
    limit: float
    how: str
    """`timeout`, `killed-parent`, or a clause about the process: `it was ended by SIGSEGV`."""
    stack: str


class Failed(msgspec.Struct, frozen=True, tag_field="event", tag="failed"):
    """Airflow itself could not start."""

    message: str
    traceback: str


class End(msgspec.Struct, frozen=True, tag_field="event", tag="end"):
    """The last event."""


Outcome = Done | Crash
_Event = Airflow | Files | Plugins | Done | Crash | Failed | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """All events, grouped by kind."""

    airflow: Airflow | None
    files: Files | None
    plugins: Mapping[str, str]
    outcomes: Mapping[tuple[str, Attempt], Outcome]
    failed: Sequence[Failed]
    has_ended: bool

    @classmethod
    def read(cls, journal: bytes) -> Log:
        """Read the journal; skip every line that is not a valid event."""
        events = [event for line in journal.splitlines() if (event := _event(line)) is not None]
        outcomes = [event for event in events if isinstance(event, Done | Crash)]
        plugins = [event.errors for event in events if isinstance(event, Plugins)]
        return cls(
            airflow=next((event for event in events if isinstance(event, Airflow)), None),
            files=next((event for event in events if isinstance(event, Files)), None),
            plugins={path: text for errors in plugins for path, text in errors.items()},
            outcomes={(event.path, event.attempt): event for event in outcomes},
            failed=[event for event in events if isinstance(event, Failed)],
            has_ended=any(isinstance(event, End) for event in events),
        )

    def last(self, path: str) -> Outcome | None:
        """Return the outcome of a file's last attempt, or None when the file was never loaded."""
        attempts: tuple[Attempt, ...] = ("alone", "together")
        found = (self.outcomes.get((path, attempt)) for attempt in attempts)
        return next((outcome for outcome in found if outcome is not None), None)

    def generous(self, path: str) -> Done | None:
        """Return the successful attempt with `Generous` values, or None without such an attempt."""
        outcome = self.outcomes.get((path, "generous"))
        return outcome if isinstance(outcome, Done) and not outcome.errors else None


def _event(line: bytes) -> _Event | None:
    try:
        event: _Event = msgspec.json.decode(line, type=_Event)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return event
