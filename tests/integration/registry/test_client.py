"""The registry client against real registries: what was sent is what is there."""

from __future__ import annotations

import os

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.manifest import Descriptor
from astro_ci.image.registry.send import send_image
from astro_ci.image.registry.uploads import Sizes
from tests.integration.registry.conftest import Counterpart
from tests.integration.registry.cut import Wire
from tests.integration.registry.images import MemoryImage, repository, sha256


def blob_of(data: bytes) -> Descriptor:
    return Descriptor(media_type="", digest=sha256(data), size=len(data))


def content_of(data: bytes) -> Content:
    def read(offset: int) -> object:
        return iter([data[at : at + 50_000] for at in range(offset, len(data), 50_000)])

    return Content(blob_of(data), read, "a blob of the test")  # type: ignore[arg-type]


@pytest.mark.parametrize("oci", [False, True], ids=["docker", "oci"])
def test_an_image_arrives_as_it_was_sent(counterpart: Counterpart, oci: bool) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    image, seen = MemoryImage(oci=oci), list[tuple[int, int]]()

    digest = send_image(
        image.sendable, target, "one", on_progress=lambda done, total: seen.append((done, total))
    )

    assert digest == image.manifest.digest == target.digest("one")
    found = target.image("one")
    assert found == target.image(digest) == image.manifest
    assert target.config(found) == image.blobs[found.config.digest]
    for layer in found.layers:
        assert b"".join(target.read(layer)) == image.blobs[layer.digest]
        assert b"".join(target.read(layer, 7)) == image.blobs[layer.digest][7:]
    total = sum(map(len, image.blobs.values()))
    assert seen[-1] == (total, total)
    assert all(0 <= done <= total for done, total in seen)
    target.close()


def test_what_is_there_is_not_sent_again(counterpart: Counterpart) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    image = MemoryImage()
    send_image(image.sendable, target, "again")
    reads = image.reads
    send_image(image.sendable, target, "once-more")
    assert image.reads == reads
    assert target.digest("once-more") == target.digest("again")


def test_the_second_repository_of_a_registry_mounts(counterpart: Counterpart) -> None:
    first, second = (
        repository(counterpart.host, name, counterpart.password) for name in counterpart.names
    )
    image = MemoryImage()
    send_image(image.sendable, first, "mounted")
    reads = image.reads
    send_image(image.sendable, second, "mounted", mount_from=first.name)
    assert image.reads == reads
    assert second.image("mounted") == image.manifest
    assert b"".join(second.read(image.manifest.layers[0]))


def test_a_blob_that_cannot_be_mounted_is_uploaded(counterpart: Counterpart) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    data = os.urandom(1000)
    for source in (counterpart.names[1], "no/such"):
        data = os.urandom(1000)
        assert target.upload(content_of(data), mount_from=source) == "uploaded"
        assert b"".join(target.read(blob_of(data))) == data


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 8192])
def test_chunks_of_every_length_make_the_blob(counterpart: Counterpart, size: int) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    data = os.urandom(size)
    sizes = Sizes(single_limit=0, chunk_bytes=4096)
    target.upload(content_of(data), sizes=sizes)
    assert target.has(blob_of(data))
    assert b"".join(target.read(blob_of(data))) == data


@pytest.mark.parametrize("is_chunked", [True, False], ids=["in chunks", "at once"])
def test_an_upload_goes_on_where_the_connection_broke(
    counterpart: Counterpart, is_chunked: bool
) -> None:
    """The sandbox keeps what arrived; Docker's registry forgets it, and is sent it again."""
    data, moved = os.urandom(6_000_000), list[int]()
    sizes = Sizes(single_limit=0 if is_chunked else 1 << 30, chunk_bytes=2_000_000)
    wire = Wire(counterpart.host)
    wire.cut_after = [3_000_000, 2_000_000]
    with wire:
        pauses = list[float]()
        target = repository(wire.host, counterpart.names[0], counterpart.password, sleep=pauses)
        target.upload(content_of(data), sizes=sizes, report=moved.append)
        assert b"".join(target.read(blob_of(data))) == data
    assert wire.cuts == 2
    assert 1 <= len(pauses) <= 2, "a cut may come just after an answer"
    assert sum(moved) == len(data)
    if counterpart.kind == "sandbox":
        # What was in the sockets at a cut is sent again, and no more than that.
        assert wire.sent < len(data) + 3_000_000
        assert sum(more for more in moved if more > 0) < len(data) + 5_000_000


def test_a_connection_that_always_breaks(counterpart: Counterpart) -> None:
    """A registry that keeps what arrived gets it all in the end; one that does not is given up."""
    data = os.urandom(8_000_000)
    wire = Wire(counterpart.host)
    wire.cut_after = [1_000_000] * 7
    with wire:
        target = repository(wire.host, counterpart.names[0], counterpart.password)
        if counterpart.kind == "sandbox":
            target.upload(content_of(data))
            assert b"".join(target.read(blob_of(data))) == data
            return
        with pytest.raises(RegistryError, match=f"registry {wire.host} gave no answer") as caught:
            target.upload(content_of(data))
    assert "proxy, firewall" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_wrong_login_is_told_without_it(counterpart: Counterpart) -> None:
    target = repository(counterpart.host, counterpart.names[0], "wrong-password")
    with pytest.raises(RegistryError, match=f"registry {counterpart.host} refused") as caught:
        target.has(blob_of(b"x"))
    assert "wrong-password" not in str(caught.value)
    assert caught.value.hint == "Check the token."
    assert caught.value.exit_code == 4


def test_a_tag_that_is_not_there(counterpart: Counterpart) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    assert target.digest("nothing") == ""
    with pytest.raises(RegistryError, match=r"answered 404 to the request for .*:nothing"):
        target.image("nothing")


def test_a_blob_that_is_not_what_it_says_is_never_complete(counterpart: Counterpart) -> None:
    target = repository(counterpart.host, counterpart.names[0], counterpart.password)
    data = os.urandom(100_000)
    wrong = Descriptor(media_type="", digest=sha256(b"other"), size=len(data))
    content = Content(wrong, lambda at: iter([data[at:]]), "the layer")
    with pytest.raises(RegistryError, match=r"the layer should be sha256:.* and is sha256:"):
        target.upload(content)
    short = Descriptor(media_type="", digest=sha256(data), size=len(data) + 1)
    with pytest.raises(RegistryError, match="the layer ends after 100000 of 100001 bytes"):
        target.upload(Content(short, lambda at: iter([data[at:]]), "the layer"))
    assert not target.has(wrong)
