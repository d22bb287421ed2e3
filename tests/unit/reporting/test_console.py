"""What is said while a command works: plain in a log, drawn on a terminal."""

from __future__ import annotations

import io
import logging
import re
import threading
import time

import pytest

from astro_ci.ci import dialect_for
from astro_ci.reporting.console import Console, LogHandler
from astro_ci.reporting.live import Line, LiveRegion
from astro_ci.reporting.paint import paint
from astro_ci.reporting.phases import Phase, phases_text


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Screen:
    """A terminal, as far as the live lines use one."""

    def __init__(self, written: str) -> None:
        self.lines = [""]
        self.row = 0
        for piece in re.findall(r"\x1b\[\d*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
            self._take(piece)

    def _take(self, piece: str) -> None:
        match piece:
            case "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
                self.column = 0
            case "\r":
                self.column = 0
            case "\x1b[K":
                self.lines[self.row] = self.lines[self.row][: self.column]
            case "\x1b[2K":
                self.lines[self.row] = ""
                self.column = 0
            case "\x1b[1A":
                self.row -= 1
            case _:
                line = self.lines[self.row]
                self.column = getattr(self, "column", 0)
                after = line[self.column + len(piece) :]
                self.lines[self.row] = line[: self.column] + piece + after
                self.column += len(piece)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def console(*, is_live: bool = False, is_quiet: bool = False) -> tuple[Console, Clock]:
    clock, out = Clock(), Terminal() if is_live else io.StringIO()
    dialect = dialect_for("none", env={}, out=out)
    made = Console(out, dialect, is_live=is_live, is_quiet=is_quiet, now=clock)
    made.written = out.getvalue  # type: ignore[attr-defined]
    return made, clock


def written(made: Console) -> str:
    text: str = made.written()  # type: ignore[attr-defined]
    return text


def _fail_at(clock: Clock, seconds: float) -> None:
    clock.seconds = seconds
    raise KeyError


def test_a_log_has_plain_lines_with_times() -> None:
    made, clock = console()
    with made.phase(Phase.BUILD):
        made.note(Phase.BUILD, "step 1")
        clock.seconds = 65
    made.did(Phase.BUILD, "built the image")
    assert written(made) == "step 1\nbuilt the image in 1 min 5 s\n"


def test_times_are_kept_however_a_phase_ends() -> None:
    made, clock = console()
    with pytest.raises(KeyError), made.phase(Phase.SURVEY):
        _fail_at(clock, 2)
    assert phases_text(made.times) == "survey 2.0 s"


def test_a_log_hears_of_a_long_transfer_now_and_then() -> None:
    made, clock = console()
    with made.transfers() as transfer:
        report = transfer(Phase.PUSH)
        for done in range(1, 11):
            clock.seconds = done
            report(done * 1_000_000, 10_000_000)
    assert written(made) == "pushing the image: 5.0 MB of 10.0 MB, 5.0 s left\n"
    assert made.times[Phase.PUSH] == 10


def test_a_quiet_run_tells_only_what_must_be_known() -> None:
    made, _ = console(is_quiet=True)
    with made.group("a group"), made.phase(Phase.SURVEY):
        made.say("progress")
    made.tell("error: it failed")
    assert written(made) == "error: it failed\n"


def test_a_log_that_cannot_be_written_ends_no_deploy() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    out = Full()
    Console(out, dialect_for("none", env={}, out=io.StringIO()), is_live=False).say("x")


def test_what_is_said_stands_above_what_goes_on() -> None:
    made, clock = console(is_live=True)
    with made.phase(Phase.BUILD):
        made.say("first")
        made.note(Phase.BUILD, "[2/3] RUN make")
        clock.seconds = 3
        made.say("second")
        screen = Screen(written(made))
        assert screen.lines[:2] == ["first", "second"]
        assert "building the image  [2/3] RUN make" in screen.lines[2]
        assert screen.lines[2].endswith("3.0 s")
    made.did(Phase.BUILD, "built the image")
    assert [line for line in Screen(written(made)).lines if line] == [
        "first",
        "second",
        "✓ built the image in 3.0 s",
    ]


def test_transfers_side_by_side_have_a_line_each() -> None:
    made, clock = console(is_live=True)
    with made.transfers() as transfer:
        push, upload = transfer(Phase.PUSH), transfer(Phase.UPLOAD)
        clock.seconds = 10
        push(30_000_000, 60_000_000)
        upload(600, 600)
        made.say("x")
        lines = Screen(written(made)).lines
        assert "30.0 MB of 60.0 MB, 3.0 MB/s, 10 s left" in lines[1]
        assert "600 bytes of 600 bytes" in lines[2]
    assert [line for line in Screen(written(made)).lines if line] == ["x"]


def test_nobody_draws_while_somebody_is_asked() -> None:
    made, _ = console(is_live=True)
    with made.phase(Phase.SURVEY):
        with made.paused():
            made.say("Which Deployment?")
            assert Screen(written(made)).lines == ["Which Deployment?", ""]
        made.say("on")
        assert "comparing" in Screen(written(made)).lines[-1]


def test_nothing_is_left_of_the_lines_when_a_phase_ends() -> None:
    made, _ = console(is_live=True)
    before = set(threading.enumerate())
    for _ in range(3):
        with made.phase(Phase.SURVEY):
            pass
    drawn = written(made)
    assert Screen(drawn).lines == [""]
    time.sleep(0.3)  # in which the lines would be drawn three times
    assert written(made) == drawn
    assert set(threading.enumerate()) <= before, "the end of the process waits for no thread"


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
@pytest.mark.parametrize("is_plain", [False, True])
def test_a_line_fits_the_terminal(columns: int, is_plain: bool) -> None:
    line = Line("pushing the image", 0)
    line.detail = "[12/14] RUN pip install " + "x" * 200
    assert len(line.text(3700, columns, is_plain=is_plain)) <= columns
    line.done, line.total = 123_456_789, 987_654_321
    text = line.text(10, columns, is_plain=is_plain)
    assert len(text) <= columns
    assert "left" in text
    assert text.isascii() or not is_plain


def test_a_terminal_without_unicode_gets_ascii() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    region = LiveRegion(out, now=Clock(), columns=lambda: 80)
    region.remove(region.add("building the image"))
    assert region.mark == "ok"


@pytest.mark.parametrize(
    ("line", "coloured"),
    [
        ("deployed: DAGs only to prod in 1.0 s", "\x1b[1;32mdeployed\x1b[0m: DAGs only"),
        ("dev: failed: no", "dev: \x1b[1;31mfailed\x1b[0m: no"),
        ("    + dags/a.py  is under dags/", "    \x1b[32m+ dags/a.py\x1b[0m  is under"),
        ("  Commit          aaaaaaa", "  \x1b[2mCommit\x1b[0m  "),
        ("  Deployment", "  \x1b[2mDeployment\x1b[0m"),
        ("  Astro says no", "  Astro says no"),
        ("error: no", "\x1b[1;31merror\x1b[0m: no"),
        ("any line", "any line"),
    ],
)
def test_lines_have_their_colour_by_their_form(line: str, coloured: str) -> None:
    assert paint(line).startswith(coloured)
    assert re.sub(r"\x1b\[[\d;]*m", "", paint(line)) == line


def test_no_colour_comes_from_a_name() -> None:
    out = io.StringIO()
    made = Console(out, dialect_for("none", env={}, out=out), is_live=False, paint=paint)
    made.say("error: \x1b[32mgreen\x1b[0m")
    assert out.getvalue() == "\x1b[1;31merror\x1b[0m: green\n"


def test_nothing_of_other_threads_is_printed_once_the_end_is_told() -> None:
    err = io.StringIO()
    handler = LogHandler(Console(err, dialect_for("none", env={}, out=err), is_live=False))
    record = logging.makeLogRecord({"msg": "GET answered", "levelno": logging.INFO})
    handler.handle(record)
    handler.ignore_other_threads()
    other = threading.Thread(target=lambda: handler.handle(logging.makeLogRecord({"msg": "late"})))
    other.start()
    other.join()
    handler.handle(record)
    assert err.getvalue() == "GET answered\nGET answered\n"


def test_messages_are_folded_on_a_terminal_and_lines_of_other_programs_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True)
    console = Console(out, dialect_for("none", env={}, out=out), is_live=False)
    line = "collected 4 items, one of them skipped"
    console.say(line)
    console.quote(line)
    assert out.getvalue() == f"collected 4 items,\n  one of them\n  skipped\n{line}\n"
    quiet = Console(out, dialect_for("none", env={}, out=out), is_live=False, is_quiet=True)
    before = out.getvalue()
    quiet.quote(line)
    assert out.getvalue() == before
