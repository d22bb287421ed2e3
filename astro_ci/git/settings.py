"""Read git's configuration: values, their files, and settings of remotes and credentials. Pure."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from msgspec import Struct

LIST_SETTINGS = ("config", "-z", "--list", "--show-scope", "--show-origin", "--includes")
"""The git command whose output `parse_settings` reads."""
_PORTS = {"http": 80, "https": 443}


class Setting(Struct, frozen=True, kw_only=True):
    """One line of git's configuration."""

    key: str
    """Section and name in lower case; the subsection between them as written."""
    value: str
    scope: str
    """`system`, `global`, `local`, `worktree` or `command`; an included file has the scope of the
    including file."""
    file: str
    """The file of the setting, relative to the work tree; empty for the environment."""

    @property
    def shape(self) -> str:
        """The key with `*` in place of the subsection."""
        section, _, rest = self.key.partition(".")
        _, dot, name = rest.rpartition(".")
        return f"{section}.*.{name}" if dot else self.key

    @property
    def subject(self) -> str:
        """The key's subsection: a driver, a remote or a URL."""
        return self.key.partition(".")[2].rpartition(".")[0]


def parse_settings(text: str) -> list[Setting]:
    """Read the output of `LIST_SETTINGS`, in order; the last line with a key counts."""
    fields = text.split("\0")[:-1]
    found = []
    for scope, origin, line in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
        kind, _, file = origin.partition(":")
        key, equals, value = line.partition("\n")
        found.append(
            Setting(
                key=key,
                value=value if equals else "true",
                scope=scope,
                file=file if kind == "file" else "",
            )
        )
    return found


def last_value(settings: Sequence[Setting], key: str) -> str | None:
    """Return a key's last value, which counts; None when the key is not set."""
    return next((s.value for s in reversed(settings) if s.key == key), None)


def remote_urls(settings: Iterable[Setting]) -> dict[str, str]:
    """Map each remote to its first URL, from which git fetches."""
    found: dict[str, str] = {}
    for setting in settings:
        if setting.shape == "remote.*.url":
            found.setdefault(setting.subject, setting.value.strip())
    return found


def rewritten(url: str, settings: Iterable[Setting]) -> str:
    """Replace the start of a URL by the longest matching `url.<base>.insteadOf`."""
    matches = [
        (len(s.value), s.subject)
        for s in settings
        if s.shape == "url.*.insteadof" and s.value and url.startswith(s.value)
    ]
    if not matches:
        return url
    length, base = max(matches, key=lambda match: match[0])
    return f"{base}{url[length:]}"


def has_header_for(settings: Sequence[Setting], url: str) -> bool:
    """Whether an `http.extraHeader` is configured for a URL, as CI systems leave credentials."""
    asked = _split(url)
    if asked is None or asked.scheme not in _PORTS:
        return False
    values: dict[str, str] = {}
    for setting in settings:
        if setting.key == "http.extraheader" or (
            setting.shape == "http.*.extraheader" and _covers(setting.subject, asked)
        ):
            values[setting.key] = setting.value  # an empty value clears the earlier values
    return any(values.values())


def has_password(url: str, settings: Iterable[Setting]) -> bool:
    """Whether the remote's URL, after `insteadOf`, contains a password."""
    found = _split(rewritten(url, settings))
    return bool(found and found.scheme in _PORTS and found.password)


def header_settings(settings: Sequence[Setting], *, with_header: bool) -> Iterator[tuple[str, str]]:
    """Make settings that remove the passwords from the URLs of remotes.

    git puts the URL on the command line of its HTTP helper, where every user of the machine can
    read it. With `with_header`, a header carries the password instead, unless the configuration
    already has a header for that URL, because two such headers are refused.
    """
    for url in dict.fromkeys(remote_urls(settings).values()):
        parts = _split(rewritten(url, settings))
        if parts is None or parts.scheme not in _PORTS or not parts.password:
            continue
        host = parts.netloc.rpartition("@")[2]
        clean = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        yield f"url.{clean}.insteadOf", url
        if with_header and not has_header_for(settings, clean):
            login = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
            encoded = base64.b64encode(os.fsencode(login)).decode()
            yield f"http.{clean}.extraHeader", f"Authorization: Basic {encoded}"


def with_settings(env: Mapping[str, str], settings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Add settings to an environment, from which git reads them like `-c`, hidden from `ps`."""
    count = env.get("GIT_CONFIG_COUNT", "")
    number = int(count) if count.isdecimal() else 0
    found = dict(env)
    for key, value in settings:
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
        number += 1
    return {**found, "GIT_CONFIG_COUNT": str(number)} if number else found


def _covers(configured: str, asked: SplitResult) -> bool:
    """Whether an `http.<url>.*` setting applies to a URL. Source: git-config(1), http.<url>.*."""
    found = _split(configured)
    if found is None or found.scheme != asked.scheme or _port(found) != _port(asked):
        return False
    if found.username and found.username != asked.username:
        return False
    hosts = (found.hostname or "").split("."), (asked.hostname or "").split(".")
    if len(hosts[0]) != len(hosts[1]) or not all(map(fnmatchcase, hosts[1], hosts[0])):
        return False
    start = found.path.rstrip("/")
    return asked.path.rstrip("/") == start or asked.path.startswith(f"{start}/")


def _split(url: str) -> SplitResult | None:
    try:
        found = urlsplit(url)
        _ = found.port
    except ValueError:
        return None
    return found


def _port(url: SplitResult) -> int | None:
    return url.port or _PORTS.get(url.scheme)
