"""The interfaces of the source of a deploy's image: built here, named, or in an archive.

Each kind of source is a module with an `ImageSource`; `prebuilt.choose_source` chooses the source
that the options name. A source fetches a `ReadyImage`, which the deploy checks and pushes. Neither
needs an engine: an image may stay in a registry all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from astro_ci.image.facts import ImageFacts

if TYPE_CHECKING:
    from astro_ci.image.engine import Engine


class Destination(NamedTuple):
    """The repository and the tag to which a deploy pushes its image."""

    repository: str
    """Host and path, such as `registry.example/org/deployment`."""
    tag: str


class LocalImage(NamedTuple):
    """An image on an engine, so that containers can be made of it."""

    engine: Engine
    name: str


class ReadyImage(Protocol):
    """An image that can be pushed. The pushed image is exactly the image of `facts`."""

    @property
    def facts(self) -> ImageFacts:
        """The facts about the image."""

    @property
    def local(self) -> LocalImage | None:
        """The image on an engine, for checks in a container; None when it is on no engine."""

    def dag_files(self) -> Sequence[str] | None:
        """List the files where Airflow looks for DAGs, relative to that directory.

        None when the files are not known.
        """

    def push(
        self,
        to: Destination,
        *,
        password: Callable[[], str],
        on_progress: Callable[[int, int], None],
        sleep: Callable[[float], None],
    ) -> str:
        """Push the image, and return the digest of its manifest; see `registry.push.push_image`.

        Raises RegistryError.
        """

    def withdraw(self, to: Destination) -> None:
        """Clean up after an interrupted push."""


class ImageSource(Protocol):
    """A source of a prebuilt image."""

    @property
    def reference(self) -> str:
        """The user's name of the image, for messages."""

    def fetch(self) -> ReadyImage:
        """Find the image, and pull or load it if necessary. The second call returns the same image.

        Raises DockerError, RegistryError, ProjectError.
        """

    def close(self) -> None:
        """Remove only what `fetch` pulled or loaded on this machine."""
