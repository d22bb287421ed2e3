"""Stand-ins for the Variables and Connections that a DAG file reads while it is loaded.

Each call is checked against the signature of Airflow's own method, so a call that Airflow refuses
is refused here too. The answer is the value of AIRFLOW_VAR_* or AIRFLOW_CONN_*, else the default
of the call, else a made-up value. No secrets backend and no database is asked.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from typing import Any, Callable, Dict

from .generous import Generous

_DEFAULTS = ("default", "default_var")
_TEXT = "stand-in"
_HERE = os.path.dirname(os.path.abspath(__file__))

Use = Dict[str, Any]


class StandIns:
    """Answers calls in place of Airflow, and records each call as a `Use`."""

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._uses: dict[tuple[str, str, bool], Use] = {}
        self.is_generous = False
        """Answer with values that are text, number and JSON at once."""

    def reset(self, *, generous: bool) -> None:
        """Forget the calls of the previous file."""
        self._uses.clear()
        self.is_generous = generous

    @property
    def uses(self) -> list[Use]:
        """Return the recorded calls without duplicates."""
        return list(self._uses.values())

    def install(self) -> None:
        """Replace every method that reads a Variable or a Connection."""
        loads = json.loads
        json.loads = lambda text, *args, **kw: (
            text if isinstance(text, Generous) else loads(text, *args, **kw)
        )
        for variable, connection in self._classes():
            self._replace(variable, "get", self._get_variable)
            self._replace(variable, "setdefault", self._set_default)
            self._replace(variable, "get_variable_from_secrets", self._variable_or_none)
            for name in ("set", "update", "delete"):
                self._replace(variable, name, lambda owner, given: None)
            self._replace(variable, "keys", lambda owner, given: [])
            for name in ("get", "get_connection_from_secrets"):
                self._replace(connection, name, self._get_connection)
            self._replace(connection, "async_get", self._get_connection, is_async=True)
            self._answer_extra(connection)

    @staticmethod
    def _classes() -> list[tuple[Any, Any]]:
        from airflow.models.connection import Connection
        from airflow.models.variable import Variable

        found = [(Variable, Connection)]
        try:
            from airflow.sdk.definitions import connection, variable
        except ImportError:  # Airflow 2
            return found
        return [*found, (variable.Variable, connection.Connection)]

    def _replace(
        self, owner: Any, name: str, answer: Callable[..., Any], *, is_async: bool = False
    ) -> None:
        """Replace a method by `answer`, if this version of Airflow has the method."""
        original = owner.__dict__.get(name)
        if original is None:
            return
        signature = inspect.signature(getattr(owner, name))

        def asked(_owner: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"{owner.__name__}.{name}() {error}") from None
            return answer(owner, given)

        async def asked_async(_owner: Any, *args: Any, **kwargs: Any) -> Any:
            return asked(_owner, *args, **kwargs)

        function = functools.wraps(original.__func__)(asked_async if is_async else asked)
        setattr(owner, name, classmethod(function))

    def _get_variable(self, owner: Any, given: dict[str, Any]) -> Any:
        key, is_json = str(given["key"]), bool(given.get("deserialize_json"))
        text = os.environ.get("AIRFLOW_VAR_" + key.upper())
        if text is not None:
            return json.loads(text) if is_json else text
        defaults = [given[name] for name in _DEFAULTS if name in given]
        self._remember("variable", key, is_made_up=not defaults)
        if defaults:
            return defaults[0]
        if self.is_generous:
            return Generous()
        return {} if is_json else _TEXT

    def _set_default(self, owner: Any, given: dict[str, Any]) -> Any:
        return self._get_variable(owner, {**given, "default_var": given.get("default")})

    def _variable_or_none(self, owner: Any, given: dict[str, Any]) -> str | None:
        return os.environ.get("AIRFLOW_VAR_" + str(given["key"]).upper())

    def _get_connection(self, owner: Any, given: dict[str, Any]) -> Any:
        conn_id = str(given["conn_id"])
        text = os.environ.get("AIRFLOW_CONN_" + conn_id.upper())
        if text and text.lstrip().startswith("{"):
            return owner.from_json(text, conn_id=conn_id)
        if text:
            return owner(conn_id=conn_id, uri=text)
        self._remember("connection", conn_id, is_made_up=True)
        word: Any = Generous() if self.is_generous else _TEXT
        words = dict.fromkeys(("host", "login", "password", "schema"), word)
        return owner(conn_id=conn_id, conn_type="generic", port=1, extra="{}", **words)

    def _answer_extra(self, connection: Any) -> None:
        """Make the `extra` of a generous Connection have every key."""
        original = connection.__dict__["extra_dejson"]

        def extra(of: Any) -> Any:
            is_made_up = ("connection", of.conn_id, True) in self._uses
            return Generous() if self.is_generous and is_made_up else original.fget(of)

        connection.extra_dejson = property(extra)

    def _remember(self, kind: str, name: str, *, is_made_up: bool) -> None:
        use = (kind, name, is_made_up)
        if use not in self._uses:
            path, line = self._caller()
            self._uses[use] = {
                "kind": kind,
                "name": name,
                "made_up": is_made_up,
                "path": path,
                "line": line,
            }

    def _caller(self) -> tuple[str, int]:
        """Return the project's file and line that made the call; ("", 0) when there is none."""
        frame = sys._getframe(2)
        while frame is not None:
            path = frame.f_code.co_filename
            if self._is_project(path) and not path.startswith(_HERE):
                return path, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return "", 0
