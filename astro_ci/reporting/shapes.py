"""Cross out texts that look like secrets, even unknown ones. Pure."""

from __future__ import annotations

import re

from astro_ci.reporting.needles import CROSSED_OUT
from astro_ci.text import Regex

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
_SHAPES = (
    (("@", "&#64;"), Regex(_LOGIN, re.IGNORECASE), "@"),
    (("=",), Regex(_PARAMETER, re.IGNORECASE), ""),
    (("authorization",), Regex(_HEADER, re.IGNORECASE), ""),
    (("eyj",), Regex(_JSON_WEB_TOKEN), ""),
)
"""Patterns, each with signs and the text after the secret. A match contains one of the signs in
lower case."""


def cross_out_shapes(text: str) -> str:
    """Cross out logins in URLs, signatures, headers that authorize, and JSON Web Tokens."""
    lowered = text.lower()
    for signs, pattern, after in _SHAPES:
        if any(sign in lowered for sign in signs):
            text = pattern.sub(rf"\1{CROSSED_OUT}{after}", text)
    return text
