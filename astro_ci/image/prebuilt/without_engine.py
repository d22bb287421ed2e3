"""Sources that need no engine: an archive, and a registry that the job can read.

Only a check that needs a container loads the image into an engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from astro_ci.errors import DockerError
from astro_ci.image.checks import check_platform
from astro_ci.image.engine import Engine, connect
from astro_ci.image.prebuilt.archive import ArchivedImage
from astro_ci.image.prebuilt.named import NamedImage
from astro_ci.image.registry.client import Repository, open_repository
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.reference import parse_reference
from astro_ci.image.source import LocalImage
from astro_ci.image.stored.archive import is_saved, read_archive
from astro_ci.image.stored.config import facts_of
from astro_ci.image.stored.files import open_files
from astro_ci.image.stored.ready import StoredImage
from astro_ci.image.stored.remote import RemoteImage
from astro_ci.text import excerpt

ConnectEngine = Callable[[Mapping[str, str]], Engine]


class StoredArchive:
    """The only image of an archive or of an OCI layout."""

    def __init__(
        self, path: Path, env: Mapping[str, str], connect_engine: ConnectEngine = connect
    ) -> None:
        self.reference = str(path)
        self._path = path
        self._env = env
        self._on_engine = ArchivedImage(path, env, connect_engine)
        self._is_saved = False
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._ready: StoredImage | None = None

    def fetch(self) -> StoredImage:
        """Find the image. Raises ProjectError."""
        if self._ready is None:
            self._scratch = self._scratch or tempfile.TemporaryDirectory(
                prefix="astro-ci-image-", dir=self._env.get("TMPDIR")
            )
            scratch = Path(self._scratch.name)
            files = open_files(self._path, scratch)
            image = read_archive(files, scratch)
            self._is_saved = is_saved(files)
            facts = facts_of(image.config, self.reference, image.lookers)
            check_platform(facts)
            self._ready = StoredImage(
                image=image,
                facts=facts,
                config=image.config,
                layers=image.lookers,
                to_engine=self._loaded,
                path=self._path,
            )
        return self._ready

    def _loaded(self) -> LocalImage:
        """Load the image into an engine. Raises DockerError, ProjectError."""
        if not self._is_saved:
            raise DockerError(
                f"the image archive {excerpt(self.reference)} is an OCI layout, which Docker "
                "Engines do not load",
                hint="To run checks in the image, write it with `docker save IMAGE -o FILE`.",
            )
        return self._on_engine.fetch().local

    def close(self) -> None:
        """Remove the compressed layers, and the image from the engine if it was loaded."""
        self._on_engine.close()
        if self._scratch:
            self._scratch.cleanup()
        self._scratch = self._ready = None


class RegistryImage:
    """An image in the registry that its name includes."""

    def __init__(
        self,
        reference: str,
        env: Mapping[str, str],
        connect_engine: ConnectEngine = connect,
        *,
        checkout: Path | None = None,
    ) -> None:
        self.reference = reference
        self._env = env
        self._connect = connect_engine
        self._on_engine: NamedImage | None = None
        self._checkout = checkout
        self._repository: Repository | None = None
        self._ready: StoredImage | None = None

    def fetch(self) -> StoredImage:
        """Read the manifest and the config. Raises ConfigurationError, RegistryError, ProjectError.

        If the tag moves later, this changes nothing.
        """
        if self._ready is None:
            place = parse_reference(self.reference)
            login = login_for(place.host, self._env, checkout=self._checkout)
            self._repository = self._repository or open_repository(place.host, place.name, login)
            found = self._repository.image(place.reference)
            image = RemoteImage(what=self.reference, source=self._repository, found=found)
            config = self._repository.config(found)
            facts = facts_of(config, self.reference, image.lookers)
            check_platform(facts)
            # By digest, so that the engine pulls exactly the image that was read.
            pinned = f"{place.host}/{place.name}@{found.digest}"
            self._on_engine = NamedImage(pinned, self._env, self._connect)
            self._ready = StoredImage(
                image=image,
                facts=facts,
                config=config,
                layers=image.lookers,
                to_engine=self._pulled,
            )
        return self._ready

    def _pulled(self) -> LocalImage:
        assert self._on_engine  # noqa: S101 - made with the image
        return self._on_engine.fetch().local

    def close(self) -> None:
        """Close the connections, and remove the image from the engine if it was pulled."""
        if self._on_engine:
            self._on_engine.close()
        if self._repository:
            self._repository.close()
        self._repository = self._ready = self._on_engine = None
