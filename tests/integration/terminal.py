"""Somebody at a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path


class Terminal:
    """Somebody at a terminal, who types all answers at once."""

    def __init__(self, directory: Path, *words: str, answers: str, **env: str) -> None:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "astro_ci", *words],
            cwd=directory,
            env={**os.environ, "TERM": "dumb", **env},
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
        )
        os.close(follower)
        os.write(leader, answers.encode())
        assert process.stdout
        self.out = process.stdout.read().decode()
        process.stdout.close()
        self.code = process.wait()
        self.asked = self._read(leader)
        os.close(leader)

    def _read(self, leader: int) -> str:
        found = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # how Linux says that the other side is gone
                return found.decode()
            if not part:
                return found.decode()
            found += part
