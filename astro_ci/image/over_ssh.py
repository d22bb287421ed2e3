"""Connect to an engine over SSH as docker does: for each connection, `ssh` runs docker there.

The SDK needs another package for SSH, and does not read the user's configuration of `ssh`.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

_CONNECT_SECONDS = 20
_KILL_SECONDS = 2
_MOST_SAID = 4_000


class OverSSH:
    """A socket file whose connections lead to the engine of an `ssh://` address.

    Raises OSError when there is no `ssh` command, or when the address is invalid.
    """

    def __init__(self, host: str, env: Mapping[str, str]) -> None:
        self._command = _command(host, env)
        self._env = dict(env)
        self._directory = tempfile.TemporaryDirectory(prefix="astro-ci-ssh-")  # mode 0700
        self._log = Path(self._directory.name, "log")
        self._log.touch(mode=0o600)
        self._path = str(Path(self._directory.name, "engine"))
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self._path)
        self._server.listen()
        self._running: list[subprocess.Popen[bytes]] = []
        self._is_closing = False
        self.socket = f"unix://{self._path}"
        self._thread = threading.Thread(target=self._accept, name="docker-ssh", daemon=True)
        self._thread.start()

    @property
    def said(self) -> str:
        """The last line of the output of `ssh`, which says why it ended."""
        with self._log.open("rb") as file:
            text = file.read(_MOST_SAID).decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End every connection."""
        self._is_closing = True
        with socket.socket(socket.AF_UNIX) as last, suppress(OSError):
            last.connect(self._path)  # wakes the thread up
        self._thread.join()
        self._server.close()
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(_KILL_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._directory.cleanup()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                # ssh reads from the connection and writes to it directly.
                with connection, self._log.open("ab") as log:
                    if self._is_closing:
                        return
                    self._running = [one for one in self._running if one.poll() is None]
                    process = subprocess.Popen(
                        self._command,
                        env=self._env,
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=log,
                        start_new_session=True,
                    )
                    self._running.append(process)


def _command(host: str, env: Mapping[str, str]) -> list[str]:
    """Make the command for an address. Source: docker/cli, cli/connhelper."""
    ssh = shutil.which("ssh", path=env.get("PATH"))
    if ssh is None:
        raise FileNotFoundError(2, "there is no ssh command (package openssh-client)")
    try:
        parts = urlsplit(host)
        port = parts.port
    except ValueError as error:
        raise OSError(22, f"the address cannot be read: {error}") from error
    if not parts.hostname or parts.password or parts.query or parts.fragment:
        raise OSError(22, "an address of SSH is ssh://USER@HOST:PORT, without a password")
    user = ["-l", unquote(parts.username)] if parts.username else []
    there = ["docker"]
    if parts.path.strip("/"):
        there += ["--host", f"unix://{_quoted(parts.path)}"]
    return [
        *(ssh, "-o", f"ConnectTimeout={_CONNECT_SECONDS}", "-o", "BatchMode=yes", "-T"),
        *user,
        *(["-p", str(port)] if port else []),
        *("--", parts.hostname, *there, "system", "dial-stdio"),
    ]


def _quoted(path: str) -> str:
    """Quote a path for the shell at the other end."""
    return "'" + path.replace("'", "'\\''") + "'"
