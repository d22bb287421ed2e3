"""Find links whose targets will be missing after the bundle is unpacked on Astro."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from astro_ci.bundle.members import Member, directories
from astro_ci.errors import ProjectError
from astro_ci.paths import is_under, join
from astro_ci.text import listed, printable

log = logging.getLogger(__name__)

_MAX_LINKS = 40  # Linux too reports a loop after 40 links


def check_links(
    members: Collection[Member], dags: Path, *, refuse: bool, prefix: str = "dags"
) -> None:
    """Report links that will be broken on Astro: absolute, out of the bundle, or dangling.

    Links are followed through the members, not through this disk, because a file in an excluded
    directory does not ship. With `refuse` (for Airflow 3, which rejects such a bundle) a broken
    link raises ProjectError; otherwise it logs a warning.
    """
    shipped = _Shipped(members, prefix)
    links = {member: shipped.resolve(member) for member in members if member.link is not None}
    broken = [f"{m.name} -> {m.link}" for m, target in links.items() if target is None]
    twice = [f"{m.name} -> {m.link}" for m, target in links.items() if shipped.is_directory(target)]
    if twice:
        log.warning(
            "links under %s/ lead to directories that are deployed too: %s; Airflow stops looking "
            "for DAGs when it meets a directory twice, unless .airflowignore lists one of the two",
            printable(dags.name),
            listed(twice),
        )
    if not broken:
        return
    message = (
        f"links under {printable(dags.name)}/ lead out of the bundle or nowhere: {listed(broken)}"
    )
    if refuse:
        raise ProjectError(
            f"{message}; Airflow 3 refuses such a bundle",
            hint="Replace each link with the files that it points to.",
        )
    log.warning("%s; on Astro these links are broken unless the image has their targets", message)


class _Shipped:
    """The tree of the unpacked bundle, in which links are resolved."""

    def __init__(self, members: Collection[Member], prefix: str) -> None:
        self._prefix = prefix
        self._links = {join(prefix, m.name): m.link for m in members if m.link is not None}
        self._files = {join(prefix, m.name) for m in members if m.link is None}
        self._directories = directories(members, prefix)

    def is_directory(self, path: str | None) -> bool:
        """Whether a resolved path is a directory; true for the root, `""`."""
        return path == "" or path in self._directories

    def resolve(self, member: Member) -> str | None:
        """Return the final target of a link; None when the target is not in the bundle."""
        here: list[str] = []
        ahead = join(self._prefix, member.name).split("/")[::-1]
        links_left = _MAX_LINKS
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not here:
                    return None
                here.pop()
                continue
            path = "/".join([*here, part])
            if path in self._files:
                return None if ahead else path
            if path in self._directories:
                here.append(part)
                continue
            target = self._links.get(path, "/")
            links_left -= 1
            if target.startswith("/") or not links_left:
                return None
            ahead.extend(target.split("/")[::-1])
        found = "/".join(here)
        return found if is_under(found, self._prefix) else None
