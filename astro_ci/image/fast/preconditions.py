"""Whether a code layer may be replaced, from what is known without the registry. Pure.

Each function gives the reasons why not, as clauses; no reason means that it may.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from astro_ci.image.fast.dockerfile import more_than_metadata
from astro_ci.image.fast.triggers import USUAL
from astro_ci.model import Change, Part
from astro_ci.paths import below
from astro_ci.planning.marker import NO_DIGEST
from astro_ci.planning.running import Running
from astro_ci.text import duration_text, excerpt, short

_BASE_SUFFIX = "-base"
_INSTALLED = ("requirements.txt", "packages.txt")
_WHITEOUT = ".wh."


class Sources(Struct, frozen=True, kw_only=True):
    """What is known about the running image's files, and about those that would replace them."""

    running: Running
    is_commit_here: bool
    """Whether the clone has the commit of the running image."""
    is_base: bool
    """Whether the changes are those since that commit."""
    changes: Sequence[Change] | None
    """None: they are not known."""
    project: str
    """The project's directory in the repository."""
    build_files: Sequence[str]
    """The Dockerfile and the files that may hold its patterns, relative to the project."""
    build_links: Sequence[str]
    """What lies behind such a file that is a link, relative to the repository."""
    dockerfile: str | None
    """Its text; None without one."""
    base: str
    """The image after FROM, with its variables filled in."""
    has_same_inputs: bool | None
    """Whether the files of that commit, with the build arguments of today, give the digest that
    the running image has; None where it could not be worked out. That of a prebuilt image is not
    known yet."""
    inputs: str = ""
    """That digest; empty where it could not be worked out."""


def source_reasons(known: Sources) -> Iterator[str]:
    """Say what of the running image, of the changes or of the Dockerfile is in the way."""
    if reason := _origin_reason(known):
        yield reason
    elif known.changes is None:
        yield f"the changes since {short(known.running.commit or '')} are not known"
    else:
        yield from _change_reasons(known, known.changes)
        if known.has_same_inputs is False and not list(_change_reasons(known, known.changes)):
            yield (
                "the build arguments or the options of the image are not those of the running one"
            )
        if known.has_same_inputs is None:
            yield f"the files of {short(known.running.commit or '')} could not be listed"
    if known.dockerfile is None:
        yield "the project has no Dockerfile"
    elif more := more_than_metadata(known.dockerfile):
        yield more
    elif known.base.partition("@")[0].endswith(_BASE_SUFFIX):
        yield f"{excerpt(known.base)} copies no code: the -base images have no ONBUILD COPY"


def _origin_reason(known: Sources) -> str:
    running = known.running
    if running.deploy_id is None or (running.digest is None and running.unknown):
        return running.unknown or "what runs is not known"
    if running.digest == NO_DIGEST:
        return f"files changed during deploy {running.deploy_id}, which built the running image"
    if running.digest is None or not (running.is_built or running.commit):
        return f"the running image was not built by astro-ci (deploy {running.deploy_id})"
    if running.commit is None:
        told = "was built with uncommitted changes, or elsewhere"
        return f"the running image does not come from a commit of this project: it {told}"
    if not known.is_commit_here:
        return f"the commit of the running image, {short(running.commit)}, is not in this clone"
    if not known.is_base:
        return "the checkout was compared with something else than what runs (--base)"
    return ""


