from __future__ import annotations

from pathlib import Path

import pytest

from tests.tls import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost, which no authority has signed, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem")
