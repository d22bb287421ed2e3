"""The registry client against a registry with odd habits: tokens, redirects, lies, refusals."""

from __future__ import annotations

import json
import os

import pytest

from astro_ci.errors import ProjectError, RegistryError
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.manifest import OCI_INDEX, Descriptor
from astro_ci.image.registry.send import send_image
from astro_ci.image.registry.uploads import Sizes
from astro_ci.web.session import Patience
from tests.integration.registry.images import MemoryImage, repository, tar
from tests.integration.registry.odd import BASIC, PASSWORD, Exchange, OddRegistry, sha256

CHUNKS = Sizes(single_limit=0, chunk_bytes=1000)


def blob_of(data: bytes) -> Descriptor:
    return Descriptor(media_type="", digest=sha256(data), size=len(data))


def content_of(data: bytes) -> Content:
    return Content(blob_of(data), lambda at: iter([data[at:]]), "a blob of the test")


def stored(odd: OddRegistry, image: MemoryImage, name: str = "a/b", tag: str = "1") -> None:
    """Put an image into a registry by hand."""
    odd.blobs |= {(name, digest): blob for digest, blob in image.blobs.items()}
    entry = (image.manifest.media_type, image.manifest.raw)
    odd.manifests[name, tag] = odd.manifests[name, image.manifest.digest] = entry


def test_an_image_of_127_layers(odd: OddRegistry) -> None:
    image = MemoryImage([tar(file=str(number).encode()) for number in range(127)])
    send_image(image.sendable, repository(odd.host, "a/b"), "1")
    assert len(repository(odd.host, "a/b").image("1").layers) == 127


# --- logins ---------------------------------------------------------------------------------------


def test_a_token_is_asked_for_once_for_each_kind_of_request(odd: OddRegistry) -> None:
    odd.login = "bearer"
    target = repository(odd.host, "a/b", PASSWORD)
    send_image(MemoryImage().sendable, target, "1")
    target.image("1")
    assert odd.scopes == [["repository:a/b:pull,push"], ["repository:a/b:pull"]]


def test_a_mount_asks_for_both_repositories_in_one_token(odd: OddRegistry) -> None:
    odd.login = "bearer"
    image = MemoryImage()
    stored(odd, image, "x/source")
    send_image(image.sendable, repository(odd.host, "a/b", PASSWORD), "1", mount_from="x/source")
    assert ["repository:a/b:pull,push", "repository:x/source:pull"] in odd.scopes
    assert image.reads == 0


@pytest.mark.parametrize("how", ["scope", "refusal"])
def test_a_mount_that_is_refused_is_an_upload(odd: OddRegistry, how: str) -> None:
    odd.login = "bearer"
    image = MemoryImage()
    stored(odd, image, "x/source")
    if how == "scope":
        odd.refused_scopes = {"repository:x/source:pull"}
    else:
        odd.trouble(r"POST .*mount=", lambda exchange: exchange.refuse(403), times=9)
    target = repository(odd.host, "a/b", PASSWORD)
    send_image(image.sendable, target, "1", mount_from="x/source")
    assert target.image("1") == image.manifest
    assert image.reads == len(image.blobs)


def test_a_token_that_expires_on_the_way_is_renewed(odd: OddRegistry) -> None:
    odd.login = "bearer"
    target = repository(odd.host, "a/b", PASSWORD)
    data = os.urandom(3000)

    def expire(exchange: Exchange) -> bool:
        odd.tokens.clear()
        return False

    odd.trouble("PATCH", expire)
    target.upload(content_of(data), sizes=CHUNKS)
    assert b"".join(target.read(blob_of(data))) == data


def test_an_identity_token_is_traded_by_post(odd: OddRegistry) -> None:
    odd.login = "bearer"
    login = Login(username="", password=lambda: PASSWORD, hint="")
    target = open_repository(odd.host, "a/b", login, Patience(attempts=1))
    assert not target.has(blob_of(b""))
    assert odd.requests("POST", "/token")


def test_a_refused_token_names_no_password(odd: OddRegistry) -> None:
    odd.login = "bearer"
    with pytest.raises(RegistryError, match="refused the request for a token") as caught:
        repository(odd.host, "a/b", "wrong-password").image("1")
    assert "wrong-password" not in str(caught.value)
    assert caught.value.hint == "Check the token."


