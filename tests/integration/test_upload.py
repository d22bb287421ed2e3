"""The upload, against a blob store on loopback that behaves, and one that does not."""

from __future__ import annotations

import hashlib
import logging
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro_ci.astro.upload import Uploader
from astro_ci.errors import ApiError, CancelledError, UnavailableError
from tests.integration import blob_store
from tests.integration.blob_store import SIGNATURE, BlobStore, Trouble
from tests.size import examples

KIB = 1024
LIMIT = 64 * KIB
BLOCK = 16 * KIB
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "bundle_memory.py"

REQUESTS = pytest.mark.parametrize("what", ["Put Blob", "Put Block", "Put Block List"])


@pytest.fixture
def store() -> Iterator[BlobStore]:
    with BlobStore() as store:
        yield store


class Waits(list[float]):
    """A sleep that only notes how long it was to be."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def uploader(waits: Waits) -> Uploader:
    """Small limits, so that small bundles show what large ones do."""
    return Uploader(
        single_put_limit=LIMIT, block_size=BLOCK, sleep=waits, timeout_seconds=(2.0, 5.0)
    )


class Sample:
    """A file of random bytes."""

    def __init__(self, directory: Path, size: int, seed: int = 1) -> None:
        self.content = random.Random(seed).randbytes(size)  # noqa: S311 - any bytes will do
        self.md5 = hashlib.md5(self.content).digest()  # noqa: S324 - Content-MD5
        self.path = directory / f"bundle-{size}-{seed}"
        self.path.write_bytes(self.content)

    @classmethod
    def for_request(cls, directory: Path, what: str) -> Sample:
        """One that is uploaded with such a request."""
        return cls(directory, 30 * KIB if what == "Put Blob" else 100 * KIB)


@pytest.fixture
def small(tmp_path: Path) -> Sample:
    return Sample(tmp_path, 30 * KIB)


@pytest.fixture
def large(tmp_path: Path) -> Sample:
    return Sample(tmp_path, 100 * KIB)


# --- what arrives -------------------------------------------------------------------------------


def test_a_small_bundle_is_one_put_blob(store: BlobStore, small: Sample) -> None:
    version = Uploader().upload(store.url, small.path, md5=small.md5)

    assert store.newest == (version, small.content)
    (seen,) = store.seen
    assert seen.what == "Put Blob"
    assert seen.headers["Content-Length"] == str(len(small.content))
    assert seen.headers["Content-MD5"]
    assert seen.headers["x-ms-blob-type"] == "BlockBlob"
    assert seen.headers["x-ms-version"] == "2023-11-03"
    assert seen.headers["User-Agent"].startswith("astro-ci/")
    assert store.content_types == ["application/gzip"]


def test_a_large_bundle_is_blocks_and_a_list(
    store: BlobStore, uploader: Uploader, large: Sample
) -> None:
    version = uploader.upload(store.url, large.path, md5=large.md5)

    assert store.newest == (version, large.content)
    assert store.content_types == ["application/gzip"]
    blocks = store.requests("Put Block")
    assert len(blocks) == 7
    assert all(seen.headers["Content-MD5"] for seen in blocks)
    ids = [parse_qs(urlsplit(seen.target).query)["blockid"][0] for seen in blocks]
    assert len(set(ids)) == 7
    assert {len(block_id) for block_id in ids} == {88}  # 64 bytes in base64
    (block_list,) = store.requests("Put Block List")
    assert block_list.headers["x-ms-blob-content-md5"]
    assert store.requests("Put Blob") == []


@pytest.mark.parametrize(
    ("size", "expected"), [(LIMIT - 1, "Put Blob"), (LIMIT, "Put Blob"), (LIMIT + 1, "Put Block")]
)
def test_the_limit_is_the_last_size_that_goes_at_once(
    store: BlobStore, uploader: Uploader, tmp_path: Path, size: int, expected: str
) -> None:
    sample = Sample(tmp_path, size)

    uploader.upload(store.url, sample.path, md5=sample.md5)

    assert store.seen[0].what == expected
    assert store.newest[1] == sample.content


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 5000),
    limit=st.integers(0, 3000),
    block_size=st.integers(100, 2000),
    workers=st.integers(1, 8),
)
def test_every_size_arrives_whole(
    store: BlobStore, tmp_path: Path, size: int, limit: int, block_size: int, workers: int
) -> None:
    sample = Sample(tmp_path, size)
    heard: list[tuple[int, int]] = []
    uploader = Uploader(single_put_limit=limit, block_size=block_size, workers=workers)

    uploader.upload(
        store.url, sample.path, md5=sample.md5, on_progress=lambda *step: heard.append(step)
    )

    assert store.newest[1] == sample.content
    assert heard == sorted(set(heard))
    assert heard[-1] == (size, size)
    assert {total for _, total in heard} == {size}


def test_blocks_travel_side_by_side(store: BlobStore, large: Sample) -> None:
    meeting = threading.Barrier(4, timeout=10)
    store.trouble("Put Block", blob_store.meet(meeting), times=4)

    Uploader(single_put_limit=0, block_size=BLOCK, workers=4).upload(
        store.url, large.path, md5=large.md5
    )

    assert not meeting.broken
    assert store.newest[1] == large.content


def test_a_url_without_a_query_works(store: BlobStore, uploader: Uploader, large: Sample) -> None:
    with pytest.raises(ApiError, match="403 AuthenticationFailed"):
        uploader.upload(f"{store.origin}{blob_store.PATH}", large.path, md5=large.md5)
    assert urlsplit(store.seen[0].target).query.startswith("comp=block&blockid=")


# --- trouble that passes ------------------------------------------------------------------------


@REQUESTS
@pytest.mark.parametrize(
    "trouble",
    [
        *(blob_store.refuse(status) for status in (408, 429, 500, 502, 503, 504)),
        blob_store.reset_midway,
        blob_store.reset_after_work,
        blob_store.damage,
    ],
    ids=[*["408", "429", "500", "502", "503", "504"], "reset midway", "answer lost", "damaged"],
)
def test_trouble_that_passes_is_outlived(
    store: BlobStore,
    uploader: Uploader,
    waits: Waits,
    tmp_path: Path,
    what: str,
    trouble: Trouble,
) -> None:
    sample = Sample.for_request(tmp_path, what)
    store.trouble(what, trouble, times=2)

    version = uploader.upload(store.url, sample.path, md5=sample.md5)

    assert store.newest == (version, sample.content)
    assert len(waits) == 2
    assert all(0 < wait <= 30 for wait in waits)


@REQUESTS
@pytest.mark.parametrize("trouble", [blob_store.hang, blob_store.stall])
def test_a_connection_that_hangs_is_given_up_and_made_anew(
    store: BlobStore, waits: Waits, tmp_path: Path, what: str, trouble: Trouble
) -> None:
    # Larger than what the sockets buffer: so that sending stalls too, not only the answer.
    sample = Sample(tmp_path, 12 << 20)
    uploader = Uploader(
        single_put_limit=(16 << 20) if what == "Put Blob" else 0,
        block_size=8 << 20,
        sleep=waits,
        timeout_seconds=(0.5, 0.5),
    )
    store.trouble(what, trouble)

    version = uploader.upload(store.url, sample.path, md5=sample.md5)

    assert store.newest == (version, sample.content)
    assert len(waits) == 1


def test_the_store_says_when_to_come_back(
    store: BlobStore, uploader: Uploader, waits: Waits, small: Sample
) -> None:
    store.trouble("Put Blob", blob_store.refuse(503, "ServerBusy", Retry_After="7"))
    store.trouble("Put Blob", blob_store.refuse(429, "TooManyRequests", Retry_After="90"))

    uploader.upload(store.url, small.path, md5=small.md5)

    assert waits == [7.0, 90.0]


def test_blocks_that_another_upload_made_the_store_drop_are_sent_again(
    store: BlobStore, uploader: Uploader, large: Sample
) -> None:
    store.trouble("Put Block List", blob_store.discard_blocks)

    version = uploader.upload(store.url, large.path, md5=large.md5)

    assert store.newest == (version, large.content)
    assert len(store.requests("Put Block")) == 14


def test_blocks_that_are_dropped_again_and_again_are_an_error(
    store: BlobStore, uploader: Uploader, large: Sample
) -> None:
    store.trouble("Put Block List", blob_store.discard_blocks, times=99)

    with pytest.raises(ApiError, match="400 InvalidBlockList") as error:
        uploader.upload(store.url, large.path, md5=large.md5)
    assert "Run only one deploy" in error.value.hint
    assert len(store.requests("Put Block List")) == 2


def test_two_uploads_to_one_blob_do_not_mix(
    store: BlobStore, uploader: Uploader, tmp_path: Path, large: Sample
) -> None:
    other = Sample(tmp_path, 100 * KIB, seed=2)
    versions: dict[str, bytes] = {}

    def upload(sample: Sample) -> None:
        versions[uploader.upload(store.url, sample.path, md5=sample.md5)] = sample.content

    threads = [threading.Thread(target=upload, args=(sample,)) for sample in (large, other)]
    # Both have sent all of their blocks before either may send its list.
    meeting = threading.Barrier(2, timeout=10)
    store.trouble("Put Block List", blob_store.meet(meeting), times=2)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(versions) == 2
    assert {version: store.versions[version] for version in versions} == versions


def test_what_another_client_left_behind_is_no_hindrance(
    store: BlobStore, uploader: Uploader, large: Sample
) -> None:
    store.uncommitted[b"\x01" * 64] = b"a block of the Astro CLI, whose upload was cancelled"

    uploader.upload(store.url, large.path, md5=large.md5)

    assert store.newest[1] == large.content


# --- trouble that stays -------------------------------------------------------------------------


@REQUESTS
def test_trouble_that_stays_is_an_error_after_five_attempts(
    store: BlobStore, uploader: Uploader, waits: Waits, tmp_path: Path, what: str
) -> None:
    sample = Sample.for_request(tmp_path, what)
    busy = blob_store.refuse(503, "ServerBusy", x_ms_request_id="abc-1")
    store.trouble(what, busy, times=999)

    with pytest.raises(UnavailableError, match=f"^{what} to .* 503 ServerBusy") as error:
        uploader.upload(store.url, sample.path, md5=sample.md5)

    assert error.value.status == 503
    assert error.value.exit_code == 5
    assert "(request id abc-1)" in str(error.value)
    assert "Run the job again" in error.value.hint
    if what != "Put Block":  # of which several fail at once
        assert len(store.requests(what)) == 5
        assert len(waits) == 4


@REQUESTS
@pytest.mark.parametrize(
    "trouble",
    [
        blob_store.refuse(403, "AuthenticationFailed"),
        blob_store.refuse_at_once(403, "AuthenticationFailed"),
    ],
    ids=["after the body", "before the body"],
)
def test_an_expired_url_is_said_to_be_expired_and_not_tried_again(
    store: BlobStore, uploader: Uploader, waits: Waits, tmp_path: Path, what: str, trouble: Trouble
) -> None:
    sample = Sample.for_request(tmp_path, what)
    store.trouble(what, trouble, times=99)

    with pytest.raises(ApiError, match=r"403 AuthenticationFailed: .* has expired") as error:
        uploader.upload(store.url, sample.path, md5=sample.md5)

    assert not isinstance(error.value, UnavailableError)
    assert error.value.status == 403
    assert "to get a new URL" in error.value.hint
    assert waits == []


def test_a_refusal_that_comes_amid_a_large_body_is_heard(
    store: BlobStore, waits: Waits, tmp_path: Path
) -> None:
    sample = Sample(tmp_path, 20 << 20)
    store.trouble("Put Blob", blob_store.refuse_at_once(403, "AuthenticationFailed"))

    with pytest.raises(ApiError, match="has expired"):
        Uploader(sleep=waits).upload(store.url, sample.path, md5=sample.md5)
    assert waits == []


def test_a_wrong_signature_is_refused(store: BlobStore, uploader: Uploader, small: Sample) -> None:
    with pytest.raises(ApiError, match="has expired or is not valid"):
        uploader.upload(f"{store.url[:-9]}AAAA", small.path, md5=small.md5)
    assert store.versions == {}


def test_the_answer_of_a_proxy_is_told_from_the_stores(
    store: BlobStore, uploader: Uploader, small: Sample
) -> None:
    store.trouble("Put Blob", blob_store.page(403))

    with pytest.raises(ApiError, match=r"refused with 403$") as error:
        uploader.upload(store.url, small.path, md5=small.md5)
    assert "proxy" in error.value.hint


@pytest.mark.parametrize("status", [200, 204, 400, 404, 409, 413])
def test_any_other_answer_is_an_error_at_once(
    store: BlobStore, uploader: Uploader, waits: Waits, small: Sample, status: int
) -> None:
    store.trouble("Put Blob", blob_store.refuse(status, "SomeCode", x_ms_request_id="r-2"))

    with pytest.raises(ApiError, match=f"{status} SomeCode.*request id r-2") as error:
        uploader.upload(store.url, small.path, md5=small.md5)
    assert error.value.status == status
    assert waits == []


def test_a_digest_that_is_not_the_bundles_never_gets_through(
    store: BlobStore, uploader: Uploader, waits: Waits, small: Sample
) -> None:
    with pytest.raises(UnavailableError, match="400 Md5Mismatch"):
        uploader.upload(store.url, small.path, md5=b"\0" * 16)
    assert store.versions == {}
    assert len(waits) == 4


@pytest.mark.parametrize("what", ["Put Blob", "Put Block List"])
@pytest.mark.parametrize("trouble", [blob_store.lose_header("x-ms-version-id")])
def test_without_a_version_the_deploy_cannot_go_on(
    store: BlobStore, uploader: Uploader, tmp_path: Path, what: str, trouble: Trouble
) -> None:
    sample = Sample.for_request(tmp_path, what)
    store.trouble(what, trouble)

    with pytest.raises(ApiError, match=r"returned no version .*request id r-1") as error:
        uploader.upload(store.url, sample.path, md5=sample.md5)
    assert "proxy" in error.value.hint
    assert error.value.status == 201


def test_redirects_are_not_followed(store: BlobStore, uploader: Uploader, small: Sample) -> None:
    with BlobStore() as elsewhere:
        store.trouble("Put Blob", blob_store.page(307, Location=elsewhere.url))

        with pytest.raises(ApiError, match="307"):
            uploader.upload(store.url, small.path, md5=small.md5)
        assert elsewhere.seen == []


def test_one_lost_block_ends_the_upload_and_the_others_are_neither_awaited_nor_sent(
    store: BlobStore, tmp_path: Path
) -> None:
    sample = Sample(tmp_path, 200 * KIB)
    store.trouble("Put Block", blob_store.delay, times=3)
    store.trouble("Put Block", blob_store.refuse(403, "AuthenticationFailed"))
    uploader = Uploader(single_put_limit=0, block_size=KIB, workers=4, timeout_seconds=(5, 60))
    started = time.monotonic()

    with pytest.raises(ApiError, match="403"):
        uploader.upload(store.url, sample.path, md5=sample.md5)

    assert time.monotonic() - started < 30  # seconds, on the busiest machine; the store has 60
    store.released.set()
    time.sleep(0.3)  # in which the threads could send more
    assert len(store.requests("Put Block")) == 4
    assert store.requests("Put Block List") == []


def test_a_cancelled_job_leaves_at_once(store: BlobStore, tmp_path: Path) -> None:
    sample = Sample(tmp_path, 200 * KIB)
    store.trouble("Put Block", blob_store.hang, times=3)
    uploader = Uploader(single_put_limit=0, block_size=KIB, workers=4, timeout_seconds=(5, 60))

    def cancel(done: int, total: int) -> None:
        raise CancelledError("the job was cancelled", signal_number=15)

    started = time.monotonic()
    with pytest.raises(CancelledError):
        uploader.upload(store.url, sample.path, md5=sample.md5, on_progress=cancel)

    assert time.monotonic() - started < 30  # seconds, on the busiest machine; the store has 60
    assert store.versions == {}


def test_a_process_that_is_interrupted_does_not_outlive_its_upload(
    store: BlobStore, large: Sample
) -> None:
    store.trouble("Put Block", blob_store.hang, times=99)
    program = (
        "import sys; from pathlib import Path; from astro_ci.astro.upload import Uploader\n"
        "Uploader(single_put_limit=0).upload(sys.argv[1], Path(sys.argv[2]), md5=b'0' * 16)"
    )
    command = [sys.executable, "-c", program, store.url, str(large.path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not store.requests("Put Block") and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=60) == -signal.SIGINT
    assert len(store.requests("Put Block")) == 1


@pytest.mark.parametrize(
    "url",
    ["", "dags.tar.gz?sig=c2VjcmV0", "ftp://host/x?sig=c2VjcmV0", "http://[::1/x?sig=c2VjcmV0"],
)
def test_a_url_that_is_none_is_the_apis_mistake(
    uploader: Uploader, waits: Waits, small: Sample, url: str
) -> None:
    with pytest.raises(
        ApiError, match=r"something that is not a URL to upload the DAG bundle to"
    ) as error:
        uploader.upload(url, small.path, md5=small.md5)
    assert "c2VjcmV0" not in everything(error.value)
    assert waits == []


# --- secrets and surroundings -------------------------------------------------------------------


def everything(error: BaseException) -> str:
    """All that a curious printer of errors could find in one."""
    texts, pending, met = [], [error], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in met:
            continue
        met.add(id(current))
        texts += [str(current), repr(current), repr(current.args), repr(vars(current))]
        pending += [e for e in (current.__cause__, current.__context__) if e is not None]
    return "\n".join([*texts, *traceback.format_exception(error)])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


TROUBLES = {
    "busy": blob_store.refuse(503, "ServerBusy"),
    "expired": blob_store.refuse(403, "AuthenticationFailed"),
    "a proxy's page": blob_store.page(403),
    "a redirect": blob_store.page(302, Location=f"https://elsewhere/?sig={SIGNATURE}"),
    "reset": blob_store.reset_midway,
    "hanging": blob_store.hang,
    "no version": blob_store.lose_header("x-ms-version-id"),
    "an echo": blob_store.refuse(400, f"sig={SIGNATURE}", x_ms_request_id=f"sig={SIGNATURE}"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
@pytest.mark.parametrize("size", [10 * KIB, 100 * KIB], ids=["at once", "in blocks"])
def test_the_signature_is_nowhere_to_be_found(
    store: BlobStore,
    waits: Waits,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    trouble: Trouble,
    size: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    sample = Sample(tmp_path, size)
    for what in ("Put Blob", "Put Block List"):
        store.trouble(what, trouble, times=99)
    uploader = Uploader(
        single_put_limit=LIMIT, block_size=BLOCK, sleep=waits, timeout_seconds=(2.0, 0.3)
    )

    with pytest.raises(ApiError) as error:
        uploader.upload(store.url, sample.path, md5=sample.md5)

    shown = everything(error.value) + caplog.text
    assert "127.0.0.1" in shown
    assert "Starting new HTTP connection" in caplog.text
    for secret in (SIGNATURE, quote(SIGNATURE), "sig=", blob_store.PATH + "?sv"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("scheme", "message"),
    [("http", "no connection"), ("https", "no connection|certificate")],
)
def test_a_store_that_cannot_be_reached_is_named_without_its_url(
    uploader: Uploader, waits: Waits, small: Sample, scheme: str, message: str
) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/x?sig={quote(SIGNATURE)}"

    with pytest.raises(UnavailableError, match=f"blob store at 127.0.0.1 .*({message})") as error:
        uploader.upload(url, small.path, md5=small.md5)

    assert error.value.status is None
    assert "proxy, firewall" in error.value.hint
    assert len(waits) == 4
    assert "sig=" not in everything(error.value)


def test_credentials_of_netrc_are_not_sent(
    store: BlobStore, small: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    requests.put(store.url, data=b"x", timeout=10)
    assert "Authorization" in store.seen[0].headers  # what requests does when left alone

    Uploader().upload(store.url, small.path, md5=small.md5)

    assert "Authorization" not in store.seen[1].headers


def test_the_proxy_of_the_environment_is_used(
    store: BlobStore, small: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", store.origin)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    url = store.url.replace(store.origin, "http://store.invalid")
    version = Uploader().upload(url, small.path, md5=small.md5)

    assert store.newest == (version, small.content)
    assert store.seen[0].target == url


# --- memory -------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_bundle() -> None:
    def peaks(megabytes: int) -> dict[str, float]:
        done = subprocess.run(
            [sys.executable, BENCHMARK, "--megabytes", str(megabytes)],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = re.findall(r"^(bundle|upload) .* ([\d.]+) MiB$", done.stdout, re.MULTILINE)
        return {step: float(peak) for step, peak in rows}

    small, large = peaks(4), peaks(200)

    assert large.keys() == {"bundle", "upload"}
    for step, peak in large.items():
        assert peak < 80
        assert peak - small[step] < 20
