"""Names of images: `host/path:tag@digest`; without a host, the image is on Docker Hub.

Source: the reference grammar of distribution, which the docker command uses.
"""

from __future__ import annotations

from msgspec import Struct

from astro_ci.errors import ConfigurationError
from astro_ci.image.registry.manifest import is_digest
from astro_ci.text import Regex, excerpt

HUB = "docker.io"

_PATH = Regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_HOST = Regex(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_TAG = Regex(r"\w[\w.-]{0,127}")
_MOST = 255


class Reference(Struct, frozen=True, kw_only=True):
    """The place of an image. `reference` is the digest if there is one, else the tag."""

    host: str
    name: str
    reference: str

    def __str__(self) -> str:
        joiner = "@" if ":" in self.reference else ":"
        return f"{self.host}/{self.name}{joiner}{self.reference}"


def parse_reference(text: str) -> Reference:
    """Read the name of an image. Raises ConfigurationError."""
    rest, at, digest = text.partition("@")
    host, slash, path = rest.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, path = HUB, rest
    path, colon, tag = path.partition(":")
    if host in (HUB, "index.docker.io") and "/" not in path:
        path = f"library/{path}"
    is_fine = (
        _HOST.fullmatch(host)
        and _PATH.fullmatch(path)
        and len(path) <= _MOST
        and (not colon or _TAG.fullmatch(tag))
        and (not at or is_digest(digest))
    )
    if not is_fine:
        raise ConfigurationError(
            f"{excerpt(text)!r} is not the name of an image",
            hint="Write it as `docker pull` takes it, such as registry.example.com/team/image:tag "
            "or registry.example.com/team/image@sha256:DIGEST.",
        )
    return Reference(host=host, name=path, reference=digest or tag or "latest")
