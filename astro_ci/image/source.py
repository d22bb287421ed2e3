"""Where the image of a deploy comes from: built here, named, or in an archive.

Each kind of source is a module that gives an `ImageSource`; `prebuilt.choose_source` picks the one
that the options ask for. What a source fetches is a `ReadyImage`, which the checks look at and the
deploy pushes. Neither promises an engine: an image may stay in a registry all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from astro_ci.image.facts import ImageFacts

if TYPE_CHECKING:
    from astro_ci.image.engine import Engine


class Destination(NamedTuple):
    """What a deploy names to push to."""

    repository: str
    """Host and path, such as `registry.example/org/deployment`."""
    tag: str


class LocalImage(NamedTuple):
    """An image that an engine has, so that containers can be made of it."""

    engine: Engine
    name: str


class ReadyImage(Protocol):
    """An image that can be pushed. What is pushed is what `facts` describe, to the byte."""

    @property
    def facts(self) -> ImageFacts:
        """What is known about it."""

    @property
    def local(self) -> LocalImage | None:
        """Where a check can make a container of it; None where no engine has it."""

    def dag_files(self) -> Sequence[str] | None:
        """List the files where Airflow looks for DAGs, relative to that directory.

        None where that is not known.
        """

    def push(
        self,
        to: Destination,
        *,
        password: Callable[[], str],
        on_progress: Callable[[int, int], None],
        sleep: Callable[[float], None],
    ) -> str:
        """Push it and return the digest of its manifest; see `registry.push.push_image`.

        Raises RegistryError.
        """

    def withdraw(self, to: Destination) -> None:
        """Clean up after a push that was left in the middle."""


class ImageSource(Protocol):
    """An image that somebody built already."""

    @property
    def reference(self) -> str:
        """As the user names it, for sentences."""

    def fetch(self) -> ReadyImage:
        """Find the image: pulled or loaded where that is needed. The second call does nothing new.

        Raises DockerError, RegistryError, ProjectError.
        """

    def close(self) -> None:
        """Take away what `fetch` brought to this machine, and nothing else."""
