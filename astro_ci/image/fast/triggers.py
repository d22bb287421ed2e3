"""Find the ONBUILD triggers of a base image that read other files of the project. Pure.

Triggers run before the project's own instructions. The triggers of Astro Runtime copy
`packages.txt`, `requirements.txt` and finally the whole project. The layer of any other trigger may
depend on any file, so it could become outdated if only the code layer is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from astro_ci.text import Regex, excerpt

USUAL = "usual"
"""The recorded text when the base image has only the usual triggers."""
_KNOWN = frozenset(("packages.txt", "requirements.txt"))
_HARMLESS = frozenset(
    (
        *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "SHELL"),
        *("STOPSIGNAL", "USER", "WORKDIR"),
    )
)
_MOUNT = Regex(r"--mount=(\S*)")
_OTHER_MOUNTS = frozenset(("cache", "secret", "ssh", "tmpfs"))
"""Types of mounts that contain no file of the project."""
_FLAGS_OF_CODE = ("--chown=",)


def other_triggers(triggers: Sequence[str]) -> Iterator[str]:
    """List the unusual triggers, shortened for a sentence."""
    copies = [number for number, text in enumerate(triggers) if _keyword(text) in ("COPY", "ADD")]
    last = copies[-1] if copies else -1
    for number, text in enumerate(triggers):
        if not _is_followed(text, is_last_copy=number == last):
            yield excerpt(text.strip())


def _is_followed(text: str, *, is_last_copy: bool) -> bool:
    keyword = _keyword(text)
    if keyword == "RUN":
        return all(_is_known_mount(found[1]) for found in _MOUNT.finditer(text))
    if keyword != "COPY":
        return keyword in _HARMLESS
    flags, paths = _arguments(text)
    sources = [path.removeprefix("./") for path in paths[:-1]]
    if is_last_copy:
        has_known_flags = all(flag.startswith(_FLAGS_OF_CODE) for flag in flags)
        return has_known_flags and [path.rstrip("/") for path in paths] == [".", "."]
    return bool(sources) and set(sources) <= _KNOWN


def _is_known_mount(options: str) -> bool:
    """Whether a mount of a RUN reads only files whose changes need a build anyway."""
    given = dict(option.partition("=")[::2] for option in options.split(","))
    source = given.get("source") or given.get("src") or ""
    return given.get("type", "bind") in _OTHER_MOUNTS or "from" in given or source in _KNOWN


def _keyword(text: str) -> str:
    return text.strip().partition(" ")[0].upper()


def _arguments(text: str) -> tuple[Sequence[str], Sequence[str]]:
    """Split a COPY into its flags and its paths; there are no paths when they cannot be read."""
    words = text.split()[1:]
    flags = [word for word in words if word.startswith("--")]
    rest = text.strip().partition(" ")[2]
    for flag in flags:
        rest = rest.replace(flag, "", 1)
    if not rest.strip().startswith("["):
        return flags, rest.split()
    try:
        paths = json.loads(rest)
    except (ValueError, RecursionError):
        return flags, ()
    return flags, [str(path) for path in paths] if isinstance(paths, list) else ()
