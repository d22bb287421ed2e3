"""An engine behind SSH: which command is run for an address, and what comes of it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from astro_ci.errors import DockerError
from astro_ci.image.engine import connect
from astro_ci.image.over_ssh import OverSSH


def fake_ssh(directory: Path, script: str) -> dict[str, str]:
    """Put an `ssh` on PATH that writes its arguments down and goes on with the script."""
    command = directory / "ssh"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {directory}/arguments\n{script}\n')
    command.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin", "HOME": str(directory)}


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://host", ["--", "host", "docker", "system", "dial-stdio"]),
        ("ssh://me@host", ["-l", "me", "--", "host", "docker", "system", "dial-stdio"]),
        ("ssh://me@[::1]:22", ["-l", "me", "-p", "22", "--", "::1", "docker", "system"]),
        ("ssh://-oProxyCommand=x", ["--", "-oproxycommand=x", "docker"]),
        (
            "ssh://h/run/a'b.sock",
            ["--", "h", "docker", "--host", "unix://'/run/a'\\''b.sock'", "system", "dial-stdio"],
        ),
    ],
)
def test_the_command(tmp_path: Path, address: str, words: list[str]) -> None:
    tunnel = OverSSH(address, fake_ssh(tmp_path, "cat"))
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(tunnel.socket.removeprefix("unix://"))
            client.sendall(b"there and back")
            assert client.recv(100) == b"there and back"
    finally:
        tunnel.close()
    found = (tmp_path / "arguments").read_text().splitlines()
    start = found.index(words[0])
    assert found[start : start + len(words)] == words
    assert "BatchMode=yes" in found


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ssh://", "ssh://USER@HOST:PORT"),
        ("ssh://me:word-that-is-hidden@host", "without a password"),
        ("ssh://host?x=y", "ssh://USER@HOST:PORT"),
        ("ssh://host:port", "Port could not be"),
    ],
)
def test_an_address_that_is_none(tmp_path: Path, address: str, reason: str) -> None:
    env = {**fake_ssh(tmp_path, "cat"), "DOCKER_HOST": address}
    with pytest.raises(DockerError, match=reason) as caught:
        connect(env)
    assert "word-that-is-hidden" not in str(caught.value)
    assert caught.value.hint


def test_what_ssh_says_is_the_reason(tmp_path: Path) -> None:
    env = fake_ssh(tmp_path, "echo 'Host key verification failed.' >&2; exit 255")
    with pytest.raises(DockerError, match=r"ssh://me@host: Host key verification failed\."):
        connect({**env, "DOCKER_HOST": "ssh://me@host"})


def test_without_ssh(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match="there is no ssh command"):
        connect({"PATH": str(tmp_path), "HOME": str(tmp_path), "DOCKER_HOST": "ssh://host"})
