"""The blob store, by raw HTTP as Azure's clients speak it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.store.blobs import BlobError, BlobStore, Incoming
from tests.integration.sandbox.support import BLOCK_BLOB, Client, Clock, upload

VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


@pytest.fixture
def url(api: Client) -> str:
    found: str = api.create("DAG_ONLY")["dagsUploadUrl"]
    return found


def put(url: str, body: bytes = b"bundle", **headers: str) -> requests.Response:
    sent = BLOCK_BLOB | {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.put(url, body, headers=sent, timeout=30)


def block_id(number: int, width: int = 6) -> str:
    return base64.b64encode(f"{number:0{width}d}".encode()).decode()


def put_block(url: str, identity: str, body: bytes) -> requests.Response:
    query = urlencode({"comp": "block", "blockid": identity})
    return requests.put(f"{url}&{query}", body, timeout=30)


def put_block_list(url: str, *identities: str) -> requests.Response:
    latest = "".join(f"<Latest>{identity}</Latest>" for identity in identities)
    body = f'<?xml version="1.0" encoding="utf-8"?>\n<BlockList>\n{latest}\n</BlockList>'
    return requests.put(f"{url}&comp=blocklist", body, timeout=30)


def error_code(answer: requests.Response) -> str:
    assert answer.headers["content-type"] == "application/xml"
    found = re.search("<Code>(.*)</Code>", answer.text)
    assert found
    assert answer.headers["x-ms-error-code"] == found[1]
    return found[1]


def test_each_put_is_a_version_of_its_own(url: str) -> None:
    first, second = put(url, b"one"), put(url, b"two")

    assert (first.status_code, second.status_code) == (201, 201)
    old, new = (answer.headers["x-ms-version-id"] for answer in (first, second))
    assert VERSION.fullmatch(old)
    assert old < new
    assert requests.get(url, timeout=10).content == b"two"
    assert requests.get(f"{url}&versionid={old}", timeout=10).content == b"one"
    head = requests.head(f"{url}&versionid={old}", timeout=10)
    assert (head.headers["content-length"], head.headers["x-ms-version-id"]) == ("3", old)


def test_an_upload_answers_with_azures_headers(url: str) -> None:
    headers = put(url).headers
    assert headers["x-ms-version"] == "2023-11-03"
    assert headers["x-ms-request-id"]
    assert headers["etag"]
    assert headers["last-modified"]
    assert headers["content-md5"] == base64.b64encode(md5(b"bundle")).decode()


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def test_old_service_versions_know_no_versions(url: str) -> None:
    answer = put(url, x_ms_version="2019-07-07")
    assert answer.status_code == 201
    assert "x-ms-version-id" not in answer.headers


def test_the_md5_of_the_body_is_checked(url: str, api: Client) -> None:
    good = base64.b64encode(md5(b"bundle")).decode()
    assert put(url, Content_MD5=good).status_code == 201

    answer = put(url, b"bundlE", Content_MD5=good)

    assert (answer.status_code, error_code(answer)) == (400, "Md5Mismatch")
    assert requests.get(url, timeout=10).content == b"bundle"


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "MissingRequiredHeader"), ({"x-ms-blob-type": "PageBlob"}, "InvalidHeaderValue")],
)
def test_the_kind_of_blob_must_be_given(url: str, headers: dict[str, str], code: str) -> None:
    answer = requests.put(url, b"x", headers=headers, timeout=10)
    assert (answer.status_code, error_code(answer)) == (400, code)


def test_the_length_must_be_given(url: str) -> None:
    answer = requests.put(url, iter([b"a", b"b"]), headers=BLOCK_BLOB, timeout=10)
    assert (answer.status_code, error_code(answer)) == (411, "MissingContentLengthHeader")


def test_the_astro_token_is_not_for_the_blob_store(url: str, astro: Sandbox) -> None:
    answer = put(url, Authorization=f"Bearer {astro.token}")
    assert (answer.status_code, error_code(answer)) == (400, "InvalidAuthenticationInfo")
    assert astro.token not in answer.text


def test_unknown_blobs_and_versions_are_not_found(url: str) -> None:
    assert error_code(requests.get(url, timeout=10)) == "BlobNotFound"
    put(url)
    for version in ("2024-01-12T18:32:20.5898930Z", "../state.json", ""):
        answer = requests.get(f"{url}&{urlencode({'versionid': version})}", timeout=10)
        assert (answer.status_code, error_code(answer)) == (404, "BlobNotFound")


# --- signatures -----------------------------------------------------------------------------------


def resigned(url: str, **changes: str | None) -> str:
    """Change the query of an upload URL; None takes a field away."""
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    query = {key: value for key, value in (query | changes).items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()


@pytest.mark.parametrize(
    "changes",
    [
        {"sig": None},
        {"sig": "x"},
        {"sig": "é"},
        {"se": "2099-01-01T00:00:00Z"},
        {"sp": "rcwd"},
        {"sv": "2020-01-01"},
        {"se": None},
    ],
    ids=str,
)
def test_a_changed_signature_is_refused(url: str, changes: dict[str, str | None]) -> None:
    assert put(resigned(url)).status_code == 201
    answer = put(resigned(url, **changes))
    assert (answer.status_code, error_code(answer)) == (403, "AuthenticationFailed")


def test_a_signature_is_for_one_blob(url: str, api: Client) -> None:
    other = urlsplit(api.create("DAG_ONLY", "development")["dagsUploadUrl"])
    moved = urlsplit(url)._replace(path=other.path).geturl()
    assert error_code(put(moved)) == "AuthenticationFailed"


def test_upload_urls_run_out(url: str, clock: Clock) -> None:
    clock.advance(3601)
    answer = put(url)
    assert (answer.status_code, error_code(answer)) == (403, "AuthenticationFailed")
    assert "time frame" in answer.text


def test_upload_urls_can_be_expired_at_once(api: Client, url: str, astro: Sandbox) -> None:
    astro.expire_upload_urls()
    assert put(url).status_code == 403
    assert upload(api.create("DAG_ONLY"), b"x")


def test_the_lifetime_of_upload_urls_can_be_set() -> None:
    with Sandbox(upload_lifetime_seconds=0) as astro:
        client = Client(astro, None)
        assert put(client.create("DAG_ONLY")["dagsUploadUrl"]).status_code == 403
        client.close()


# --- blocks ---------------------------------------------------------------------------------------


def test_blocks_become_a_version_in_the_listed_order(url: str, api: Client) -> None:
    for number, body in ((1, b"world"), (0, b"hello "), (2, b"left out")):
        answer = put_block(url, block_id(number), body)
        assert answer.status_code == 201
        assert "x-ms-version-id" not in answer.headers

    answer = put_block_list(url, block_id(0), block_id(1), block_id(0))

    assert answer.status_code == 201
    version = answer.headers["x-ms-version-id"]
    assert requests.get(url, timeout=10).content == b"hello worldhello "
    deploy = api.create("DAG_ONLY")
    api.finalize(deploy, dagTarballVersion=version)


def test_a_block_can_be_put_again(url: str) -> None:
    put_block(url, block_id(0), b"first try")
    put_block(url, block_id(0), b"second try")
    put_block_list(url, block_id(0))
    assert requests.get(url, timeout=10).content == b"second try"


def test_a_block_list_names_blocks_that_were_put(url: str) -> None:
    put_block(url, block_id(0), b"a")
    for identities in ([block_id(1)], [block_id(0), block_id(1)], ["***"]):
        answer = put_block_list(url, *identities)
        assert (answer.status_code, error_code(answer)) == (400, "InvalidBlockList")
    assert put_block_list(url, block_id(0)).status_code == 201
    assert error_code(put_block_list(url, block_id(0), block_id(0))) == "InvalidBlockList"


def test_an_empty_block_list_is_an_empty_blob(url: str) -> None:
    put_block(url, block_id(0), b"dropped")
    assert put_block_list(url).status_code == 201
    assert requests.get(url, timeout=10).content == b""


def test_putting_a_blob_drops_its_blocks(url: str) -> None:
    put_block(url, block_id(0), b"a")
    put(url, b"whole")
    assert error_code(put_block_list(url, block_id(0))) == "InvalidBlockList"


@pytest.mark.parametrize("identity", ["", "%%%", base64.b64encode(b"x" * 65).decode()])
def test_block_ids_are_base64(url: str, identity: str) -> None:
    answer = put_block(url, identity, b"a")
    assert (answer.status_code, error_code(answer)) == (400, "InvalidQueryParameterValue")


def test_block_ids_are_of_one_length(url: str) -> None:
    put_block(url, block_id(0), b"a")
    answer = put_block(url, block_id(1, width=7), b"b")
    assert (answer.status_code, error_code(answer)) == (400, "InvalidBlobOrBlock")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<BlockList>",
        b"not xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><BlockList><Latest>&b;</Latest></BlockList>',
    ],
)
def test_a_block_list_is_xml(url: str, document: bytes) -> None:
    answer = requests.put(f"{url}&comp=blocklist", document, timeout=10)
    assert (answer.status_code, error_code(answer)) == (400, "InvalidXmlDocument")


def test_unknown_operations_are_refused(url: str) -> None:
    answer = requests.put(f"{url}&comp=snapshot", b"", timeout=10)
    assert (answer.status_code, error_code(answer)) == (400, "InvalidQueryParameterValue")


# --- the store itself -----------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(blocks=st.lists(st.binary(max_size=50), min_size=1, max_size=8), data=st.data())
def test_joined_blocks_are_their_concatenation(
    tmp_path: Path, blocks: list[bytes], data: st.DataObject
) -> None:
    store = BlobStore(tmp_path)
    order = data.draw(st.lists(st.integers(0, len(blocks) - 1), max_size=10))
    for number, block in enumerate(blocks):
        store.put_block("name", block_id(number), arrived(tmp_path, block))
    listed = [block_id(number) for number in order]

    joined = store.join(store.take_blocks("name", listed), listed)
    version = store.put_joined("name", joined, listed)

    _, path = store.version_path("name", version)
    assert path.read_bytes() == b"".join(blocks[number] for number in order)


def arrived(directory: Path, content: bytes) -> Incoming:
    path = directory / "arrived"
    path.write_bytes(content)
    return Incoming(path, "")


def test_versions_differ_even_when_the_clock_stands_still(tmp_path: Path) -> None:
    store = BlobStore(tmp_path, now=lambda: 1_000_000_000.0)
    versions = [store.put("name", arrived(tmp_path, b"x")) for _ in range(5)]
    assert versions == sorted(set(versions))
    assert versions[0] == "2001-09-09T01:46:40.0000000Z"


def test_a_broken_upload_leaves_nothing_behind(url: str, astro: Sandbox, tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    put(url, b"x", Content_MD5="wrong")
    with pytest.raises(BlobError, match="does not exist"):
        store.version_path("name")
    assert not list((tmp_path / "incoming").iterdir())


def test_a_block_list_can_be_repeated_when_its_answer_was_lost(url: str) -> None:
    identities = [base64.b64encode(name).decode() for name in (b"b1", b"b2")]
    for identity, data in zip(identities, (b"one ", b"two"), strict=True):
        assert put_block(url, identity, data).status_code == 201
    first, again = (put_block_list(url, *identities) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["x-ms-version-id"] != again.headers["x-ms-version-id"]
    assert requests.get(url, timeout=10).content == b"one two"
    assert error_code(put_block_list(url, identities[0])) == "InvalidBlockList"


@pytest.mark.parametrize("header", ["Range", "x-ms-range"])
def test_a_part_can_be_read(url: str, header: str) -> None:
    put(url, b"0123456789")
    part = requests.get(url, headers={header: "bytes=2-4"}, timeout=10)
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    whole = requests.get(url, headers={header: "bytes=0-1048575"}, timeout=10)
    assert whole.content == b"0123456789"


# --- what Azure refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["banana", "2020", "2020-01-01x"])
def test_a_version_that_is_none(url: str, version: str) -> None:
    answer = put(url, x_ms_version=version)
    assert (answer.status_code, error_code(answer)) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize("md5", ["x", "AAAA", "deadbeefdeadbeefdeadbeefdeadbeef"])
def test_an_md5_that_is_none(url: str, md5: str) -> None:
    answer = put(url, Content_MD5=md5)
    assert (answer.status_code, error_code(answer)) == (400, "InvalidMd5")
    query = f"{url}&comp=blocklist"
    headers = {"x-ms-blob-content-md5": md5}
    listed = requests.put(query, "<BlockList></BlockList>", headers=headers, timeout=30)
    assert (listed.status_code, error_code(listed)) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Foo><Latest>{}</Latest></Foo>", "InvalidXmlDocument"),
        ("<BlockList><Bar>{}</Bar></BlockList>", "InvalidXmlDocument"),
        ("<BlockList><Latest><Latest>{}</Latest></Latest></BlockList>", "InvalidXmlDocument"),
        ("<BlockList><Committed>{}</Committed></BlockList>", "InvalidBlockList"),
    ],
)
def test_a_block_list_that_is_none(url: str, document: str, code: str) -> None:
    put_block(url, block_id(1), b"a block")
    answer = requests.put(f"{url}&comp=blocklist", document.format(block_id(1)), timeout=30)
    assert (answer.status_code, error_code(answer)) == (400, code)
    assert put_block_list(url, block_id(1)).status_code == 201


def test_blocks_that_were_committed_are_found_there(url: str) -> None:
    put_block(url, block_id(1), b"a block")
    assert put_block_list(url, block_id(1)).status_code == 201
    again = f"<BlockList><Committed>{block_id(1)}</Committed></BlockList>"
    assert requests.put(f"{url}&comp=blocklist", again, timeout=30).status_code == 201


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH"])
def test_other_methods_are_refused_in_the_words_of_the_store(url: str, method: str) -> None:
    answer = requests.request(method, url, timeout=30)
    assert (answer.status_code, error_code(answer)) == (405, "UnsupportedHttpVerb")
    assert answer.headers["allow"] == "GET, HEAD, PUT"
