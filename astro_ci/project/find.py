"""Find the parts of the Astro project on disk, and read `.dockerignore`."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

from msgspec import Struct

from astro_ci.errors import ProjectError
from astro_ci.project.dockerignore import DockerIgnore, ignore_file_names
from astro_ci.project.files import read_bytes, read_text, remedy
from astro_ci.text import excerpt

DOCKERFILE = "Dockerfile"
_MOST_DOCKERFILE_BYTES = 1_000_000
_MOST_IGNORE_BYTES = 4_000_000


class Project(Struct, frozen=True, kw_only=True):
    """A project's directories, with links resolved where that affects what ships."""

    root: Path
    """The project's absolute path, with links resolved."""
    dags: Path
    """The DAGs directory as given; it may be a link."""
    dockerfile_name: str = DOCKERFILE
    """The path of the Dockerfile, relative to the root, with `/`."""

    @property
    def dockerfile(self) -> Path:
        """The path of the Dockerfile, which may be missing."""
        return self.root / self.dockerfile_name

    @property
    def has_dags(self) -> bool:
        """Whether there is a DAGs directory."""
        return os.path.isdir(self.dags)  # noqa: PTH112 - False for a name that is too long

    @property
    def has_dags_where_airflow_looks(self) -> bool:
        """Whether Airflow finds the DAGs in an image with an unchanged copy of the project."""
        return os.path.realpath(self.dags) == os.path.realpath(self.root / "dags")

    @property
    def dags_in_context(self) -> list[str]:
        """Return the DAGs directory relative to the build context; empty when outside the context.

        When the directory is a link, both the link and its target are returned.
        """
        named = Path(os.path.abspath(self.dags))  # noqa: PTH100 - links stay links
        real = Path(os.path.realpath(self.dags))
        inside = [path for path in (named, real) if path.is_relative_to(self.root)]
        return list(dict.fromkeys(path.relative_to(self.root).as_posix() for path in inside))

    def read_dockerfile(self) -> bytes | None:
        """Read the Dockerfile; None when there is none. Raises ProjectError."""
        return read_dockerfile(self.root, self.dockerfile_name)

    def read_dockerignore(self) -> DockerIgnore:
        """Read the patterns that the image build applies. Raises ProjectError."""
        return read_ignore_file(self.root, self.dockerfile_name)

    def require_dockerfile(self) -> None:
        """Raise ProjectError when there is no Dockerfile to build an image from."""
        if not self.dockerfile.is_file():
            if self.dockerfile_name != DOCKERFILE:
                raise ProjectError(
                    f"{self.root} has no {excerpt(self.dockerfile_name)}, so there is no image to "
                    "build",
                    hint="Name a Dockerfile of the project with --dockerfile; its path is relative "
                    "to the project's directory.",
                )
            raise ProjectError(
                f"{self.root} has no Dockerfile, so there is no image to build",
                hint="Add a Dockerfile that starts FROM an Astro Runtime image, or deploy with "
                "--type dags from a repository that only holds DAGs.",
            )


def find_project(
    directory: Path, dags_path: str, dockerfile: str = DOCKERFILE, *, may_be_empty: bool = False
) -> Project:
    """Find the project. Raises ProjectError when the directory does not hold a project.

    With `may_be_empty`, the directory may hold neither DAGs nor a Dockerfile, as for a deploy of
    only a prebuilt image.
    """
    if not directory.is_dir():
        raise ProjectError(
            f"the project directory {directory} does not exist",
            hint="Name the directory that holds the Dockerfile and dags/ with --project.",
        )
    root = Path(os.path.realpath(directory))
    project = Project(
        root=root, dags=root / dags_path, dockerfile_name=posixpath.normpath(dockerfile)
    )
    if (
        may_be_empty
        or project.dockerfile.is_file()
        or project.has_dags
        or (root / ".astro").is_dir()
    ):
        return project
    raise ProjectError(
        f"{root} is not an Astro project: it has neither a Dockerfile nor {excerpt(dags_path)}/",
        hint="Name the directory that holds them with --project.",
    )


def read_dockerfile(root: Path, name: str = DOCKERFILE) -> bytes | None:
    """Read a Dockerfile of a project; None when there is none. Raises ProjectError."""
    try:
        return read_bytes(root / name, most_bytes=_MOST_DOCKERFILE_BYTES)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise ProjectError(
            f"{name} cannot be read: {error.strerror}", hint=remedy(error)
        ) from error


def dockerfile_text(found: bytes) -> str:
    """Decode a Dockerfile, replacing invalid bytes; lines end in a line feed."""
    return found.decode("utf-8", "replace").replace("\r\n", "\n")


def read_ignore_file(root: Path, dockerfile: str) -> DockerIgnore:
    """Read the ignore file for this Dockerfile; without an ignore file, nothing is excluded.

    `NAME.dockerignore` next to the Dockerfile NAME is preferred to `.dockerignore`, as in BuildKit.
    Raises ProjectError when the file cannot be read or holds an invalid pattern.
    """
    for name in ignore_file_names(dockerfile):
        try:
            text = read_text(root / name, most_bytes=_MOST_IGNORE_BYTES, errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ProjectError(
                f"{name} cannot be read: {error.strerror}", hint=remedy(error)
            ) from error
        return DockerIgnore.parse(text, name=name)
    return DockerIgnore.parse("")
