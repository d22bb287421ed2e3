"""A stand-in for the Docker Engine that is quick: it keeps the real build context as one layer.

What it is sent, it is sent by the real code, and what it pushes goes over HTTP to a real registry.
It builds every Dockerfile as Astro Runtime does, whose `ONBUILD` copies the context.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

import requests
from docker.errors import ImageNotFound, NotFound

from astro_ci.image.engine import Engine

if TYPE_CHECKING:
    import docker

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class QuickEngine:
    """Images by name, and trouble on demand."""

    def __init__(self) -> None:
        self.layers: dict[str, bytes] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.fail_next_build = False
        self.api = self
        self.images = self

    def engine(self) -> Engine:
        """As the rest of the program sees it; Podman is what needs no docker command."""
        return Engine(cast("docker.DockerClient", self), "quick", "0", is_podman=True)

    def close(self) -> None:
        """Nothing is open."""

    def info(self) -> dict[str, Any]:
        """Say nothing of containerd."""
        return {}

    def build(
        self, *, fileobj: Iterable[bytes], tag: str, labels: dict[str, str], **_options: Any
    ) -> Iterator[dict[str, str]]:
        """Read the context, and keep it."""
        context = b"".join(fileobj)
        if self.fail_next_build:
            self.fail_next_build = False
            yield {"error": "a build that fails on demand"}
            return
        yield {"stream": "Step 1/1 : FROM runtime"}
        self.layers[tag] = context
        self.labels[tag] = labels | {RUNTIME_LABEL: "13.1.0"}

    def get(self, reference: str) -> QuickImage:
        """Find an image."""
        if reference not in self.layers:
            raise ImageNotFound(reference)
        return QuickImage(self, reference)

    def remove_image(self, reference: str, **_options: Any) -> None:
        """Forget a name."""
        self.layers.pop(reference, None)
        self.labels.pop(reference, None)

    def create_container(self, reference: str, **_options: Any) -> None:
        """Make a container that is never started."""

    def get_archive(self, container: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        """Find nothing in it: the image holds no program."""
        raise NotFound(path)

    def remove_container(self, name: str, **_options: Any) -> None:
        """There is nothing to remove."""

    def push(
        self, repository: str, *, tag: str, auth_config: dict[str, str], **_options: Any
    ) -> Iterator[dict[str, Any]]:
        """Push an image of one layer."""
        reference = f"{repository}:{tag}"
        login = (auth_config["username"], auth_config["password"])
        host, _, name = repository.partition("/")
        try:
            digest = push_image(
                f"http://{host}", name, tag, self.layers[reference], self.labels[reference], login
            )
        except requests.RequestException as error:
            yield {"error": f"received unexpected HTTP status: {error}"}
            return
        yield {"aux": {"Tag": tag, "Digest": digest}}


class QuickImage:
    """One image, as the SDK shows it."""

    def __init__(self, owner: QuickEngine, reference: str) -> None:
        self._owner = owner
        self._reference = reference
        layer = owner.layers[reference]
        self.tags = [name for name, other in owner.layers.items() if other is layer]
        self.attrs = {
            "Id": digest_of(layer),
            "Os": "linux",
            "Architecture": "amd64",
            "Config": {"Labels": owner.labels[reference]},
        }

    def tag(self, repository: str, tag: str) -> bool:
        """Give it another name."""
        name = f"{repository}:{tag}"
        self._owner.layers[name] = self._owner.layers[self._reference]
        self._owner.labels[name] = self._owner.labels[self._reference]
        return True


def push_image(
    url: str, name: str, tag: str, layer: bytes, labels: dict[str, str], login: tuple[str, str]
) -> str:
    """Push an image of one layer to a registry, and return its digest."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, layer)],
        }
    ).encode()
    with requests.Session() as session:
        session.auth = login
        for blob in (layer, config):
            uploads = f"{url}/v2/{name}/blobs/uploads/?digest={digest_of(blob)}"
            _done(session.post(uploads, blob, timeout=30))
        put = session.put(
            f"{url}/v2/{name}/manifests/{tag}",
            manifest,
            headers={"Content-Type": MANIFEST},
            timeout=30,
        )
    if _done(put).headers.get("Docker-Content-Digest") is None:
        raise requests.exceptions.InvalidHeader("invalid checksum digest format")
    return digest_of(manifest)


def _done(answer: requests.Response) -> requests.Response:
    """Return an answer that a Docker Engine would take for success."""
    answer.raise_for_status()
    if answer.status_code >= 300:
        raise requests.RequestException(f"{answer.status_code} response missing Location header")
    return answer


def pull_layer(url: str, name: str, tag: str, login: tuple[str, str]) -> bytes:
    """Pull the one layer of such an image."""
    with requests.Session() as session:
        session.auth = login
        answer = session.get(
            f"{url}/v2/{name}/manifests/{tag}", headers={"Accept": MANIFEST}, timeout=30
        )
        answer.raise_for_status()
        (layer,) = answer.json()["layers"]
        blob = session.get(f"{url}/v2/{name}/blobs/{layer['digest']}", timeout=30)
        blob.raise_for_status()
        return blob.content


def digest_of(data: bytes) -> str:
    """Name some bytes as a registry does."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
