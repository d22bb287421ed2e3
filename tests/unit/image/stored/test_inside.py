"""What is found in layers: the machine of the programs, and files below a directory."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.image.stored.inside import Layer, find_machine, list_files
from astro_ci.image.stored.layers import UnreadableLayerError, entries
from tests.unit.image.stored.archives import program, tar

HOME = "usr/local/airflow/dags"


def layers(*tars: bytes, packed: bool = False) -> Sequence[Layer]:
    def reader(data: bytes) -> Layer:
        def read() -> Iterator[bytes]:
            for start in range(0, len(data), 700):
                yield data[start : start + 700]

        return read

    return [reader(gzip.compress(one) if packed else one) for one in tars]


@pytest.mark.parametrize("packed", [False, True])
def test_the_machine_is_that_of_the_lowest_program(packed: bool) -> None:
    text = tar({"bin/run": b"#!/bin/sh\n", "etc/x": program(183), "lib/bin/y": program(183)})
    base = tar({"./usr/bin/env": program(62)})
    other = tar({"bin/sh": program(183)})
    assert find_machine(layers(text, base, other, packed=packed)) == "amd64"
    assert find_machine(layers(text, other, base, packed=packed)) == "arm64"
    assert find_machine(layers(text, packed=packed)) == ""


def test_a_layer_that_cannot_be_listed_tells_nothing() -> None:
    for broken in (b"\x28\xb5\x2f\xfd" + bytes(5000), b"\x1f\x8bnonsense" * 90, b"x" * 5000):
        assert find_machine(layers(broken, tar({"bin/sh": program()}))) == ""
        assert list_files(layers(broken), HOME) is None


def test_only_the_start_of_a_layer_is_read() -> None:
    asked = []

    def read() -> Iterator[bytes]:
        data = tar({"bin/sh": program(), "large": bytes(1_000_000)})
        for start in range(0, len(data), 10_000):
            asked.append(start)
            yield data[start : start + 10_000]

    assert find_machine([read]) == "amd64"
    assert len(asked) < 5


@pytest.mark.parametrize(
    ("tars", "expected"),
    [
        ([{f"{HOME}/a.py": b"", f"{HOME}/b/c.py": b"", "other/d.py": b""}], ["a.py", "b/c.py"]),
        ([{f"{HOME}/a.py": b""}, {f"{HOME}/.wh.a.py": b"", f"{HOME}/b.py": b""}], ["b.py"]),
        ([{f"{HOME}/b/c.py": b""}, {f"{HOME}/.wh.b": b""}], []),
        ([{f"{HOME}/b/c.py": b""}, {f"{HOME}/b/.wh..wh..opq": b"", f"{HOME}/b/d": b""}], ["b/d"]),
        ([{f"{HOME}/a.py": b""}, {"usr/local/.wh.airflow": b""}], []),
        ([{f"{HOME}/a.py": b""}, {"usr/local/.wh..wh..opq": b""}], []),
        ([{f"{HOME}/a.py": b""}, {"usr/local/.wh.air": b""}], ["a.py"]),
        ([{f"{HOME}/a.py": b""}, {f"{HOME}/a.py/b.py": b""}], ["a.py", "a.py/b.py"]),
        ([{f"{HOME}/a/b.py": b""}, {f"{HOME}/a": b""}], ["a"]),
        ([{f"{HOME}/a.py": b""}, {HOME: "elsewhere"}], []),
        ([{f"{HOME}": None, f"{HOME}/a": None}, {f"/{HOME}/x.py": "y.py"}], ["x.py"]),
    ],
)
def test_files_below_a_directory(
    tars: list[dict[str, bytes | str | None]], expected: list[str]
) -> None:
    found = list_files(layers(*map(tar, tars)), f"/{HOME}/")
    assert found == expected


@given(st.binary(max_size=2000))
def test_any_bytes_are_listed_or_refused(data: bytes) -> None:
    for raw in (data, gzip.compress(data), gzip.compress(tar({"x": data}))[: len(data)]):
        with_one = iter([raw])
        try:
            for _, start in entries(with_one):
                start(10)
        except UnreadableLayerError:
            pass


def test_a_header_that_would_fill_the_memory() -> None:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 32
    with pytest.raises(UnreadableLayerError, match="header is too long"):
        list(entries(iter([entry.tobuf()])))


def test_what_grows_when_it_is_unpacked_is_not_held() -> None:
    import tracemalloc

    out = io.BytesIO()
    with gzip.open(out, "wb") as file:
        entry = tarfile.TarInfo("zeros")
        entry.size = 60_000_000
        file.write(entry.tobuf())
        for _ in range(60):
            file.write(bytes(1_000_000))
        file.write(bytes(10_240 - 60_000_000 % 512))
    tracemalloc.start()
    try:
        assert [entry.name for entry, _ in entries(iter([out.getvalue()]))] == ["zeros"]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
