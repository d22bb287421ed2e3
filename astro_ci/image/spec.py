"""What to build."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.dockerignore import DockerIgnore
from astro_ci.project import read_ignore_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One image to build. Paths are relative to `root`, with `/`."""

    root: Path
    tag: str
    """A name of our own: it is removed when the build fails or is interrupted."""
    dockerfile: str = "Dockerfile"
    leave_out: Collection[str] = ()
    """Paths that stay out of the image, such as `dags`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Sequence[str] = ()
    """As `docker build --secret` takes them: `id=NAME,env=VARIABLE` or `id=NAME,src=FILE`."""

    def read_ignore(self) -> DockerIgnore:
        """Read the ignore file that counts for the Dockerfile."""
        return read_ignore_file(self.root, self.dockerfile)
