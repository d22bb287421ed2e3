"""An image by its name: from the engine, which pulls the image if it does not have it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping

from astro_ci.errors import DockerError, ProjectError, RegistryError
from astro_ci.image.checks import AMD64_HINT, PLATFORM, check_platform
from astro_ci.image.engine import Engine
from astro_ci.image.inspection import inspect_image, look_into_image
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.user_config import config_directory
from astro_ci.text import Regex

log = logging.getLogger(__name__)

_OTHER_PLATFORM = Regex(
    r"no match(?:ing manifest)? for|does not match the specified platform"
    r"|(?:image )?operating system .* cannot be used",
    re.IGNORECASE,
)
_UNKNOWN = Regex(
    r"manifest unknown|not found|does not exist|repository name not known|no such image",
    re.IGNORECASE,
)
_NETWORK = Regex(
    r"dial tcp|lookup |no such host|connection re(?:fused|set)|timeout|timed out|unreachable"
    r"|Client\.Timeout|proxyconnect|\bEOF\b|x509|tls:|HTTP response to HTTPS client",
    re.IGNORECASE,
)


class NamedImage:
    """The image that a name, a digest or an id means at the time of `fetch`.

    Later steps use the image's id, so that a moved tag changes nothing.
    """

    def __init__(
        self,
        reference: str,
        env: Mapping[str, str],
        connect_engine: Callable[[Mapping[str, str]], Engine],
    ) -> None:
        self.reference = reference
        self._env = env
        self._connect = connect_engine
        self._engine: Engine | None = None
        self._ready: EngineImage | None = None
        self._is_pulled = False

    def fetch(self) -> EngineImage:
        """Find the image on the engine, else pull it.

        Raises DockerError, RegistryError, and ProjectError for an image of another platform.
        """
        if self._ready is None:
            self._engine = self._engine or self._connect(self._env)
            if find_id(self._engine, self.reference) is None:
                self._pull(self._engine)
            self._ready = checked_image(self._engine, self.reference)
        return self._ready

    def close(self) -> None:
        """Remove the image if it was pulled, unless its name now means another image."""
        if self._engine is None:
            return
        is_ours = self._is_pulled and (
            self._ready is None or find_id(self._engine, self.reference) == self._ready.name
        )
        if is_ours:
            self._engine.remove_image(self.reference)
        self._engine.close()
        self._engine = self._ready = None

    def _pull(self, engine: Engine) -> None:
        """Let the engine pull the image, with the logins of `docker login`."""
        from docker.errors import DockerException
        from requests import RequestException

        log.info("the Docker Engine does not have the image %s; pulling it", self.reference)
        try:
            engine.client.api.reload_config(str(config_directory(self._env) / "config.json"))
            self._is_pulled = True
            engine.client.images.pull(self.reference, platform=PLATFORM)
        except (DockerException, RequestException) as error:
            text = str(getattr(error, "explanation", None) or error)
            raise pull_error(self.reference, engine.host, text) from None


def pull_error(reference: str, host: str, text: str) -> ProjectError | RegistryError:
    """Convert the engine's message about a pull to an error with a hint."""
    if _OTHER_PLATFORM.search(text):
        return ProjectError(
            f"the image {reference} is not for {PLATFORM}, and Astro runs no other: {text}",
            hint=AMD64_HINT,
        )
    message = f"the Docker Engine at {host} has no image {reference}, and could not pull it: {text}"
    if _NETWORK.search(text):
        hint = (
            "Check the registry's name at the start of the image's name, and whether the engine's "
            "machine reaches the registry (proxy, firewall). An image that this job builds has to "
            "be on this engine before the deploy."
        )
    elif _UNKNOWN.search(text):
        hint = (
            "Check the name and the tag. An image that this job builds has to be on this engine "
            "before the deploy; for an image of a private registry, run `docker login` first."
        )
    else:
        hint = (
            "Run `docker login` for the image's registry before the deploy, or pull the image "
            "with `docker pull --platform=linux/amd64` to see what is wrong."
        )
    return RegistryError(message, hint=hint)


def checked_image(engine: Engine, name: str, *, named: str = "") -> EngineImage:
    """Read the facts of an image on the engine; `named` is its name in messages.

    Raises DockerError, and ProjectError for an image of another platform.
    """
    facts = inspect_image(engine, name, named=named)
    check_platform(facts)
    # An image may declare linux/amd64 although its files are of another platform.
    facts = look_into_image(engine, facts)
    check_platform(facts)
    return EngineImage(engine=engine, name=facts.id, facts=facts)


def find_id(engine: Engine, reference: str) -> str | None:
    """Ask the engine for the id of an image; None for an unknown image. Raises DockerError."""
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    try:
        return str(engine.client.images.get(reference).attrs["Id"])
    except ImageNotFound:
        return None
    except (DockerException, RequestException) as error:
        text = str(getattr(error, "explanation", None) or error)
        raise DockerError(
            f"the Docker Engine at {engine.host} could not look for the image {reference}: {text}",
            hint="Check the name of the image.",
        ) from error
