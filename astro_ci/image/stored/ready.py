"""An image on no engine, ready to be pushed to Astro's registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct, field

from astro_ci.image.facts import ImageFacts
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.send import Image, send_image
from astro_ci.image.source import Destination, LocalImage
from astro_ci.image.stored.config import read_config
from astro_ci.image.stored.inside import list_files
from astro_ci.web.session import Patience

USERNAME = "cli"
_HINT = "Check that the token is not expired and may deploy to this Deployment."


class StoredImage(Struct, kw_only=True):
    """A `ReadyImage` that is read from its file or registry while it is pushed.

    Blobs that were pushed to one repository of a registry are mounted in the next repository.
    """

    image: Image
    facts: ImageFacts
    config: bytes
    layers: Sequence[Callable[[], Iterator[bytes]]]
    to_engine: Callable[[], LocalImage]
    """Loads or pulls the image into an engine, once, for checks that need a container."""
    path: Path | None = None
    """The archive or directory of the image; None for an image in a registry."""
    sent: dict[str, str] = field(default_factory=dict)
    """By registry: a repository that has the image."""

    @property
    def local(self) -> LocalImage | None:
        """Load or pull the image into an engine. Raises DockerError, RegistryError."""
        return self.to_engine()

    def dag_files(self) -> Sequence[str] | None:
        """List the files where Airflow looks for DAGs; reads all layers."""
        home = read_config(self.config, self.facts.reference).airflow_home
        return list_files(self.layers, f"{home}/dags")

    def push(
        self,
        to: Destination,
        *,
        password: Callable[[], str],
        on_progress: Callable[[int, int], None],
        sleep: Callable[[float], None],
    ) -> str:
        """Push the image, and return the digest of its manifest. Raises RegistryError."""
        host, _, name = to.repository.partition("/")
        login = Login(
            username=USERNAME,
            password=lambda: password().removeprefix("Bearer "),
            hint=_HINT,
        )
        target = open_repository(host, name, login, Patience(sleep=sleep))
        try:
            digest = send_image(
                self.image,
                target,
                to.tag,
                mount_from=self.sent.get(host, ""),
                on_progress=on_progress,
            )
        finally:
            target.close()
        self.sent[host] = name
        return digest

    def withdraw(self, to: Destination) -> None:
        """Do nothing: blobs without a manifest are no image, and registries drop them."""
