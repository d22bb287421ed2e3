"""A BuildKit daemon, and engines that are reached over TCP and SSH; all real, and on loopback."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import pytest

MADE = Path.home() / ".cache" / "astro-ci-tests" / "builders"
"""What `.ci/builders.sh` makes."""
ENGINE = "/var/run/docker.sock"
_PATIENCE_SECONDS = 60.0
# Read before a test hides it.
_IS_REQUIRED = os.environ.get("ASTRO_CI_TEST_BUILDERS") == "1"
_ADVICE = "ASTRO_CI_TEST_BUILDERS=1 .ci/run makes it"


def _missing(what: str) -> NoReturn:
    """Skip a test for which something is missing, or fail it where builders are to be tested."""
    (pytest.fail if _IS_REQUIRED else pytest.skip)(f"there is {what} ({_ADVICE})")


def docker_config(directory: Path) -> Path:
    """Make a configuration of docker with the buildx plugin, apart from the user's."""
    plugin = MADE / "docker-buildx"
    if not plugin.exists():
        _missing("no buildx plugin")
    plugins = directory / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(plugin)
    return directory


@contextmanager
def buildkitd(directory: Path) -> Iterator[str]:
    """Start a daemon, and give its endpoint."""
    command = MADE / "buildkitd"
    if not command.exists() or not shutil.which("runc") or os.geteuid():
        _missing("no buildkitd, runc or root")
    directory.mkdir()
    place = directory / "buildkitd.sock"
    log = directory / "log"
    arguments = (
        *("--addr", f"unix://{place}", "--root", str(directory / "root")),
        *("--containerd-worker=false", "--oci-worker=true", "--oci-worker-snapshotter=native"),
    )
    with log.open("wb") as out, _process([str(command), *arguments], out.fileno()):
        _wait_for(place.exists, log)
        yield f"unix://{place}"


def add_builder(config: Path, name: str, endpoint: str) -> None:
    """Have docker know a builder of the driver `remote`."""
    subprocess.run(
        ["docker", "buildx", "create", "--name", name, "--driver", "remote", endpoint],
        env={**os.environ, "DOCKER_CONFIG": str(config)},
        check=True,
        capture_output=True,
    )


class _Forward(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            back = threading.Thread(target=_pump, args=(engine, self.request), daemon=True)
            back.start()
            _pump(self.request, engine)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def engine_over_tcp() -> Iterator[str]:
    """Give an address that leads to the engine's socket."""
    with _Server(("127.0.0.1", 0), _Forward) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def engine_over_ssh(directory: Path) -> Iterator[tuple[str, Path]]:
    """Give the address of the engine behind an SSH server, and a directory with `ssh` for PATH."""
    sshd, client = shutil.which("sshd", path="/usr/sbin:/usr/bin"), shutil.which("ssh")
    if not sshd or not client or os.geteuid():
        _missing("no sshd or root")
    directory.mkdir(mode=0o700)
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
        subprocess.run(make, check=True, capture_output=True)
    shutil.copy(directory / "user.pub", directory / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server, log = directory / "sshd_config", directory / "log"
    server.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {directory}/host\nPidFile none\n"
        f"AuthorizedKeysFile {directory}/authorized\nStrictModes no\nUsePAM no\n"
        f"PermitRootLogin yes\nSetEnv PATH={os.environ['PATH']}\n"
    )
    (directory / "ssh_config").write_text(
        f"Host *\nIdentityFile {directory}/user\nIdentitiesOnly yes\nStrictHostKeyChecking no\n"
        f"UserKnownHostsFile {directory}/known\nLogLevel ERROR\n"
    )
    (directory / "bin").mkdir()
    wrapper = directory / "bin" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {client} -F {directory}/ssh_config "$@"\n')
    wrapper.chmod(0o755)

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    with log.open("wb") as out, _process([sshd, "-D", "-e", "-f", str(server)], out.fileno()):
        _wait_for(answers, log)
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}", directory / "bin"


@contextmanager
def _process(argv: list[str], out: int, env: Mapping[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env)
    try:
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _wait_for(is_there: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_there():
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)


@contextmanager
def podman(directory: Path, registry: str) -> Iterator[str]:
    """Start Podman's Docker-compatible service, with images of its own; give its address."""
    command = shutil.which("podman")
    if not command:
        _missing("no podman")
    directory.mkdir()
    trusted = directory / "registries.conf"
    trusted.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    place, log = directory / "podman.sock", directory / "log"
    # Podman takes no more than 50 characters.
    run = tempfile.mkdtemp(prefix="podman-", dir="/tmp")
    stores = ("--root", str(directory / "root"), "--runroot", run)
    arguments = [
        *(command, *stores, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"),
        *("system", "service", "--time", "0", f"unix://{place}"),
    ]
    env = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(trusted)}
    try:
        with log.open("wb") as out, _process(arguments, out.fileno(), env):
            _wait_for(place.exists, log)
            yield f"unix://{place}"
    finally:
        shutil.rmtree(run, ignore_errors=True)
