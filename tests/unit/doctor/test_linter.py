"""The doctor says whether the optional linter of the static check is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.doctor.job import linter


def test_without_ruff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check = linter(tmp_path, {"PATH": str(tmp_path)})
    assert check.status == "not checked"
    assert check.message.startswith("ruff is not installed, so the static check does not look for")
    assert "`pip install ruff` adds it" in check.message


def test_with_ruff_outside_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (checkout := tmp_path / "checkout").mkdir()
    (command := tmp_path / "ruff").write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert linter(checkout, {"PATH": str(tmp_path)}).status == "ok"
    assert linter(tmp_path, {"PATH": str(tmp_path)}).status == "not checked", (
        "it is of the checkout"
    )
