"""Decide without the registry whether a code layer may be replaced. Pure.

Each function returns the reasons against it, as clauses; without reasons, it may be replaced.
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
    """The facts about the running image's files, and about the files that would replace them."""

    running: Running
    is_commit_here: bool
    """Whether the clone has the commit of the running image."""
    is_base: bool
    """Whether the listed changes are the changes since that commit."""
    changes: Sequence[Change] | None
    """None when they are not known."""
    project: str
    """The project's directory in the repository."""
    build_files: Sequence[str]
    """The Dockerfile and its possible ignore files, relative to the project."""
    build_links: Sequence[str]
    """The targets of those files that are links, relative to the repository."""
    dockerfile: str | None
    """The text of the Dockerfile; None without a Dockerfile."""
    base: str
    """The image after FROM, with its variables replaced by their values."""
    has_same_inputs: bool | None
    """Whether the files of that commit, with the present build arguments, have the digest of the
    running image; None when it could not be calculated. The digest of a prebuilt image is not known
    yet."""
    inputs: str = ""
    """That digest; empty when it could not be calculated."""


def source_reasons(known: Sources) -> Iterator[str]:
    """List the reasons in the running image, in the changes and in the Dockerfile."""
    if reason := _origin_reason(known):
        yield reason
    elif known.changes is None:
        yield f"the changes since {short(known.running.commit or '')} are not known"
    else:
        yield from _change_reasons(known, known.changes)
        if known.has_same_inputs is False and not list(_change_reasons(known, known.changes)):
            yield (
                "the build arguments or the options of the image differ from those of the running "
                "image"
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
        return "the checkout was not compared with the running versions (--base)"
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
    """A path of the build's context, with its mode from lstat."""

    path: str
    mode: int


def entry_reasons(
    entries: Iterable[Entry], top: Mapping[str, str], modes: Mapping[str, int], same: Iterable[str]
) -> Iterator[str]:
    """List the reasons in the checkout: files that a new layer could not have as a build would.

    `top` has the kinds of the running project's top entries: `file`, `program`, `link` or
    `directory`. `modes` are the permissions of its files, and `same` the paths of unchanged files.
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
    """The facts that the running image's labels give about its last build, and today's facts."""

    built_at: datetime | None
    now: datetime
    most_age: timedelta
    commit: str
    """The commit of the deploy."""
    recorded_commit: str
    """The commit in the image's label."""
    base: str
    """The image after FROM."""
    recorded_base: str
    """The digest of the base image at the last build; empty when it was not recorded."""
    current_base: str
    """The digest of the base image now; empty when the registry did not tell it."""
    recorded_triggers: str
    """The triggers of the base image that the last build recorded; empty for no record."""
    recorded_secrets: str
    current_secrets: str
    is_prebuilt: bool = False
    """Whether a deploy took the image as it was, so that only its labels tell how it was built."""
    recorded_inputs: str = ""
    """The digest of files and arguments that `astro-ci build` recorded."""
    current_inputs: str = ""
    """The digest of the commit's files and of the present arguments."""
    code_steps: int = 1
    """The number of steps in which the image copies a project."""


def build_reasons(known: Build) -> Iterator[str]:
    """List the reasons why a new build is needed."""
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
    is_pinned = "@" in known.base
    # A digest does not move: labels with another digest were inherited from the base image.
    if not known.recorded_base or (is_pinned and known.current_base != known.recorded_base):
        yield (
            f"the last build did not record the digest of {excerpt(known.base)}; the next "
            "build with --fast records it"
        )
    elif not known.current_base:
        yield f"the registry did not tell whether the tag of {excerpt(known.base)} has moved"
    elif known.current_base != known.recorded_base:
        yield f"the base image {excerpt(known.base)} has moved since the last build"
    if not known.recorded_triggers:
        yield (
            f"the last build did not record the triggers of {excerpt(known.base)}; the next build "
            "with --fast records them"
        )
    elif known.recorded_triggers != USUAL:
        yield (
            f"{excerpt(known.base)} has an unusual trigger, which may read any file: ONBUILD "
            f"{excerpt(known.recorded_triggers)}"
        )
    if known.current_secrets != known.recorded_secrets:
        yield "the build secrets differ from those of the last build"


def _prebuilt_reasons(known: Build) -> Iterator[str]:
    if not known.recorded_inputs:
        yield "the running image is prebuilt, and does not come from `astro-ci build`"
    elif known.recorded_inputs != known.current_inputs:
        yield "the running image was built with other build arguments or options of the image"
    elif known.code_steps > 1:
        yield "the running image is prebuilt, and built on another image of a project"


def listed_reasons(reasons: Sequence[str]) -> str:
    """Join reasons into one clause."""
    return "; ".join(reasons[:5]) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")


def _age(span: timedelta) -> str:
    """Format a duration in days and hours; `duration_text` has no days."""
    seconds = span.total_seconds()
    if seconds < 86_400:
        return duration_text(seconds)
    days, hours = divmod(int(seconds) // 3600, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
