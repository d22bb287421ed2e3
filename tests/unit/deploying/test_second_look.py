"""The look at the Deployment that is begun while the answer of the blob store is awaited."""

from __future__ import annotations

import threading

import pytest

from astro_ci.deploying.second_look import FRESH_SECONDS, PROMPT_SECONDS, SecondLook
from astro_ci.errors import AstroCIError, AuthenticationError, UnavailableError
from astro_ci.model import Deployment


def deployment(tag: str) -> Deployment:
    return Deployment(
        id="cl1",
        name="prod",
        organization_id="cl3",
        workspace_id="cl2",
        status="HEALTHY",
        is_dag_deploy_enabled=True,
        image_tag=tag,
    )


class Platform:
    """Answers with the next of some Deployments, or raises; tells the time that a test sets."""

    def __init__(self, *answers: Deployment | Exception) -> None:
        self.answers = list(answers)
        self.time = 0.0
        self.takes = 0.0
        self.asked = threading.Semaphore(0)

    def read(self) -> Deployment:
        answer = self.answers.pop(0)
        self.time += self.takes
        self.asked.release()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look(self) -> SecondLook:
        return SecondLook(self.read, lambda: self.time)

    def begun(self) -> SecondLook:
        """A look whose answer has come."""
        look = self.look()
        look.begin()
        assert look._begun
        look._begun.exception(10)
        return look


def test_an_answer_as_new_as_the_upload_counts() -> None:
    platform = Platform(deployment("first"), deployment("second"))
    look = platform.begun()
    platform.time += FRESH_SECONDS / 2
    assert look.result().image_tag == "first"


def test_an_answer_that_took_long_does_not() -> None:
    """What it says may be from the moment of the question."""
    platform = Platform(deployment("first"), deployment("second"))
    platform.takes = PROMPT_SECONDS
    assert platform.begun().result().image_tag == "second"


def test_an_answer_from_before_a_long_upload_does_not() -> None:
    platform = Platform(deployment("first"), deployment("second"))
    look = platform.begun()
    platform.time += FRESH_SECONDS * 2
    assert look.result().image_tag == "second"


def test_an_answer_that_is_just_too_old_does_not() -> None:
    platform = Platform(deployment("first"), deployment("second"))
    look = platform.begun()
    platform.time += FRESH_SECONDS
    assert look.result().image_tag == "second"


def test_an_upload_that_was_sent_again_is_looked_after_again() -> None:
    platform = Platform(deployment("first"), deployment("second"))
    look = platform.begun()
    platform.time += 60
    look.begin()
    assert platform.asked.acquire(timeout=10)
    assert platform.asked.acquire(timeout=10)
    assert look.result().image_tag == "second"


def test_without_a_bundle_astro_is_asked_when_all_is_sent() -> None:
    assert Platform(deployment("only")).look().result().image_tag == "only"


@pytest.mark.parametrize("kind", [UnavailableError, AuthenticationError])
def test_what_failed_meanwhile_is_asked_once_more(kind: type[AstroCIError]) -> None:
    platform = Platform(kind("busy"), deployment("second"))
    assert platform.begun().result().image_tag == "second"


def test_what_fails_again_is_an_error() -> None:
    platform = Platform(UnavailableError("busy"), UnavailableError("still busy"))
    look = platform.begun()
    with pytest.raises(UnavailableError, match="still busy"):
        look.result()
