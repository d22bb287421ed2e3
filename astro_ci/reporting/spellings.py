"""The spellings of a secret in texts that quote it. Pure."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from astro_ci.text import printable

_PLAIN = frozenset(string.ascii_letters + string.digits + "_.-~")
_URL_SAFE = str.maketrans("+/", "-_")


def spellings(secret: str) -> Iterator[str]:
    """Return the spellings: plain, in base64 (also in a longer text), URL, JSON, Python.

    JSON within JSON counts too: an error may quote the answer of a service.
    """
    yield secret
    raw = _bytes(secret)
    for encoded in _in_base64(raw):
        yield encoded
        yield encoded.translate(_URL_SAFE)
    if not _PLAIN.issuperset(secret):
        yield from _in_urls(raw)
        yield from _escaped(secret)


def markdown_spellings(secret: str) -> Iterator[str]:
    """Return a secret's spellings in the Markdown of summaries and comments."""
    from astro_ci.reporting.markdown.escaping import code, escape

    for edge in (" ", "x"):
        yield escape(f"x{edge}{secret}{edge}x")[2:-2]
        yield escape(f"{secret}{edge}x")[:-2]
        yield code(f"{edge}{secret}{edge}")[len(f"<code>{edge}") : -len(f"{edge}</code>")]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a pair
        return text.encode("utf-8", "surrogatepass")


def _in_base64(raw: bytes) -> Iterator[str]:
    """Return the parts that every base64 of a text with the secret has, one for each offset."""
    for before, mixed in enumerate((0, 2, 3)):
        padded = bytes(before) + raw
        whole = len(padded) - len(padded) % 3
        yield base64.b64encode(padded[:whole]).decode()[mixed:]


def _in_urls(raw: bytes) -> Iterator[str]:
    for encoded in (quote(raw, safe=""), quote(raw), quote(raw, safe="/:?#@!$&'*+,;=~%")):
        yield encoded
        yield _small_escapes(encoded)
    yield quote_plus(raw)


def _small_escapes(encoded: str) -> str:
    """Return the spelling with small letters in escapes: `%2f` for `%2F`."""
    first, *others = encoded.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in others)])


def _escaped(secret: str) -> Iterator[str]:
    once = json.dumps(secret)[1:-1]
    yield once
    yield json.dumps(once)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield printable(secret)
