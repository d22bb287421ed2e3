"""The description of an image to build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.find import read_ignore_file

LeaveOut = Callable[[str], bool]
"""Whether a path stays out, with all that is below it; relative to the context, with `/`."""


def nothing(_path: str) -> bool:
    """Leave nothing out."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One image to build. Paths are relative to `root`, with `/`."""

    root: Path
    tag: str
    """A name of our own: it is removed when the build fails or is interrupted."""
    dockerfile: str = "Dockerfile"
    leave_out: LeaveOut = nothing
    """What stays out of the image, such as `dags`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Sequence[str] = ()
    """As `docker build --secret` takes them: `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`."""
    target: str = ""
    """The stage to build; empty for the last one."""
    builder: str = ""
    """The buildx builder that is asked for; empty for the current one."""
    cache_from: Sequence[str] = field(default=(), repr=False)
    """As `docker buildx build --cache-from` takes them; may hold a login."""
    cache_to: Sequence[str] = field(default=(), repr=False)

    @property
    def needs_buildx(self) -> str:
        """Name the first flag that only buildx knows; empty where there is none."""
        # Without buildx a cache is the name of an image.
        has_types = any("=" in place for place in self.cache_from)
        wanted = {
            "--builder": self.builder,
            "--cache-to": self.cache_to,
            "--cache-from": has_types,
        }
        return next((flag for flag, value in wanted.items() if value), "")

    def read_ignore(self) -> DockerIgnore:
        """Read the ignore file that counts for the Dockerfile."""
        return read_ignore_file(self.root, self.dockerfile)
