"""A deploy as a CI system runs it: a process that is watched, killed, searched for secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from astro_ci.model import Deployment
from astro_ci.sandbox import Sandbox
from tests import forked
from tests.integration.stage import FILES, Run, Stage
from tests.repository import Repository, fingerprint

REMOTE_PASSWORD = "glpat-remote-password"
REMOTE = f"https://ci-job-token:{REMOTE_PASSWORD}@git.example.com/acme/airflow.git"
DEAD_ENGINE = "unix:///nonexistent/docker.sock"
SECONDS = 30.0
"""Longer than anything here takes; who waits this long has found a defect."""

SLOWNESS = 10
"""How many times slower than ours `slow_clock` runs."""
_EPOCH = time.time()

_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+")
_SECRET_VARIABLES = ("ASTRO_API_TOKEN", "ASTRONOMER_KEY_SECRET")


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for something that another process or thread brings about."""
    deadline = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def slow_clock() -> float:
    """The time of a sandbox whose tokens last ten times as long as they say.

    A client that renews a token in time has it renewed by its own clock; a busy machine that keeps
    the client waiting has no token run out.
    """
    return _EPOCH + (time.time() - _EPOCH) / SLOWNESS


class Held:
    """The next request with this method and path is kept back until it is let go."""

    def __init__(
        self,
        astro: Sandbox,
        method: str,
        path: str,
        *,
        status: int | None = None,
        times: int | None = 1,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        self._let_go = threading.Event()
        self._astro, self._method, self._path = astro, method, path
        self._answers_before = self._answers()
        self._fault = astro.faults.add(
            method,
            path,
            status=status,
            times=times,
            until=lambda: self._let_go.is_set() or until(),
        )

    def wait(self) -> None:
        """Wait until the request has come."""
        wait_until(lambda: self._fault.hits > 0)

    def let_go(self) -> None:
        """Let the request have its answer."""
        self._let_go.set()

    def wait_for_the_answer(self) -> None:
        """Let the request go, and wait until Astro is done with it, whoever still listens."""
        self.let_go()
        wait_until(lambda: self._answers() > self._answers_before)

    def _answers(self) -> int:
        return sum(
            line.method == self._method and re.search(self._path, line.path) is not None
            for line in list(self._astro.requests)
        )


class Process:
    """A command under way, whose standard error is read as it comes."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen
        self._lines: list[bytes] = []
        self._news = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, text: str) -> None:
        """Wait until a line with this text was printed."""
        with self._news:
            seen = self._news.wait_for(lambda: self._is_over or self._has(text), SECONDS)
        assert seen, f"no {text!r} in {b''.join(self._lines)!r}"
        assert self._has(text), f"it ended without {text!r}: {b''.join(self._lines)!r}"

    def signal(self, number: int) -> None:
        """Send a signal to this process alone, as a CI system does."""
        self.popen.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end: exit code, standard output, standard error."""
        assert self.popen.stdout
        out = self.popen.stdout.read()
        self.popen.stdout.close()
        code = self.popen.wait(SECONDS)
        self._reader.join(SECONDS)
        return code, os.fsdecode(out), os.fsdecode(b"".join(self._lines))

    def _has(self, text: str) -> bool:
        return any(text.encode() in line for line in self._lines)

    def _read(self) -> None:
        assert self.popen.stderr
        with self.popen.stderr as stream:
            for line in stream:
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._is_over = True
            self._news.notify_all()


@dataclass
class Job(Stage):
    """A stage whose runs are searched for secrets and for what they leave behind.

    The checkout's remote holds a password, as GitLab's does, and every run is a verbose one.
    """

    @classmethod
    def prepare(cls, directory: Path, astro: Sandbox, files: Mapping[str, str] = FILES) -> Job:
        """Put a project beside a sandbox, with a temporary directory and a home of its own."""
        project = Repository.create(directory / "project", dict(files))
        project.git("remote", "add", "origin", REMOTE)
        job = cls(astro, project)
        job.tmp.mkdir()
        job.home.mkdir()
        return job

    @property
    def tmp(self) -> Path:
        """The only place that a run may write to, and leaves as it was."""
        return self.project.root.parent / "tmp"

    @property
    def home(self) -> Path:
        """The home of the job's user, where nothing is to be written."""
        return self.project.root.parent / "home"

    # --- running -------------------------------------------------------------------------------

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Process:
        """Begin `python -m astro_ci`; without a pipe for input, as in CI."""
        popen = subprocess.Popen(
            [sys.executable, "-m", "astro_ci", *arguments],
            cwd=self.project.root,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return Process(popen)

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """All variables of a run."""
        return {
            **os.environ,
            "TMPDIR": str(self.tmp),
            "HOME": str(self.home),
            "ASTRO_CI_VERBOSE": "1",
            **(self.env if env is None else env),
        }

    def finish(
        self,
        process: Process,
        *,
        env: Mapping[str, str] | None = None,
        was_killed: bool = False,
    ) -> Run:
        """Wait for the end, and see that nothing was given away or left behind."""
        code, out, err = process.end()
        return self.searched(Run(code=code, out=out, err=err), env=env, was_killed=was_killed)

    def searched(
        self, run: Run, *, env: Mapping[str, str] | None = None, was_killed: bool = False
    ) -> Run:
        """See that a run gave nothing away, and left nothing behind."""
        self.search(run, self.env if env is None else env)
        assert "Traceback" not in run.err, run.err
        if not was_killed:
            assert list(self.tmp.rglob("*")) == [], "temporary files are gone"
        assert list(self.home.iterdir()) == [], "nothing is written to the user's home"
        return run

    def command(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        """Run the command line to its end."""
        done = forked.run(arguments, cwd=self.project.root, env=self.environment(env))
        out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
        return self.searched(Run(code=done.returncode, out=out, err=err), env=env)

    # --- looking -------------------------------------------------------------------------------

    def search(self, run: Run, env: Mapping[str, str]) -> None:
        """Fail when a secret was printed, or sent to Astro's history, which many can read."""
        masks = [line for line in run.err.splitlines() if line.startswith("::add-mask::")]
        assert not masks or env.get("GITHUB_ACTIONS") == "true", masks
        shown = run.out + "".join(line for line in run.err.splitlines() if line not in masks)
        history = os.fsdecode(msgspec.json.encode([self.astro.deploys(n) for n in self.names]))
        known = [env.get(name, "") for name in _SECRET_VARIABLES]
        known += [self.astro.token, self.astro.key_secret, REMOTE_PASSWORD, "sig="]
        for text in (shown, history):
            for secret in filter(None, known):
                assert secret not in text
            assert not _JWT.search(text)

    @property
    def names(self) -> list[str]:
        """The names of the sandbox's Deployments."""
        return [str(one["name"]) for one in self.astro.deployments]

    def running(self) -> list[Deployment]:
        """What every Deployment is, down to the last field."""
        return [self.astro.deployment(name) for name in self.names]

    def checkout(self) -> dict[str, tuple[int, bytes]]:
        """Every file of the checkout, and of git's own but its objects."""
        return fingerprint(self.project.root)

    def refused(self, code: int, message: str, hint: str, *arguments: str, env: Any = None) -> Run:
        """Deploy, and expect this refusal, with nothing changed."""
        before = (self.running(), self.checkout())
        run = self.command("deploy", *arguments, env=env)
        assert (self.running(), self.checkout()) == before
        assert run.code == code, run.err
        assert re.search(f"error: .*{message}", run.err), run.err
        assert re.search(f"hint: .*{hint}", run.err), run.err
        assert run.err.endswith("outcome: failed\n")
        return run

    def assert_runs_the_checkout(self, name: str = "production") -> None:
        """Compare what runs with what is checked out, byte for byte."""
        assert self.running_dags() == self.checked_out_dags()
        assert self.astro.deployment(name).status == "HEALTHY"
