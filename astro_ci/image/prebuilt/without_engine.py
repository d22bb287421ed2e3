"""Sources that need no engine: an archive, and a registry that the job may read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from astro_ci.image.checks import check_platform
from astro_ci.image.registry.client import Repository, open_repository
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.reference import parse_reference
from astro_ci.image.stored.archive import read_archive
from astro_ci.image.stored.config import facts_of
from astro_ci.image.stored.files import open_files
from astro_ci.image.stored.ready import StoredImage
from astro_ci.image.stored.remote import RemoteImage


class StoredArchive:
    """The one image of an archive or of an OCI layout."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.reference = str(path)
        self._path = path
        self._env = env
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._ready: StoredImage | None = None

    def fetch(self) -> StoredImage:
        """Find the image. Raises ProjectError."""
        if self._ready is None:
            self._scratch = self._scratch or tempfile.TemporaryDirectory(
                prefix="astro-ci-image-", dir=self._env.get("TMPDIR")
            )
            scratch = Path(self._scratch.name)
            image = read_archive(open_files(self._path, scratch), scratch)
            facts = facts_of(image.config, self.reference, image.lookers)
            check_platform(facts)
            self._ready = StoredImage(
                image=image, facts=facts, config=image.config, layers=image.lookers
            )
        return self._ready

    def close(self) -> None:
        """Remove what was compressed."""
        if self._scratch:
            self._scratch.cleanup()
        self._scratch = self._ready = None


class RegistryImage:
    """An image by its name, in the registry that the name says."""

    def __init__(
        self, reference: str, env: Mapping[str, str], *, checkout: Path | None = None
    ) -> None:
        self.reference = reference
        self._env = env
        self._checkout = checkout
        self._repository: Repository | None = None
        self._ready: StoredImage | None = None

    def fetch(self) -> StoredImage:
        """Read the manifest and the config. Raises ConfigurationError, RegistryError, ProjectError.

        What the tag means later changes nothing.
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
            self._ready = StoredImage(image=image, facts=facts, config=config, layers=image.lookers)
        return self._ready

    def close(self) -> None:
        """Close the sockets."""
        if self._repository:
            self._repository.close()
        self._repository = self._ready = None
