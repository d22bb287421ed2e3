"""What a process does after a signal, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from git import Repo

HANGING = """
import os, signal, sys, threading, time
from astro_ci.terminal import signals as module
module.CANCELLED_SECONDS, module.CLEANING_SECONDS = 0.3, 0.1
signals = module.Signals()
signals.install()
signals.tell = lambda number: print("told of", number, flush=True)
signals.clean_up = lambda: print("cleaned up", flush=True)
try:
    with signals:
        os.kill(os.getpid(), NUMBER)
        time.sleep(60)
except KeyboardInterrupt:
    threading.Lock().acquire() and threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_hangs_after_the_first_signal_is_ended(number: signal.Signals) -> None:
    script = HANGING.replace("NUMBER", str(int(number)))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (128 + number, f"told of {number:d}\ncleaned up\n")


TELLING = """
import os, signal, time
from astro_ci.terminal import signals as module
module.CANCELLED_SECONDS = 0.1
signals = module.Signals()
signals.install()
with signals:
    pass
os.kill(os.getpid(), signal.SIGTERM)  # too late to change anything
time.sleep(1)
print("told")
"""


def test_what_is_told_after_the_end_is_not_cut_short() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TELLING], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr


READING = """
import os, pathlib, signal, sys
from astro_ci.git.described import describe
from astro_ci.terminal import signals as module
signals = module.Signals()
signals.install()
def interrupt(frame, event, argument):
    if event == "call" and frame.f_code.co_qualname == CONSTRUCTOR:
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGTERM)
sys.setprofile(interrupt)
try:
    with signals:
        describe(pathlib.Path(ROOT))
        signals.check()
except module.Stopped:
    print("stopped")
"""


@pytest.mark.parametrize("constructor", ["GitConfigParser.__init__", "SectionConstraint.__init__"])
def test_nothing_of_gitpython_is_left_half_set_up(tmp_path: Path, constructor: str) -> None:
    # A destructor that finds an attribute missing prints a traceback on the error stream.
    with Repo.init(tmp_path) as repo:
        repo.create_remote("origin", "https://example.com/team/project.git")
    script = READING.replace("CONSTRUCTOR", repr(constructor)).replace("ROOT", repr(str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")
