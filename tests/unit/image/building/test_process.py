"""A command under way: its input, its output, its end."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.building.process import run_command


def run(script: str, feed: object = None, on_line: object = None) -> tuple[int, list[str]]:
    lines: list[str] = []
    code = run_command(
        ["/bin/sh", "-c", script],
        env={"PATH": "/usr/bin:/bin"},
        feed=feed,  # type: ignore[arg-type]
        on_line=on_line or lines.append,  # type: ignore[arg-type]
    )
    return code, lines


def test_a_command_gets_its_input_and_gives_both_outputs_and_its_code() -> None:
    def feed(out: IO[bytes]) -> None:
        out.write(b"from the thread\n" * 100_000)

    code, lines = run("wc -l; echo said >&2; printf 'caf\\351 '; exit 3", feed)
    assert code == 3
    assert lines[0].strip() == "100000"
    assert lines[1:] == ["said", "caf\N{REPLACEMENT CHARACTER} "]


def test_input_that_is_not_read_to_its_end_is_no_error() -> None:
    assert run("exit 5", lambda out: out.write(b"x" * 10_000_000))[0] == 5


def test_input_that_breaks_off_stops_the_command_before_it_can_take_it_for_whole(
    tmp_path: Path,
) -> None:
    taken = tmp_path / "taken"

    def feed(out: IO[bytes]) -> None:
        out.write(b"half")
        out.flush()
        raise ProjectError("the file shrank")

    with pytest.raises(ProjectError, match="the file shrank"):
        run(f"cat > /dev/null; touch {taken}", feed)
    assert not taken.exists()


def test_an_exception_while_reading_stops_the_command_and_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    script = f"trap '' TERM; sleep 300 & echo $$ $! > {pids}; echo go; wait; sleep 300"
    with pytest.raises(KeyboardInterrupt):
        run(script, lambda out: out.write(b"x" * 10_000_000), interrupt)
    assert time.monotonic() - started < 60
    for pid in pids.read_text().split():
        done = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
        assert done.stdout.strip()[:1] in ("", "Z"), "gone, or a zombie"


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(DockerError, match="/no/such/docker could not be started"):
        run_command(["/no/such/docker"], env={}, feed=None, on_line=print)
