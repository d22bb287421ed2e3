"""The description of an image to build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.find import read_ignore_file

LeaveOut = Callable[[str], bool]
"""Whether a path and everything below it is left out; it is relative to the context, with `/`."""


def nothing(_path: str) -> bool:
    """Leave nothing out."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One image to build. Paths are relative to `root`, with `/`."""

    root: Path
    tag: str
    """A name that only this run uses; it is removed when the build fails or is interrupted."""
    dockerfile: str = "Dockerfile"
    leave_out: LeaveOut = nothing
    """The paths that are left out of the image, such as `dags`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Sequence[str] = ()
    """As for `docker build --secret`: `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`."""
    target: str = ""
    """The stage to build; empty for the last one."""
    builder: str = ""
    """The chosen buildx builder; empty for the current builder."""
    cache_from: Sequence[str] = field(default=(), repr=False)
    """As for `docker buildx build --cache-from`; may contain a login."""
    cache_to: Sequence[str] = field(default=(), repr=False)

    @property
    def needs_buildx(self) -> str:
        """Return the first flag that only buildx supports; empty when there is none."""
        # Without buildx, the only caches are images.
        has_types = any("=" in place for place in self.cache_from)
        wanted = {
            "--builder": self.builder,
            "--cache-to": self.cache_to,
            "--cache-from": has_types,
        }
        return next((flag for flag, value in wanted.items() if value), "")

    def read_ignore(self) -> DockerIgnore:
        """Read the ignore file that applies to the Dockerfile."""
        return read_ignore_file(self.root, self.dockerfile)
