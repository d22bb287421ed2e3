"""Which interpreter has Airflow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from astro_ci.checks.runners import choose_runner, find_python
from astro_ci.errors import CheckFailedError, ConfigurationError


def command(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def with_airflow(directory: Path, name: str = "python3") -> Path:
    """An interpreter whose import path has a package of that name."""
    directory.joinpath("site/airflow").mkdir(parents=True, exist_ok=True)
    directory.joinpath("site/airflow/__init__.py").touch()
    script = f'#!/bin/sh\nPYTHONPATH={directory}/site exec {sys.executable} "$@"\n'
    return command(directory / "bin" / name, script)


def test_the_interpreter_of_the_command_comes_before_others_on_path(tmp_path: Path) -> None:
    other = with_airflow(tmp_path / "other", "python3.99")
    python = with_airflow(tmp_path / "first")
    env = {"PATH": str(python.parent)}
    assert find_python(env) == str(python)
    command(python.parent / "airflow", f"#!{other}\n")
    assert find_python(env) == str(other)


def test_a_python_without_airflow_is_passed_over(tmp_path: Path) -> None:
    bare = command(tmp_path / "bare/python3", f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    good = with_airflow(tmp_path / "good", "python")
    assert find_python({"PATH": f"{bare.parent}:{good.parent}"}) == str(good)
    assert find_python({"PATH": str(bare.parent)}) is None
    assert find_python({"PATH": str(tmp_path / "none")}) is None


def test_a_directory_of_that_name_in_the_checkout_is_not_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = command(tmp_path / "bin/python3", f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    tmp_path.joinpath("airflow").mkdir()
    tmp_path.joinpath("airflow/__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    assert find_python({"PATH": str(bare.parent)}) is None


def test_a_python_that_is_named_has_to_have_airflow(tmp_path: Path) -> None:
    bare = command(tmp_path / "bare", f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    with pytest.raises(CheckFailedError, match="has no Airflow"):
        find_python({"PATH": ""}, str(bare))
    with pytest.raises(CheckFailedError, match="is not a program"):
        find_python({"PATH": ""}, str(tmp_path / "none"))


def test_without_an_airflow_nothing_passes(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)}
    with (
        pytest.raises(CheckFailedError, match="there is no Airflow") as caught,
        choose_runner("auto", image="", python="", env=env, visible=env),
    ):
        pass
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(("kind", "image"), [("docker", ""), ("local", "x")])
def test_contradictions_are_refused(kind: str, image: str) -> None:
    with (
        pytest.raises(ConfigurationError),
        choose_runner(kind, image=image, python="", env={}, visible={}),  # type: ignore[arg-type]
    ):
        pass
