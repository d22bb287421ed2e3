"""Find the addresses of Astro's services."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from astro_ci.errors import ConfigurationError
from astro_ci.text import Regex, printable

DEFAULT_DOMAIN = "astronomer.io"
_DOMAIN = Regex(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Endpoint(Struct, frozen=True, kw_only=True):
    """The addresses of the API and of the web application."""

    domain: str
    api_url: str
    """Scheme and host, without a path and a trailing slash."""

    def deployment_url(self, workspace_id: str, deployment_id: str) -> str:
        """Return the URL of the Deployment's page in the web application."""
        host = self.api_url if _is_local(self.domain) else f"https://cloud.{self.domain}"
        return f"{host}/{workspace_id}/deployments/{deployment_id}"


def find_endpoint(env: Mapping[str, str], *, domain: str | None = None) -> Endpoint:
    """Read ASTRO_API_URL and ASTRO_DOMAIN; `domain` is the default when neither is set.

    Raises ConfigurationError for an invalid URL, or a URL that would send a token unencrypted.
    """
    domain = env.get("ASTRO_DOMAIN", "").strip() or domain or DEFAULT_DOMAIN
    if not _DOMAIN.fullmatch(domain):
        raise ConfigurationError(
            f"ASTRO_DOMAIN is {_shown(domain)!r}, which is not a domain name",
            hint="Set it to a name such as astronomer.io, without scheme and path, or unset it; "
            "put a whole URL into ASTRO_API_URL.",
        )
    url = env.get("ASTRO_API_URL", "").strip().rstrip("/")
    if not url:
        local = _is_local(domain)
        return Endpoint(
            domain=domain, api_url="http://localhost:8888" if local else f"https://api.{domain}"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        parts = urlsplit("")
    has_more = parts.query or parts.fragment  # paths are appended to the URL
    if parts.scheme not in ("http", "https") or not parts.hostname or has_more:
        raise ConfigurationError(
            f"ASTRO_API_URL is {_shown(url)!r}, which is not a URL",
            hint="Set it to a scheme and host such as https://api.astronomer.io, or unset it.",
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            "ASTRO_API_URL contains a user or a password, which Astro does not accept",
            hint="Put the token into ASTRO_API_TOKEN, and only scheme and host into ASTRO_API_URL.",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            f"ASTRO_API_URL is {url}, which would send the token unencrypted",
            hint="Use https; plain http is for a sandbox on this machine.",
        )
    domain = "localhost" if _is_loopback(parts.hostname) else domain
    return Endpoint(domain=domain, api_url=url.removesuffix("/v1"))


def _shown(value: str) -> str:
    """Show a possibly invalid value, without the user and the password of a URL."""
    _login, at, rest = value.rpartition("@")
    return printable(f"***@{rest}" if at else value)


def _is_local(domain: str) -> bool:
    return domain == "localhost"


def _is_loopback(host: str) -> bool:
    """Whether a host is surely this machine; a name that starts with 127. is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