def _change_reasons(known: Sources, changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        if Part.IMAGE not in change.parts:
            continue
        inner = below(change.path, known.project)
        shown = excerpt(change.path)
        if inner in known.build_files or change.path in known.build_links:
            yield f"{shown} changed, which shapes the image"
        elif inner in _INSTALLED:
            yield f"{shown} changed, whose packages the image installs"
        elif inner is None:
            yield f"{shown} changed, which is outside the project"


class Entry(Struct, frozen=True, kw_only=True):
    """A path of the build's context, with the mode that lstat gives."""

    path: str
    mode: int


def entry_reasons(
    entries: Iterable[Entry], top: Mapping[str, str], modes: Mapping[str, int], same: Iterable[str]
) -> Iterator[str]:
    """Say what in the checkout a layer cannot hold as a build would make it.

    `top` is what lies at the top of the running project: `file`, `program`, `link` or `directory`.
    `modes` are the permissions of its files, and `same` are the paths of files that did not change.
    """
    now: dict[str, int] = {}
    for entry in entries:
        path, mode = entry.path, entry.mode
        now[path] = stat.S_IMODE(mode)
        kind = _kind(mode)
        shown = excerpt(path)
        if not kind:
            yield f"{shown} is neither a file, a directory nor a link"
        elif stat.S_IMODE(mode) & ~0o777 and kind != "link":
            yield f"{shown} has special permissions ({stat.S_IMODE(mode):o})"
        elif path.rpartition("/")[2].startswith(_WHITEOUT):
            yield f"{shown} has a name that means a deletion in a layer"
        elif "/" not in path and kind in ("directory", "link") and top.get(path) != kind:
            yield (
                f"the {kind} {shown} is new at the top of the project, where the base image may "
                "have something else"
            )
    kept = [path for path in same if path in modes and path in now]
    if kept and all(modes[path] != now[path] for path in kept):
        yield (
            f"no file has the permissions that it has in the running image, such as "
            f"{excerpt(kept[0])}: {now[kept[0]]:o} instead of {modes[kept[0]]:o}"
        )


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "link"))
    return next((kind for is_kind, kind in kinds if is_kind(mode)), "")


class Build(Struct, frozen=True, kw_only=True):
    """What the running image says of its last build, and what is so today."""

    built_at: datetime | None
    now: datetime
    most_age: timedelta
    commit: str
    """The commit that its deploy came from."""
    recorded_commit: str
    """The commit that the image itself says."""
    base: str
    """The image after FROM."""
    recorded_base: str
    """The digest that its tag had then; empty where it was not recorded."""
    current_base: str
    """The digest that it has now; empty where it could not be asked for."""
    recorded_triggers: str
    """What the last build recorded of the base image's triggers; empty for nothing."""
    recorded_secrets: str
    current_secrets: str
    is_prebuilt: bool = False
    """Whether a deploy took the image as it was, so that the image alone says what it is."""
    recorded_inputs: str = ""
    """The digest that `astro-ci build` recorded of its files and arguments."""
    current_inputs: str = ""
    """The digest of the commit's files and of the arguments of today."""
    code_steps: int = 1
    """How often the image copies the project."""


def build_reasons(known: Build) -> Iterator[str]:
    """Say why another build is due."""
    if known.is_prebuilt:
        yield from _prebuilt_reasons(known)
    if known.recorded_commit != known.commit:
        yield (
            f"the tag of the running image has an image of another commit than "
            f"{short(known.commit)}, from which it was deployed"
        )
    if known.built_at is None:
        yield "the running image does not say when it was built"
    elif known.now - known.built_at > known.most_age:
        age = _age(known.now - known.built_at)
        yield f"the last build was {age} ago, longer than --fast-max-age ({_age(known.most_age)})"
    if "@" not in known.base:
        if not known.recorded_base:
            yield (
                f"the last build did not record which {excerpt(known.base)} it was made from: the "
                "next build with --fast does"
            )
        elif not known.current_base:
            yield f"it could not be asked whether {excerpt(known.base)} has moved"
        elif known.current_base != known.recorded_base:
            yield f"the base image {excerpt(known.base)} has moved since the last build"
    if not known.recorded_triggers:
        yield (
            f"the last build did not record what {excerpt(known.base)} does with the project's "
            "files: the next build with --fast does"
        )
    elif known.recorded_triggers != USUAL:
        yield (
            f"{excerpt(known.base)} has a trigger of its own, which may read any file: ONBUILD "
            f"{excerpt(known.recorded_triggers)}"
        )
    if known.current_secrets != known.recorded_secrets:
        yield "the build secrets are not those of the last build"


def _prebuilt_reasons(known: Build) -> Iterator[str]:
    if not known.recorded_inputs:
        yield "the running image is prebuilt, and does not come from `astro-ci build`"
    elif known.recorded_inputs != known.current_inputs:
        yield "the build arguments or the options of the image are not those of the running one"
    elif known.code_steps > 1:
        yield "the running image is prebuilt, and built on another image of a project"


def listed_reasons(reasons: Sequence[str]) -> str:
    """Put reasons into one clause."""
    return "; ".join(reasons[:5]) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")


def _age(span: timedelta) -> str:
    """A time in days and hours; `duration_text` knows no days."""
    seconds = span.total_seconds()
    if seconds < 86_400:
        return duration_text(seconds)
    days, hours = divmod(int(seconds) // 3600, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
