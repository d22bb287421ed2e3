"""The image that was made without a build, ready to be pushed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from astro_ci.errors import RegistryError
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.image.fast.layer import CodeLayer
from astro_ci.image.fast.replace import Replaced
from astro_ci.image.fast.running import RunningImage
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.manifest import Descriptor, Manifest
from astro_ci.image.registry.pull import pull_digest
from astro_ci.image.registry.send import Blob, send_image
from astro_ci.image.source import Destination, LocalImage
from astro_ci.web.session import Patience

USERNAME = "cli"
_HINT = "Check that the token is not expired and may deploy to this Deployment."


class FastPushError(RegistryError):
    """The image could not be pushed, and a built image may be deployed instead."""

    may_be_built = True


class ReplacedImage(Struct, frozen=True, kw_only=True):
    """The running image with another code layer. An `Image` that can be pushed to a registry.

    Only its last layer and its config are new. If a repository lacks another layer, this layer is
    mounted, or read from the running image.
    """

    running: RunningImage
    layer: CodeLayer
    made: Replaced

    @property
    def what(self) -> str:
        """See registry.send.Image."""
        return "the image with the new code layer"

    @property
    def host(self) -> str:
        """See registry.send.Image."""
        return self.running.source.host

    @property
    def repository(self) -> str:
        """See registry.send.Image."""
        return self.running.source.name

    @property
    def blobs(self) -> Sequence[Blob]:
        """See registry.send.Image."""
        *kept, _ = self.made.manifest.layers
        unique = {one.digest: one for one in kept}
        source = self.running.source
        config = self.made.config
        return (
            *(_blob(one, partial(source.read, one)) for one in unique.values()),
            _blob(self.made.manifest.layers[-1], self.layer.read),
            _blob(self.made.manifest.config, lambda offset: iter([config[offset:]])),
        )

    def manifest(self) -> Manifest:
        """See registry.send.Image."""
        return self.made.manifest


def _blob(one: Descriptor, read: Callable[[int], Iterator[bytes]]) -> Blob:
    return Blob(size=one.size, describe=lambda: one, read=read, look=lambda: read(0))


class FastImage(Struct, kw_only=True):
    """A `ReadyImage` that was made without a build and without an engine."""

    image: ReplacedImage
    facts: ImageFacts
    may_fall_back: bool
    """Whether a build may still succeed when the push of this image fails."""
    connect_engine: Callable[[], Engine]
    password: Callable[[], str]
    """Returns the registry's password, for a check that needs a container."""
    on_engine: LocalImage | None = None
    pulled: str = ""
    """The image's name on the engine, which only this deploy uses."""

    @property
    def local(self) -> LocalImage | None:
        """Let an engine pull the image. Raises DockerError, RegistryError.

        First the image is pushed to the repository of the running image, without a tag.
        """
        if self.on_engine is None:
            digest = self.image.made.manifest.digest
            repository = f"{self.image.host}/{self.image.repository}"
            engine = self.connect_engine()
            try:
                self._send(Destination(repository, digest), self.password, Patience())
                self.pulled = pull_digest(engine, repository, digest, password=self.password)
            except BaseException:
                engine.close()
                raise
            self.on_engine = LocalImage(engine, f"{repository}@{digest}")
        return self.on_engine

    def dag_files(self) -> Sequence[str] | None:
        """Return None: the DAG files are the checkout's, which were checked already."""
        return None

    def push(
        self,
        to: Destination,
        *,
        password: Callable[[], str],
        on_progress: Callable[[int, int], None],
        sleep: Callable[[float], None],
    ) -> str:
        """Push the image, and return the digest of its manifest. Raises RegistryError."""
        try:
            return self._send(to, password, Patience(sleep=sleep), on_progress)
        except RegistryError as error:
            if not self.may_fall_back:
                raise
            raise FastPushError(error.message, hint=error.hint) from error

    def withdraw(self, to: Destination) -> None:
        """Do nothing: blobs without a manifest are no image, and registries drop them."""

    def close(self) -> None:
        """Remove the image from the engine, and close the connection to the running image."""
        if self.on_engine:
            if self.pulled:
                self.on_engine.engine.remove_image(self.pulled)
            self.on_engine.engine.close()
            self.on_engine = None
        self.image.running.source.close()

    def _send(
        self,
        to: Destination,
        password: Callable[[], str],
        patience: Patience,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> str:
        host, _, name = to.repository.partition("/")
        login = Login(
            username=USERNAME,
            password=lambda: password().removeprefix("Bearer "),
            hint=_HINT,
        )
        target = open_repository(host, name, login, patience)
        try:
            return send_image(self.image, target, to.tag, on_progress=on_progress)
        finally:
            target.close()