def test_without_a_login_the_hint_says_how_to_log_in(odd: OddRegistry) -> None:
    odd.login = "basic"
    with pytest.raises(RegistryError, match="refused the request for 127") as caught:
        repository(odd.host, "a/b").image("1")
    assert "docker login" in caught.value.hint


def test_the_login_never_travels_without_tls(odd: OddRegistry) -> None:
    odd.login = "bearer"
    for realm in ("http://elsewhere.example/token", "ftp://127.0.0.1/", "http://[", ""):
        odd.realm = realm
        with pytest.raises(RegistryError, match="wants the login at an address without TLS"):
            repository(odd.host, "a/b", PASSWORD).image("1")


def test_a_token_server_that_answers_nonsense(odd: OddRegistry) -> None:
    odd.login = "bearer"
    for body in (b"", b"<html>", b"[]", b'{"token": ""}', b'{"token": "a\\nb"}', b'{"token": 1}'):
        odd.trouble("/token", lambda exchange, body=body: exchange.answer(200, body))  # type: ignore[misc]
        with pytest.raises(RegistryError, match="without a token"):
            repository(odd.host, "a/b", PASSWORD).image("1")


# --- redirects ------------------------------------------------------------------------------------


def test_the_object_store_of_a_registry_gets_no_login(
    odd: OddRegistry, object_store: OddRegistry
) -> None:
    odd.login, image = "basic", MemoryImage()
    stored(odd, image)
    object_store.blobs = {("", digest): blob for digest, blob in image.blobs.items()}
    odd.store_url = f"http://{object_store.host}"
    source = repository(odd.host, "a/b", PASSWORD)
    layer = image.manifest.layers[0]
    assert b"".join(source.read(layer)) == image.blobs[layer.digest]
    assert source.has(layer)
    assert object_store.asked
    assert all("Authorization" not in headers for _, _, headers in object_store.asked)
    assert any(headers.get("Authorization") == BASIC for _, _, headers in odd.asked)


def test_redirects_that_never_end(odd: OddRegistry) -> None:
    odd.trouble("GET .*blobs", lambda exchange: exchange.answer(307, Location="/v2/a"), times=1)
    odd.trouble("GET /v2/a$", lambda exchange: exchange.answer(307, Location="/v2/a"), times=9)
    with pytest.raises(RegistryError, match="answered 307"):
        list(repository(odd.host, "a/b").read(blob_of(b"x")))


def test_a_redirect_to_nowhere(odd: OddRegistry) -> None:
    for location in ("", "file:///etc/passwd"):
        odd.trouble("GET .*blobs", lambda e, to=location: e.answer(307, Location=to))  # type: ignore[misc]
        with pytest.raises(RegistryError, match=r"nowhere|without TLS"):
            list(repository(odd.host, "a/b").read(blob_of(b"x")))


# --- lies -----------------------------------------------------------------------------------------


def test_a_manifest_that_is_not_its_digest(odd: OddRegistry) -> None:
    image, other = MemoryImage(), MemoryImage()
    stored(odd, image)
    odd.manifests["a/b", image.manifest.digest] = (other.manifest.media_type, other.manifest.raw)
    with pytest.raises(RegistryError, match="with other bytes than sha256:"):
        repository(odd.host, "a/b").image(image.manifest.digest)
    odd.trouble("manifests", lambda e: e.answer(200, b"{}", Docker_Content_Digest=sha256(b"")))
    with pytest.raises(RegistryError, match="with other bytes than sha256:"):
        repository(odd.host, "a/b").image("1")


def test_a_layer_that_is_not_its_digest_is_not_passed_on(odd: OddRegistry) -> None:
    image = MemoryImage()
    stored(odd, image)
    layer = image.manifest.layers[0].digest
    odd.blobs["a/b", layer] = bytes(len(image.blobs[layer]))
    source, target = repository(odd.host, "a/b"), repository(odd.host, "c/d")
    content = Content(image.manifest.layers[0], lambda at: source.read(blob, at), "the layer")
    blob = image.manifest.layers[0]
    with pytest.raises(RegistryError, match=r"the layer should be sha256:.* and is sha256:"):
        target.upload(content)
    assert ("c/d", layer) not in odd.blobs


def test_a_registry_that_calls_what_it_took_by_another_name(odd: OddRegistry) -> None:
    odd.trouble("PUT", lambda e: bool(e.read_body()) and e.answer(201, Docker_Content_Digest="no"))
    with pytest.raises(RegistryError, match="and answered with another digest: no"):
        repository(odd.host, "a/b").upload(content_of(b"data"))


