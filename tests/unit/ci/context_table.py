"""How the tables of these tests are written: one row per kind of run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from astro_ci.ci import CIContext, detect

A = "a" * 40
B = "b" * 40
C = "c" * 40
D = "d" * 40
ZEROS = "0" * 40

EVENT_PATH = "/run/event.json"

# What the tables do not repeat: constant for a system, or checked by `described` itself.
_LEFT_OUT = {"system", "key", "history_hint", "secret_hint", "concurrency_hint", "sources"}


def described(
    env: Mapping[str, str],
    event: object | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[str, dict[str, object]]:
    """Detect, and give the system's key and all that is said; what is absent is left out."""
    texts = {EVENT_PATH: json.dumps(event)} if event is not None else dict(files or {})
    context = detect(env, read_file=lambda path: _read(texts, path))
    said = {
        name: value
        for name in CIContext.__struct_fields__
        if name not in _LEFT_OUT and (value := getattr(context, name)) not in (None, False)
    }
    _check_sources(context, said, env, texts)
    return context.key, said


def _read(texts: Mapping[str, str], path: Path) -> str:
    if str(path) not in texts:
        raise FileNotFoundError(path)
    return texts[str(path)]


def _check_sources(
    context: CIContext,
    said: Mapping[str, object],
    env: Mapping[str, str],
    texts: Mapping[str, str],
) -> None:
    """Everything that is said names its source, and every source exists."""
    assert said.keys() - {"is_fork_pull_request"} <= context.sources.keys()
    for source in context.sources.values():
        in_file = any(source.rpartition(".")[2] in text for text in texts.values())
        assert source in env or in_file, source
