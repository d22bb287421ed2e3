"""The look into a base image leaves no container, however the build ends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from astro_ci.image import base_look
from astro_ci.image.base_look import looking_into_base
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import connect
from tests.unit.image.stub_engine import serve
from tests.unit.image.test_inspection import CREATE, removals, wait_until

INSPECT = "GET /images/app/json"
ANSWERS: dict[str, tuple[int, object]] = {
    CREATE: (201, {"Id": "made", "Warnings": []}),
    INSPECT: (200, {"Id": "sha256:1", "Config": {}}),
}


@pytest.mark.parametrize("slow", [INSPECT, CREATE])
def test_an_engine_that_answers_after_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setattr(base_look, "PATIENCE_SECONDS", 0.0)
    tmp_path.joinpath("Dockerfile").write_text("FROM app\n")
    with serve(tmp_path, ANSWERS) as stub:
        answer = stub.held[slow] = threading.Event()
        engine = connect(stub.env)
        with looking_into_base(engine, Build(root=tmp_path, tag="built:1")) as found:
            path = slow.partition(" ")[2]
            wait_until(lambda: any(path in one for one in stub.asked))
        threading.Timer(0.2, answer.set).start()
        engine.close()
        gone = list(removals(stub, "astro-ci-look-"))
        assert slow == INSPECT or found.done()
        found.result()
        assert stub.answered.count(CREATE) == len(gone) == (slow == CREATE)
