"""The image registry, by raw HTTP as clients of the OCI specification speak it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import (
    MANIFEST_V2,
    RUNTIME_LABEL,
    Client,
    basic,
    image_manifest,
    push,
    put_blob,
    put_manifest,
    sha256,
)

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = json.dumps({"config": {"Labels": {RUNTIME_LABEL: "13.1.0"}}}).encode()


class Repository:
    """One repository, with a login."""

    def __init__(self, astro: Sandbox, name: str, token: str | None = None) -> None:
        self.astro = astro
        self.name = name
        self.session = requests.Session()
        self.session.headers.update(basic(astro, token))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        url = path if path.startswith("http") else f"{self.astro.api_url}/v2/{self.name}{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, url, data=body, headers=sent, timeout=30)

    def begin(self) -> str:
        answer = self.call("POST", "/blobs/uploads/")
        assert answer.status_code == 202
        assert answer.headers["range"] == "0-0"
        return f"{self.astro.api_url}{answer.headers['location']}"


@pytest.fixture
def repository(astro: Sandbox, api: Client) -> Repository:
    return Repository(astro, api.deployment()["imageRepository"].partition("/")[2])


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_a_blob_is_uploaded_at_once(repository: Repository) -> None:
    digest = sha256(b"blob")
    url = repository.begin()

    answer = repository.call("PUT", f"{url}?digest={digest}", b"blob")

    assert answer.status_code == 201
    assert answer.headers["docker-content-digest"] == digest
    head = repository.call("HEAD", f"/blobs/{digest}")
    assert (head.status_code, head.headers["content-length"]) == (200, "4")
    assert repository.call("GET", f"/blobs/{digest}").content == b"blob"


def test_a_blob_is_uploaded_in_chunks(repository: Repository) -> None:
    url = repository.begin()
    first = repository.call("PATCH", url, b"hello ", Content_Range="0-5")
    assert (first.status_code, first.headers["range"]) == (202, "0-5")
    again = repository.call("PATCH", url, b"hello ", Content_Range="0-5")
    assert (again.status_code, again.headers["range"]) == (416, "0-5")
    assert repository.call("PATCH", url, iter([b"wor", b"ld"])).headers["range"] == "0-10"
    progress = repository.call("GET", url)
    assert (progress.status_code, progress.headers["range"]) == (204, "0-10")

    answer = repository.call("PUT", f"{url}?digest={sha256(b'hello world!')}", b"!")

    assert answer.status_code == 201
    blob = repository.call("GET", f"/blobs/{sha256(b'hello world!')}")
    assert blob.content == b"hello world!"


def test_a_chunk_says_where_it_belongs(repository: Repository) -> None:
    url = repository.begin()
    for wrong, status in (("4-7", 416), ("x", 400), ("3-1", 400), ("bytes 0-1/*", 400)):
        answer = repository.call("PATCH", url, b"hello", Content_Range=wrong)
        assert answer.status_code == status, wrong
    # A chunk that is not as long as it says is not kept.
    assert repository.call("GET", url).headers["range"] == "0-0"
    assert repository.call("PATCH", url, b"hello", Content_Range="0-4").status_code == 202
    digest = sha256(b"hello!")
    late = repository.call("PUT", f"{url}?digest={digest}", b"!", Content_Range="4-4")
    assert (late.status_code, late.headers["range"]) == (416, "0-4")
    done = repository.call("PUT", f"{url}?digest={digest}", b"!", Content_Range="5-5")
    assert done.status_code == 201


def test_an_upload_goes_on_after_a_broken_connection(
    astro: Sandbox, repository: Repository
) -> None:
    blob = bytes(range(256)) * 4096
    url = repository.begin()
    path = url.removeprefix(astro.api_url)
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(blob)}\r\n"
        f"Authorization: {basic(astro)['Authorization']}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", astro.port)) as connection:
        connection.sendall(head.encode() + blob[: len(blob) // 2])

    arrived = 0
    while not arrived:
        answer = repository.call("GET", url)
        assert answer.status_code == 204
        arrived = int(answer.headers["range"].partition("-")[2]) + 1
        arrived = 0 if arrived == 1 else arrived
    # The rest of what was sent may still be on its way: a chunk that overlaps says so.
    while True:
        rest = f"{arrived}-{len(blob) - 1}"
        sent = repository.call("PATCH", url, blob[arrived:], Content_Range=rest)
        if sent.status_code == 202:
            break
        assert sent.status_code == 416
        arrived = int(sent.headers["range"].partition("-")[2]) + 1
    assert arrived <= len(blob) // 2
    done = repository.call("PUT", f"{url}?digest={sha256(blob)}")
    assert done.status_code == 201
    assert repository.call("GET", f"/blobs/{sha256(blob)}").content == blob


def test_an_upload_belongs_to_its_repository(
    astro: Sandbox, api: Client, repository: Repository
) -> None:
    other = Repository(astro, api.deployment("development")["imageRepository"].partition("/")[2])
    upload_id = repository.begin().rpartition("/")[2]
    for method in ("GET", "PATCH", "DELETE"):
        answer = other.call(method, f"/blobs/uploads/{upload_id}")
        assert code(answer) == (404, "BLOB_UPLOAD_UNKNOWN")
    put = other.call("PUT", f"/blobs/uploads/{upload_id}?digest={sha256(b'')}")
    assert code(put) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_part_of_a_blob_can_be_read(astro: Sandbox, repository: Repository) -> None:
    put_blob(astro, repository.name, b"hello world")
    part = repository.call("GET", f"/blobs/{sha256(b'hello world')}", Range="bytes=6-")
    assert (part.status_code, part.content) == (206, b"world")
    assert part.headers["content-range"] == "bytes 6-10/11"


def test_a_blob_is_what_its_digest_says(repository: Repository) -> None:
    url = repository.begin()
    answer = repository.call("PUT", f"{url}?digest={sha256(b'other')}", b"blob")
    assert code(answer) == (400, "DIGEST_INVALID")
    assert repository.call("HEAD", f"/blobs/{sha256(b'blob')}").status_code == 404
    assert code(repository.call("PUT", repository.begin(), b"blob")) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("digest", ["sha256:12", "md5:0", "sha256:..", "x"])
def test_a_malformed_digest_is_refused(repository: Repository, digest: str) -> None:
    assert repository.call("HEAD", f"/blobs/{digest}").status_code == 400
    answer = repository.call("PUT", f"{repository.begin()}?digest={digest}", b"")
    assert code(answer) == (400, "DIGEST_INVALID")


def test_an_upload_can_be_cancelled(repository: Repository) -> None:
    url = repository.begin()
    assert repository.call("DELETE", url).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert code(repository.call(method, url)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_is_mounted_from_another_repository(astro: Sandbox, api: Client) -> None:
    names = [
        api.deployment(name)["imageRepository"].partition("/")[2]
        for name in ("production", "development")
    ]
    source, target = (Repository(astro, name) for name in names)
    put_blob(astro, source.name, b"shared")
    digest = sha256(b"shared")
    assert target.call("HEAD", f"/blobs/{digest}").status_code == 404

    answer = target.call("POST", f"/blobs/uploads/?mount={digest}&from={source.name}")

    assert answer.status_code == 201
    assert target.call("GET", f"/blobs/{digest}").content == b"shared"
    unknown = target.call("POST", f"/blobs/uploads/?mount={sha256(b'?')}&from={source.name}")
    assert unknown.status_code == 202
    assert unknown.headers["location"].startswith(f"/v2/{target.name}/blobs/uploads/")
    fallback = f"{astro.api_url}{unknown.headers['location']}?digest={sha256(b'?')}"
    assert target.call("PUT", fallback, b"?").status_code == 201
    nowhere = target.call("POST", f"/blobs/uploads/?mount={digest}")
    assert nowhere.status_code == 202
    bad = target.call("POST", f"/blobs/uploads/?mount=sha256:x&from={source.name}")
    assert code(bad) == (400, "DIGEST_INVALID")
    foreign = target.call("POST", f"/blobs/uploads/?mount={digest}&from=no/such")
    assert foreign.status_code == 202


def test_a_key_mounts_nothing_from_a_repository_it_does_not_see(
    astro: Sandbox, api: Client
) -> None:
    hidden = api.deployment("development")["imageRepository"].partition("/")[2]
    put_blob(astro, hidden, b"hidden")
    name = api.deployment()["imageRepository"].partition("/")[2]
    key = Repository(astro, name, astro.new_token(deployment="production"))

    answer = key.call("POST", f"/blobs/uploads/?mount={sha256(b'hidden')}&from={hidden}")

    assert answer.status_code == 202
    assert key.call("HEAD", f"/blobs/{sha256(b'hidden')}").status_code == 404


@pytest.mark.parametrize("media_type", [MANIFEST_V2, OCI_MANIFEST])
def test_a_manifest_is_found_by_tag_and_by_digest(
    astro: Sandbox, repository: Repository, media_type: str
) -> None:
    raw = image_manifest(CONFIG, b"layer").replace(MANIFEST_V2.encode(), media_type.encode())
    for blob in (CONFIG, b"layer"):
        put_blob(astro, repository.name, blob)

    answer = put_manifest(astro, repository.name, "v1", raw, media_type)

    assert answer.status_code == 201
    assert answer.headers["docker-content-digest"] == sha256(raw)
    for reference in ("v1", sha256(raw)):
        found = repository.call("GET", f"/manifests/{reference}")
        assert found.content == raw
        assert found.headers["content-type"] == media_type
        assert found.headers["docker-content-digest"] == sha256(raw)
        assert repository.call("HEAD", f"/manifests/{reference}").status_code == 200
    assert put_manifest(astro, repository.name, sha256(raw), raw, media_type).status_code == 201
    wrong = put_manifest(astro, repository.name, sha256(b"x"), raw, media_type)
    assert code(wrong) == (400, "DIGEST_INVALID")


def test_a_tag_moves(astro: Sandbox, repository: Repository) -> None:
    for blob in (CONFIG, b"one", b"two"):
        put_blob(astro, repository.name, blob)
    manifests = [image_manifest(CONFIG, layer) for layer in (b"one", b"two")]
    for raw in manifests:
        put_manifest(astro, repository.name, "latest", raw)
    assert repository.call("GET", "/manifests/latest").content == manifests[1]
    assert repository.call("GET", f"/manifests/{sha256(manifests[0])}").content == manifests[0]


def test_a_manifest_needs_its_blobs(astro: Sandbox, repository: Repository) -> None:
    put_blob(astro, repository.name, CONFIG)
    answer = put_manifest(astro, repository.name, "v1", image_manifest(CONFIG, b"missing"))
    assert code(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == {"digest": sha256(b"missing")}
    assert code(repository.call("GET", "/manifests/v1")) == (404, "MANIFEST_UNKNOWN")


INDEX_TYPES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


def put_index(
    astro: Sandbox, name: str, tag: str, images: dict[str, bytes], media_type: str
) -> requests.Response:
    """Push an image of one layer for each architecture, and the index of them."""
    listed = []
    for architecture, layer in images.items():
        for blob in (CONFIG, layer):
            put_blob(astro, name, blob)
        raw = image_manifest(CONFIG, layer)
        assert put_manifest(astro, name, sha256(raw), raw).status_code == 201
        platform = {"os": "linux", "architecture": architecture}
        listed.append({"mediaType": MANIFEST_V2, "digest": sha256(raw), "size": len(raw)})
        listed[-1]["platform"] = platform
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": listed}
    return put_manifest(astro, name, tag, json.dumps(index).encode(), media_type)


@pytest.mark.parametrize("media_type", INDEX_TYPES)
def test_an_index_is_stored_and_found(
    astro: Sandbox, repository: Repository, media_type: str
) -> None:
    images = {"arm64": b"arm", "amd64": b"amd"}
    answer = put_index(astro, repository.name, "v1", images, media_type)

    assert answer.status_code == 201
    for reference in ("v1", answer.headers["docker-content-digest"]):
        found = repository.call("GET", f"/manifests/{reference}")
        assert found.headers["content-type"] == media_type
        assert [one["platform"]["architecture"] for one in found.json()["manifests"]] == [
            "arm64",
            "amd64",
        ]
        for one in found.json()["manifests"]:
            assert repository.call("HEAD", f"/manifests/{one['digest']}").status_code == 200


@pytest.mark.parametrize("media_type", INDEX_TYPES)
def test_an_index_needs_its_manifests(
    astro: Sandbox, repository: Repository, media_type: str
) -> None:
    missing = {"mediaType": MANIFEST_V2, "digest": sha256(b"missing"), "size": 1}
    raw = json.dumps({"schemaVersion": 2, "manifests": [missing]}).encode()
    answer = put_manifest(astro, repository.name, "v1", raw, media_type)
    assert code(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
    broken = put_manifest(astro, repository.name, "v1", b"{}", media_type)
    assert code(broken) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("media_type", INDEX_TYPES)
def test_a_deploy_of_an_index_is_refused_with_the_remedy(
    astro: Sandbox, api: Client, media_type: str
) -> None:
    deploy = api.create("IMAGE_ONLY")
    name = deploy["imageRepository"].partition("/")[2]
    put_index(astro, name, deploy["imageTag"], {"amd64": b"amd"}, media_type)
    assert "--provenance=false" in api.finalize(deploy, status=400)["message"]
    empty = api.create("IMAGE_ONLY")
    put_index(astro, name, empty["imageTag"], {}, media_type)
    assert "No image was pushed" in api.finalize(empty, status=400)["message"]


@pytest.mark.parametrize(
    ("raw", "media_type", "status"),
    [
        (b"{}", MANIFEST_V2, 400),
        (b"[", MANIFEST_V2, 400),
        (b"\xff", MANIFEST_V2, 400),
        (b"{}", "text/plain", 415),
        (b" " * (5 << 20), MANIFEST_V2, 413),
    ],
    ids=["empty", "broken", "not text", "other type", "too large"],
)
def test_a_bad_manifest_is_refused(
    astro: Sandbox, repository: Repository, raw: bytes, media_type: str, status: int
) -> None:
    answer = put_manifest(astro, repository.name, "v1", raw, media_type)
    assert code(answer) == (status, "MANIFEST_INVALID")


def test_a_bad_tag_is_refused(astro: Sandbox, repository: Repository) -> None:
    for blob in (CONFIG, b"layer"):
        put_blob(astro, repository.name, blob)
    for tag in ("-x", "a" * 129, "%2e%2e"):
        answer = put_manifest(astro, repository.name, tag, image_manifest(CONFIG, b"layer"))
        assert code(answer) == (400, "TAG_INVALID")


def test_tags_are_listed_in_pages(api: Client, astro: Sandbox, repository: Repository) -> None:
    tags = sorted(
        deploy["imageTag"]
        for deploy in (api.create("IMAGE_ONLY") for _ in range(3))
        if push(astro, deploy)
    )
    assert repository.call("GET", "/tags/list").json() == {"name": repository.name, "tags": tags}
    page = repository.call("GET", "/tags/list?n=2")
    assert page.json()["tags"] == tags[:2]
    assert page.links["next"]["url"].endswith(f"/tags/list?n=2&last={tags[1]}")
    assert "link" not in repository.call("GET", "/tags/list?n=3").headers
    assert repository.call("GET", "/tags/list?n=x").status_code == 400
    assert repository.call("GET", f"/tags/list?n=2&last={tags[1]}").json()["tags"] == tags[2:]
    assert astro.tags("production") == tags


def test_no_other_repositories_exist(astro: Sandbox, api: Client) -> None:
    for name in ("no/such", "%2e%2e/etc", astro.organization_id):
        answer = Repository(astro, name).call("POST", "/blobs/uploads/")
        assert answer.status_code == 404
    assert code(Repository(astro, "x").call("GET", "/")) == (404, "NAME_UNKNOWN")


def test_a_key_reaches_its_own_repository_alone(astro: Sandbox, api: Client) -> None:
    token = astro.new_token(deployment="production")
    for name, status in (("production", 202), ("development", 403)):
        repository = api.deployment(name)["imageRepository"].partition("/")[2]
        answer = Repository(astro, repository, token).call("POST", "/blobs/uploads/")
        assert answer.status_code == status
    assert code(answer) == (403, "DENIED")


def test_unsupported_operations_say_so(repository: Repository) -> None:
    answer = repository.call("DELETE", f"/manifests/{sha256(b'')}")
    assert code(answer) == (405, "UNSUPPORTED")
    assert answer.headers["allow"] == "GET, HEAD, PUT"


def test_pushing_again_uploads_nothing(api: Client, astro: Sandbox) -> None:
    deploy = api.create("IMAGE_ONLY")
    assert push(astro, deploy) == push(astro, deploy)
    assert astro.tags("production") == [deploy["imageTag"]]


def test_an_artifact_that_is_no_image_has_no_runtime(api: Client, astro: Sandbox) -> None:
    deploy = api.create("IMAGE_ONLY")
    name = deploy["imageRepository"].partition("/")[2]
    config = b"[]"
    put_blob(astro, name, config)
    put_manifest(astro, name, deploy["imageTag"], image_manifest(config))
    assert api.finalize(deploy)["astroRuntimeVersion"] == "13.1.0"
