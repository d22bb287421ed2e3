"""The secrets of a job, each different, and the spellings to look for."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+")
SIGNATURE = re.compile(r"\bsig=(?!\*\*\*)[^\s&]")


def _word(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(8)}"


def _hard(kind: str) -> str:
    """With what each way of writing spells in its own way."""
    return f'{kind}_-{secrets.token_hex(6)}/+="\\{kind}_'


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """What is to be seen nowhere, by kind."""

    token: str
    key_secret: str
    forge_token: str
    """The one that the test's forge knows."""
    remote_password: str = field(default_factory=lambda: _word("remote"))
    proxy_password: str = field(default_factory=lambda: _word("proxy"))
    registry_password: str = field(default_factory=lambda: _hard("registry"))
    index_password: str = field(default_factory=lambda: _word("index"))
    build_secret: str = field(default_factory=lambda: _hard("build"))
    secret_file: str = field(default_factory=lambda: _hard("netrc"))
    build_argument: str = field(default_factory=lambda: _word("argument"))
    api_password: str = field(default_factory=lambda: _word("api"))
    engine_password: str = field(default_factory=lambda: _word("engine"))
    lines: str = field(default_factory=lambda: f"{_word('first')}\n{_hard('second')}")

    def environment(self) -> dict[str, str]:
        """The variables of a job that hold them; those of a fault come on top."""
        return {
            "ASTRO_API_TOKEN": self.token,
            "HTTPS_PROXY": f"http://me:{self.proxy_password}@127.0.0.1:1",
            "NO_PROXY": "localhost,127.0.0.1",
            "PIP_INDEX_URL": f"https://__token__:{self.index_password}@index.example.com/simple",
            "NPM_CONFIG": self.build_secret,
            "SIGNING_KEY": self.lines,
        }

    def words(self) -> Iterator[tuple[str, str]]:
        """Each kind and its secret; of one with several lines, each line."""
        for kind in self.__dataclass_fields__:
            for line in str(getattr(self, kind)).splitlines():
                yield kind, line


def spellings(secret: str) -> set[str]:
    """How a secret would be found by somebody who looks for it."""
    basic = [f"{user}:{secret}" for user in ("cli", "me", "x-access-token", "")]
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        *(base64.b64encode(text.encode()).decode().rstrip("=") for text in (secret, *basic)),
    }


def found(canaries: Canaries, texts: Mapping[str, str]) -> list[str]:
    """Where a secret is to be seen: the place and the kind of secret, never the secret."""
    shown = []
    for place, text in texts.items():
        # A page shows character references as characters.
        seen = f"{text}\n{html.unescape(text)}".replace("\N{ZERO WIDTH SPACE}", "")
        shown += [
            f"{kind} in {place}"
            for kind, word in canaries.words()
            if any(spelling in seen for spelling in spellings(word))
        ]
        if JSON_WEB_TOKEN.search(seen):
            shown.append(f"a token in {place}")
        if SIGNATURE.search(seen):
            shown.append(f"a signature in {place}")
    return shown