def test_a_tag_that_others_push_to_at_the_same_time(odd: OddRegistry) -> None:
    image, other = MemoryImage(), MemoryImage()

    def overwrite(exchange: Exchange) -> bool:
        stored(odd, other)
        return False

    odd.trouble("GET .*manifests/1", overwrite)
    with pytest.raises(RegistryError, match=f"and now has {other.manifest.digest} under that tag"):
        send_image(image.sendable, repository(odd.host, "a/b"), "1")


# --- trouble --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_registry_is_asked_again(odd: OddRegistry, status: int) -> None:
    pauses: list[float] = []
    odd.trouble("POST", lambda e: e.refuse(status, "TOOMANYREQUESTS", Retry_After="7"))
    odd.trouble("PUT .*uploads", lambda e: bool(e.read_body()) and e.refuse(status, "UNKNOWN"))
    odd.trouble("PUT .*manifests", lambda e: bool(e.read_body()) and e.refuse(status, "UNKNOWN"))
    odd.trouble("HEAD .*blobs", lambda e: e.refuse(status))
    odd.trouble("GET .*manifests", lambda e: e.refuse(status))
    target = repository(odd.host, "a/b", sleep=pauses)
    image = MemoryImage()
    send_image(image.sendable, target, "1", workers=1)
    assert len(pauses) == 5
    assert 7.0 in pauses
    assert target.image("1") == image.manifest


def test_a_registry_that_stays_busy_is_given_up(odd: OddRegistry) -> None:
    odd.trouble("POST", lambda e: e.refuse(503, "UNAVAILABLE"), times=99)
    with pytest.raises(RegistryError, match="answered 503 to the upload of a layer") as caught:
        repository(odd.host, "a/b").upload(content_of(b"data"))
    assert "Run the job again" in caught.value.hint
    assert len(odd.requests("POST")) == 3


def test_a_registry_that_asks_for_a_day_is_not_waited_for(odd: OddRegistry) -> None:
    pauses: list[float] = []
    for method in ("POST", "HEAD", "GET .*blobs/sha"):
        odd.trouble(method, lambda e: e.refuse(429, "TOOMANYREQUESTS", Retry_After="86400"))
    target = repository(odd.host, "a/b", sleep=pauses)
    with pytest.raises(RegistryError, match="answered 429"):
        target.upload(content_of(b"data"))
    with pytest.raises(RegistryError, match="answered 429"):
        target.has(blob_of(b"data"))
    with pytest.raises(RegistryError, match="answered 429"):
        list(target.read(blob_of(b"data")))
    assert pauses == []


@pytest.mark.parametrize("status", [400, 404, 405, 413, 501])
def test_a_registry_without_chunks_gets_the_blob_at_once(odd: OddRegistry, status: int) -> None:
    data = os.urandom(5000)
    odd.trouble("PATCH", lambda e: bool(e.read_body()) and e.refuse(status, "UNSUPPORTED"))
    target = repository(odd.host, "a/b")
    target.upload(content_of(data), sizes=CHUNKS)
    assert b"".join(target.read(blob_of(data))) == data
    assert len(odd.requests("PATCH")) == 1


def test_a_registry_that_loses_chunks_gets_the_blob_at_once(odd: OddRegistry) -> None:
    data = os.urandom(2000)

    def keep_none(exchange: Exchange) -> bool:
        exchange.read_body()
        return exchange.answer(202, Range="0-999", Location="/v2/a/b/blobs/uploads/1")

    odd.trouble("PATCH", keep_none)
    target = repository(odd.host, "a/b")
    target.upload(content_of(data), sizes=CHUNKS)
    assert b"".join(target.read(blob_of(data))) == data


def test_a_registry_that_says_where_to_go_on(odd: OddRegistry) -> None:
    data = os.urandom(3000)

    def half(exchange: Exchange) -> bool:
        odd.uploads["1"] += exchange.read_body()[:500]
        return exchange.answer(416, Range="0-499", Location="/v2/a/b/blobs/uploads/1")

    odd.trouble("PATCH", half)
    target = repository(odd.host, "a/b")
    target.upload(content_of(data), sizes=CHUNKS)
    assert odd.blobs["a/b", sha256(data)] == data


