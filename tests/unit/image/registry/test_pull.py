"""An image for as long as it is needed: what is asked of the engine, and what is left."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.engine import connect
from astro_ci.image.registry.pull import pulled
from tests.unit.image.stub_engine import StubEngine, serve

REPOSITORY, TAG = "registry.example.com/org/project", "deploy-1"
NAME = f"{REPOSITORY}:{TAG}"
LOOK = f"GET /images/{NAME}/json"
PULL = "POST /images/create"
REMOVE = f"DELETE /images/{NAME}"
SECRET = "a-token-0123456789"


@contextmanager
def image(stub: StubEngine, password: str = SECRET) -> Iterator[str]:
    """Have the image in a block."""
    engine = connect(stub.env)
    try:
        with pulled(engine, REPOSITORY, TAG, password=lambda: password) as name:
            yield name
    finally:
        engine.close()


def verbs(stub: StubEngine) -> list[str]:
    """The methods of what was asked, versions aside."""
    return [asked.split()[0] for asked in stub.asked if "/version" not in asked]


def test_what_the_engine_has_is_neither_pulled_nor_removed(tmp_path: Path) -> None:
    with serve(tmp_path, {LOOK: (200, {"Id": "sha256:1"})}) as stub:
        engine = connect(stub.env)
        with pulled(engine, REPOSITORY, TAG, password=lambda: pytest.fail("asked")) as name:
            assert name == NAME
        engine.close()
    assert verbs(stub) == ["GET"]


class TestAnImageThatIsMissing:
    @pytest.fixture
    def stub(self, tmp_path: Path) -> Iterator[StubEngine]:
        with serve(tmp_path, {PULL: (200, {"status": "Pulling"}), REMOVE: (200, [])}) as stub:
            stub.afterwards[PULL] = {LOOK: (200, {"Id": "sha256:1"})}
            yield stub

    def test_is_there_for_the_block(self, stub: StubEngine) -> None:
        with image(stub, f"Bearer {SECRET}") as name:
            assert name == NAME
            assert verbs(stub) == ["GET", "POST", "GET"]
        assert verbs(stub) == ["GET", "POST", "GET", "DELETE"]
        pull = next(n for n, asked in enumerate(stub.asked) if asked.startswith("POST"))
        for part in ("fromImage=registry.example.com%2Forg%2Fproject", f"tag={TAG}"):
            assert part in stub.asked[pull]
        assert "platform=linux%2Famd64" in stub.asked[pull]
        login = json.loads(base64.urlsafe_b64decode(stub.headers[pull]["X-Registry-Auth"]))
        assert login == {"username": "cli", "password": SECRET}

    def test_is_removed_when_the_block_fails(self, stub: StubEngine) -> None:
        with pytest.raises(ZeroDivisionError), image(stub):
            raise ZeroDivisionError
        assert verbs(stub)[-1] == "DELETE"


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_pull_that_fails_says_why_and_names_no_secret(tmp_path: Path, status: int) -> None:
    login = base64.b64encode(f"cli:{SECRET}".encode()).decode().rstrip("=")
    said = f"pull access denied for {SECRET} and {login}"
    with (
        serve(tmp_path, {PULL: (status, {"message": said})}) as stub,
        pytest.raises(RegistryError, match=r"could not be pulled: .*denied") as caught,
        image(stub),
    ):
        pytest.fail("it never came")
    told = str(caught.value)
    assert f"the image {NAME}, which the Deployment runs" in told
    assert SECRET not in told
    assert login not in told
    assert "***" in told
    assert caught.value.hint == "Check that the token may read the Deployment's image."
    assert caught.value.__cause__ is None


def test_an_engine_that_cannot_look(tmp_path: Path) -> None:
    with (
        serve(tmp_path, {LOOK: (500, {"message": "the disk is gone"})}) as stub,
        pytest.raises(RegistryError, match=r"looking for the image .* failed: .*the disk is gone"),
        image(stub),
    ):
        pytest.fail("nothing is known")
    assert verbs(stub) == ["GET"]
