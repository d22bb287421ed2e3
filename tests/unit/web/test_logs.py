"""The query strings of URLs, which hold signatures, are in no log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from astro_ci.web.logs import keep_queries_out_of_logs
from astro_ci.web.session import open_session
from tests.unit.web.server import Answer, serving

NAMES = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """The loggers as they are before anybody asks for silence."""
    before = {name: logging.getLogger(name).filters for name in NAMES}
    for name in NAMES:
        logging.getLogger(name).filters = []
    yield
    for name, filters in before.items():
        logging.getLogger(name).filters = filters


def test_a_signature_is_cut_off_what_a_request_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(Answer()) as script, open_session() as session:
        keep_queries_out_of_logs()
        session.get(f"{script.url}/blob?sv=1&sig=s3cr3t", timeout=10)
    (line,) = (told for told in caplog.messages if "/blob" in told)
    assert '"GET /blob?… HTTP/1.1" 200' in line
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_every_logger_of_urls_is_silenced(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keep_queries_out_of_logs()
    keep_queries_out_of_logs()
    logger = logging.getLogger(name)
    logger.warning("Retrying %s: /a?sig=s3cr3t%%2F after %s", "/b?sig=s3cr3t&x=1", "http://c/?s")
    logger.warning("no URL")
    assert caplog.messages == ["Retrying /b?… /a?… after http://c/?…", "no URL"]


def test_other_loggers_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    keep_queries_out_of_logs()
    logging.getLogger("urllib3").warning("what? this")
    assert caplog.messages == ["what? this"]
