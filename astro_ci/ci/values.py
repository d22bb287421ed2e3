"""Read untrusted CI variables: each function returns a usable value, or None for a missing value.

For CI systems, an empty text, `false`, `null` and unexpanded macros mean "not set". The other rules
accept only values that a git host can have produced, so that nothing else gets into git's
arguments, logs and links.
"""

from __future__ import annotations

import re
import unicodedata

from astro_ci.text import Regex

_NOT_SET = frozenset({"", "false", "null"})
# An unexpanded reference to an undefined variable: $(a.b) on Azure, ${A} or $A on GitLab,
# << a.b >> on CircleCI, %a.b% on TeamCity.
_UNEXPANDED = Regex(r"\$\(.*\)|\$\{.*\}|\$[A-Za-z_]\w*|<<.*>>|%.*%")
_SHA = Regex(r"[0-9a-fA-F]{7,64}")
_NUMBER = Regex(r"[1-9][0-9]{0,17}")
_WORD = Regex(r"[A-Za-z0-9_.-]{1,64}")
_SLUG = Regex(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+")
# Characters that git allows in no branch or tag; second, suffixes with a meaning for git.
# Source: git-check-ref-format(1), gitrevisions(7).
_NOT_IN_A_REF = Regex(r"[:?*\[\\]|\.\.|//")
_NOT_IN_A_NAME = Regex(r"[~^]|@\{|\.lock(?:/|$)|[/.]$")

_HOST = r"(?P<host>[A-Za-z0-9._-]+)"
_REST = r"(?P<rest>(?:[/?#][A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*)?)"
_URL = Regex(
    rf"(?P<scheme>https?|ssh|git)://(?:[^/?#\\]*@)?{_HOST}(?::(?P<port>[0-9]{{1,5}}))?{_REST}",
    re.IGNORECASE,
)
_SCP_LIKE = Regex(rf"[^/@\s]+@{_HOST}:(?P<path>[A-Za-z0-9_~.-][A-Za-z0-9_~./+-]*)")
_HIGHEST_PORT = 65535


def non_empty(raw: str) -> str | None:
    """Return the value without surrounding space; None when it means "not set"."""
    value = raw.strip()
    if value.lower() in _NOT_SET or _UNEXPANDED.fullmatch(value):
        return None
    return value


def sha(raw: str) -> str | None:
    """A commit id of 7 to 64 hex digits, in lower case; all zeros is git's "no commit"."""
    value = non_empty(raw)
    if value is None or not _SHA.fullmatch(value) or not value.strip("0"):
        return None
    return value.lower()


def branch(raw: str) -> str | None:
    """Return a branch name, from the name itself or from `refs/heads/...`."""
    value = non_empty(raw)
    if value is None:
        return None
    name = value.removeprefix("refs/heads/")
    return None if name.startswith("refs/") else _name(name)


def branch_ref(raw: str) -> str | None:
    """Return the branch name in a full `refs/heads/...`."""
    return branch(raw) if raw.strip().startswith("refs/heads/") else None


def tag(raw: str) -> str | None:
    """Return a tag name, from the name itself or from `refs/tags/...`."""
    value = non_empty(raw)
    if value is None:
        return None
    name = value.removeprefix("refs/tags/")
    return None if name.startswith("refs/") else _name(name)


def tag_ref(raw: str) -> str | None:
    """Return the tag name in a full `refs/tags/...`."""
    return tag(raw) if raw.strip().startswith("refs/tags/") else None


def base_ref(raw: str) -> str | None:
    """Return a commit id or an expression for a commit (`main~2`), but no range."""
    value = non_empty(raw)
    return _ref(value) if value is not None and value.strip("0") else None


def number(raw: str) -> str | None:
    """Return a positive decimal number: of a pull request, a build or a project."""
    value = non_empty(raw)
    return value if value is not None and _NUMBER.fullmatch(value) else None


def word(raw: str) -> str | None:
    """Return a word of the CI system, such as an event's name."""
    value = non_empty(raw)
    return value if value is not None and _WORD.fullmatch(value) else None


def slug(raw: str) -> str | None:
    """Return a repository's path on its git host: `owner/name`, or deeper."""
    value = non_empty(raw)
    return value if value is not None and _SLUG.fullmatch(value) else None


def web_url(raw: str) -> str | None:
    """Return an http(s) URL without user and password."""
    url = _without_userinfo(raw)
    return url if url is not None and url.startswith("http") else None


def repository_url(raw: str) -> str | None:
    """Return a repository's address without user, password, query and fragment.

    `git@host:path` becomes `ssh://host/path`, because without its user it would be no address.
    """
    value = non_empty(raw)
    if value is None:
        return None
    if scp_like := _SCP_LIKE.fullmatch(value):
        return f"ssh://{scp_like['host']}/{scp_like['path']}"
    url = _without_userinfo(re.split(r"[?#]", value, maxsplit=1)[0])
    # A remaining `@` is from a password with an unescaped `/`, so the host is wrong.
    return None if url is None or "@" in url else url.rstrip("/")


def _without_userinfo(raw: str) -> str | None:
    value = non_empty(raw)
    match = _URL.fullmatch(value) if value is not None else None
    if match is None or int(match["port"] or 0) > _HIGHEST_PORT:
        return None
    port = f":{match['port']}" if match["port"] else ""
    return f"{match['scheme'].lower()}://{match['host']}{port}{match['rest']}"


def _name(name: str) -> str | None:
    return None if _NOT_IN_A_NAME.search(name) else _ref(name)


def _ref(text: str) -> str | None:
    """Refuse texts that git would read as an option, and texts with control characters."""
    if not text or text.startswith("-") or _NOT_IN_A_REF.search(text):
        return None
    unfit = any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Zs") for c in text)
    return None if unfit else text
