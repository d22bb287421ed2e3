"""What the configuration says of remotes and of credentials, and that no command line shows it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from astro_ci.git import GitRepo
from astro_ci.git.settings import (
    Setting,
    has_header_for,
    header_settings,
    parse_settings,
    remote_urls,
    rewritten,
    with_settings,
)
from tests.integration.git_server import serve_git
from tests.repository import Repository

PASSWORD = "glpat-remote-p%40ssword"
URL = f"https://bot:{PASSWORD}@git.example.com:8443/acme/x.git"
CLEAN = "https://git.example.com:8443/acme/x.git"


def setting(key: str, value: str) -> Setting:
    return Setting(key=key, value=value, scope="local", file=".git/config")


@pytest.fixture
def command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Note the command line of every git, and of what git itself starts to speak HTTP."""
    log, core, bin_ = tmp_path / "command-lines", tmp_path / "core", tmp_path / "bin"
    real = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    core.mkdir()
    bin_.mkdir()
    for program in Path(real.stdout.strip()).iterdir():
        (core / program.name).symlink_to(program)
    noting = [core / "git-remote-http", bin_ / "git"]
    for script, program in zip(noting, [core / "git-remote-http", core / "git"], strict=True):
        there = program.resolve()
        script.unlink(missing_ok=True)
        script.write_text(f'#!/bin/sh\necho "$0 $*" >> {log}\nexec {there} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("GIT_EXEC_PATH", str(core))
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    return log


@pytest.mark.parametrize("way", ["in the remote's URL", "by url.<base>.insteadOf"])
def test_no_command_line_shows_a_password(tmp_path: Path, command_lines: Path, way: str) -> None:
    origin = Repository.create(tmp_path / "origin", {"a": "1"})
    base = origin.head
    origin.commit("second")
    clone = origin.clone(tmp_path / "clone", "--depth=1")
    with serve_git(tmp_path, "s3cr:t@word") as server:
        login = server.url.replace("//", "//x-access-token:s3cr%3At%40word@")
        url = login if way.startswith("in") else server.url
        clone.git("remote", "set-url", "origin", f"{url}/origin")
        if url != login:
            clone.git("config", f"url.{login}/.insteadOf", f"{server.url}/")
        command_lines.unlink()
        repo = GitRepo.open(clone.root, os.environ)
        assert repo.reaches_remote()
        assert repo.fetch_commit(base)
    shown = command_lines.read_text()
    assert "git-remote-http origin http://127.0.0.1" in shown
    assert "s3cr" not in shown


def test_a_password_goes_into_a_header() -> None:
    settings = [setting("remote.origin.url", URL)]
    assert dict(header_settings(settings, with_header=True)) == {
        f"url.{CLEAN}.insteadOf": URL,
        f"http.{CLEAN}.extraHeader": "Authorization: Basic Ym90OmdscGF0LXJlbW90ZS1wQHNzd29yZA==",
    }


def test_two_headers_would_be_refused() -> None:
    header = setting("http.https://git.example.com:8443/.extraheader", "Authorization: x")
    settings = [setting("remote.origin.url", URL), header]
    assert dict(header_settings(settings, with_header=True)) == {f"url.{CLEAN}.insteadOf": URL}


@pytest.mark.parametrize("url", ["git@host:x", "https://bot@host/x", "/a:b@c", "ssh://a:b@c/d", ""])
def test_what_has_no_password_for_http_stays(url: str) -> None:
    assert list(header_settings([setting("remote.o.url", url)], with_header=True)) == []


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("", True),
        ("https://git.example.com", True),
        ("https://git.example.com/", True),
        ("https://git.example.com/acme", True),
        ("https://*.example.com/", True),
        ("https://git.example.com:443/acme/x.git", True),
        ("https://git.example.com/acm", False),
        ("https://git.example.com/other", False),
        ("https://example.com/", False),
        ("https://*.com/", False),
        ("http://git.example.com/", False),
        ("https://git.example.com:8443/", False),
        ("https://bot@git.example.com/", False),
        ("https://[x", False),
    ],
)
def test_which_headers_are_for_a_url(tmp_path: Path, configured: str, expected: bool) -> None:
    """As git itself says, which needs the URL on its command line."""
    key = f"http.{configured}.extraheader" if configured else "http.extraheader"
    url = "https://git.example.com/acme/x.git"
    assert has_header_for([setting(key, "X: y")], url) is expected
    assert has_header_for([setting(key, "X: y"), setting(key, "")], url) is False
    if "[" not in configured:
        ask = ["git", "-c", f"{key}=X: y", "config", "--get-urlmatch", "http.extraheader", url]
        assert (subprocess.run(ask, cwd=tmp_path, capture_output=True).returncode == 0) is expected


def test_the_longest_start_is_replaced() -> None:
    settings = [setting("url.a.insteadof", "https://"), setting("url.b/.insteadof", "https://x/")]
    assert rewritten("https://x/y", settings) == "b/y"
    assert rewritten("git@x:y", settings) == "git@x:y"


def test_reads_what_git_lists() -> None:
    text = (
        "local\0file:.git/config\0remote.A.b.url\nx\ny\0"
        "command\0command line:\0core.bare\0"
        "local\0file:.git/config\0remote.A.b.url\nz\0"
    )
    found = parse_settings(text)
    assert [s.shape for s in found] == ["remote.*.url", "core.bare", "remote.*.url"]
    assert (found[0].file, found[1].file, found[1].value) == (".git/config", "", "true")
    assert remote_urls(found) == {"A.b": "x\ny"}


def test_settings_are_added_to_those_of_the_environment() -> None:
    env = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"}
    assert with_settings(env, [("d.e=f.g", "h")]) == {
        **env,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_1": "d.e=f.g",
        "GIT_CONFIG_VALUE_1": "h",
    }
    assert with_settings({}, []) == {}