def test_a_download_that_breaks_goes_on(odd: OddRegistry) -> None:
    data, pauses = os.urandom(900_000), list[float]()
    odd.blobs["a/b", sha256(data)] = data

    def break_off(exchange: Exchange) -> bool:
        exchange.answer(200, data[:300_000], Content_Length=str(len(data)))
        exchange.close_connection = True
        return True

    odd.trouble("GET .*blobs", break_off)
    source = repository(odd.host, "a/b", sleep=pauses)
    # This registry ignores Range, and sends it all again.
    assert b"".join(source.read(blob_of(data))) == data
    assert len(pauses) == 1
    asked = [headers.get("Range", "") for _, path, headers in odd.asked if "blobs" in path]
    assert asked[0] == ""
    assert asked[1].startswith("bytes=")


def test_a_layer_that_is_shorter_than_it_says(odd: OddRegistry) -> None:
    blob = Descriptor(media_type="", digest=sha256(b"x"), size=10)
    for content in (b"abc", b""):
        odd.blobs["a/b", sha256(b"x")] = content
        with pytest.raises(RegistryError, match=f"sent {len(content)} of 10 bytes") as caught:
            list(repository(odd.host, "a/b").read(blob))
        assert "push the image again" in caught.value.hint


def test_a_web_page_is_no_registry(odd: OddRegistry) -> None:
    page = b"<html><body>Log in, please</body></html>"
    odd.trouble("GET /v2/$", lambda e: e.answer(200, page, Content_Type="text/html"))
    with pytest.raises(RegistryError, match="with a web page: it is not a registry") as caught:
        repository(odd.host, "a/b").image("1")
    assert "/v2/" in caught.value.hint
    odd.trouble("GET .*manifests", lambda e: e.answer(200, page, Content_Type="text/html"))
    with pytest.raises(RegistryError, match="with a web page: it is not a registry"):
        repository(odd.host, "a/b").image("1")
    odd.trouble("HEAD", lambda e: e.answer(403, page, Content_Type="text/html"))
    with pytest.raises(RegistryError, match=r"refused .*: a web page"):
        repository(odd.host, "a/b").has(blob_of(b""))


def test_an_upload_without_a_location(odd: OddRegistry) -> None:
    odd.trouble("POST", lambda e: e.answer(202))
    with pytest.raises(RegistryError, match="without a Location"):
        repository(odd.host, "a/b").upload(content_of(b"x"))


def test_a_manifest_without_end_is_cut_off(odd: OddRegistry) -> None:
    odd.manifests["a/b", "1"] = ("application/json", b" " * (5 << 20))
    with pytest.raises(RegistryError, match="with more than 4 MiB"):
        repository(odd.host, "a/b").image("1")


def test_what_stops_the_sending_stops_every_thread(odd: OddRegistry) -> None:
    class StopError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done:
            raise StopError

    with pytest.raises(StopError):
        send_image(MemoryImage().sendable, repository(odd.host, "a/b"), "1", on_progress=stop)
    assert ("a/b", "1") not in odd.manifests


# --- indexes --------------------------------------------------------------------------------------


def index_of(*entries: tuple[str, MemoryImage]) -> bytes:
    manifests = []
    for platform, image in entries:
        system, _, machine = platform.partition("/")
        manifests.append(
            {
                "mediaType": image.manifest.media_type,
                "digest": image.manifest.digest,
                "size": len(image.manifest.raw),
                "platform": {"os": system, "architecture": machine},
            }
        )
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


def test_of_an_index_the_image_for_astro_is_taken(odd: OddRegistry) -> None:
    arm, amd, proof = MemoryImage(), MemoryImage(), MemoryImage()
    for image in (arm, amd, proof):
        stored(odd, image)
    raw = index_of(("linux/arm64", arm), ("unknown/unknown", proof), ("linux/amd64", amd))
    odd.manifests["a/b", "many"] = (OCI_INDEX, raw)
    assert repository(odd.host, "a/b").image("many") == amd.manifest

    odd.manifests["a/b", "arm"] = (OCI_INDEX, index_of(("linux/arm64", arm)))
    with pytest.raises(ProjectError, match="without an image for linux/amd64") as caught:
        repository(odd.host, "a/b").image("arm")
    assert "it lists linux/arm64" in str(caught.value)
    assert "--platform linux/amd64" in caught.value.hint
