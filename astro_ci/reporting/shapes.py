"""Cross out texts that look like secrets, even unknown ones. Pure."""

from __future__ import annotations

import functools
import re

from astro_ci.reporting.needles import CROSSED_OUT

# In Markdown, a colon before slashes and an at sign are character references.
_AT = "(?:@|&#64;)"
_USER = r"(?:(?!&#64;)[^/\s@])"
_TOKEN = r"(?:[A-Za-z0-9_-]|&#95;|&#45;)"  # noqa: S105 - a pattern
# The user and the password of a URL, or a token in place of both. `git` is no secret.
_LOGIN = rf"((?::|&#58;)\\?/\\?/)(?!git{_AT}){_USER}+{_AT}\u200b?(?:{_USER}*{_AT})*"
_PARAMETER = (
    r"\b((?:sig|signature|x-amz-signature|x-amz-security-token|access_token|private_token"
    r"|refresh_token|client_secret)=)[^&\s\"'<>]+"
)
_HEADER = r"(authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:basic|bearer|token)\s+)[^\s\"'\\,;]+"
_JSON_WEB_TOKEN = rf"(?<![A-Za-z0-9_-])()eyJ{_TOKEN}{{6,}}\.{_TOKEN}{{6,}}\.{_TOKEN}*"


def cross_out_shapes(text: str) -> str:
    """Cross out logins in URLs, signatures, headers that authorize, and JSON Web Tokens."""
    for sign, pattern, after in _patterns():
        if sign in text:
            text = pattern.sub(rf"\1{CROSSED_OUT}{after}", text)
    return text


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Return patterns, each with a text in every match, and the text after the secret."""
    return (
        ("/", re.compile(_LOGIN, re.IGNORECASE), "@"),
        ("=", re.compile(_PARAMETER, re.IGNORECASE), ""),
        ("uthorization", re.compile(_HEADER, re.IGNORECASE), ""),
        ("eyJ", re.compile(_JSON_WEB_TOKEN), ""),
    )
