"""Create and finalize have their effect once, whatever becomes of their answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from msgspec.structs import replace

from astro_ci.astro.client import AstroClient
from astro_ci.deploying.order import Known
from astro_ci.deploying.requests import ATTEMPTS, NewDeploy, create, finalize
from astro_ci.deploying.rollout import Rollout
from astro_ci.errors import ApiError, AuthenticationError, DeployFailedError, UnavailableError
from astro_ci.model import Deploy, DeployGit, Deployment

COMMIT = "c" * 40
GIT = DeployGit(provider="GENERIC", commit_sha=COMMIT)
NEW = NewDeploy(deployment_id="cl1", type="DAG_ONLY", description="a \udcff title", git=GIT)
MADE = Deploy(id="new", type="DAG_ONLY", status="INITIALIZED", description="a \\xff title", git=GIT)
OLD = Deploy(id="old", type="DAG_ONLY", status="DEPLOYED")
KNOWN = Known(ids=frozenset({"old"}), oldest="old")
REFUSED = ApiError("no such description", status=400, is_clear=True)
PAGE = ApiError("a web page", status=403)
LOGIN = AuthenticationError("who are you")


def down(*, never_arrived: bool = False, after: float | None = None) -> UnavailableError:
    error = UnavailableError("no answer", hint="wait", status=503)
    error.never_arrived, error.retry_after_seconds = never_arrived, after
    return error


class Client:
    """Stands in for the API: gives what a test lists, and remembers what it was asked."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers, self.calls = answers, list[tuple[Any, ...]]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, *arguments, *named.values()))
            answer = self.answers[name].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class Naps(list[float]):
    def __call__(self, seconds: float) -> None:
        assert seconds > 0
        self.append(seconds)


class TestCreate:
    ASKED = ("cl1", "DAG_ONLY", NEW.description, GIT)

    def make(self, client: Client, naps: Naps | None = None) -> Deploy:
        return create(cast(AstroClient, client), NEW, KNOWN, sleep=Naps() if naps is None else naps)

    def test_once(self) -> None:
        client = Client(create_deploy=[MADE])
        assert self.make(client) is MADE
        assert client.calls == [("create_deploy", *self.ASKED)]

    def test_what_never_arrived_is_final_and_had_no_effect(self) -> None:
        """The client has sent it again itself, as nothing could come of that."""
        client = Client(create_deploy=[down(never_arrived=True)])
        with pytest.raises(UnavailableError) as caught:
            self.make(client)
        assert caught.value.had_no_effect is True
        assert len(client.calls) == 1

    def test_what_was_not_created_is_sent_again(self) -> None:
        naps = Naps()
        client = Client(create_deploy=[down(after=7.0), down(), MADE], list_deploys=[[OLD]] * 2)
        assert self.make(client, naps) is MADE
        assert client.asked("create_deploy") == [self.ASKED] * 3
        assert naps[0] == 7.0
        assert 2.0 <= naps[1] <= 4.0
        assert len(naps) == 2

    @pytest.mark.parametrize("lost", [down(), PAGE, LOGIN])
    def test_a_deploy_that_was_left_is_used(
        self, lost: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = replace(MADE, image_tag="t")
        client = Client(create_deploy=[lost], list_deploys=[[MADE, OLD]], get_deploy=[found])
        assert self.make(client) is found
        assert client.asked("list_deploys") == [("cl1",)]
        assert client.asked("get_deploy") == [("cl1", "new")]
        assert [record.getMessage() for record in caplog.records] == [
            f"create got no clear answer ({lost}); looking for the deploy"
        ]

    @pytest.mark.parametrize(
        "other",
        [
            [replace(MADE, id="old")],
            [MADE, replace(MADE, id="twin")],
            [replace(MADE, status="DEPLOYED")],
            [replace(MADE, type="IMAGE_AND_DAG")],
            [replace(MADE, description="another")],
            [replace(MADE, git=None)],
            [replace(MADE, git=replace(GIT, commit_sha="d" * 40))],
            [OLD, MADE],
        ],
    )
    def test_what_only_looks_like_it_is_not(self, other: list[Deploy]) -> None:
        """Two alike may be another job's; what is older than the last known one is history."""
        client = Client(create_deploy=[down(), MADE], list_deploys=[other])
        assert self.make(client) is MADE
        assert client.asked("get_deploy") == []

    def test_the_commit_counts_in_any_case(self) -> None:
        loud = replace(NEW, git=replace(GIT, commit_sha=COMMIT.upper()))
        assert loud.is_like(MADE)
        assert NEW.is_like(replace(MADE, git=replace(GIT, commit_sha=COMMIT.upper())))
        assert replace(NEW, git=None).is_like(replace(MADE, git=None))
        assert not NEW.is_like(replace(MADE, git=None))

    def test_a_refusal_is_final_and_had_no_effect(self) -> None:
        client = Client(create_deploy=[REFUSED])
        with pytest.raises(ApiError) as caught:
            self.make(client)
        assert caught.value is REFUSED
        assert caught.value.had_no_effect is True
        assert len(client.calls) == 1

    @pytest.mark.parametrize("unclear", [down(), PAGE, LOGIN])
    def test_what_is_unclear_is_not_repeated_and_not_called_harmless(
        self, unclear: ApiError | AuthenticationError
    ) -> None:
        """A 503 may come again; a request that arrived is repeated only after a look."""
        unclear.had_no_effect = False
        client = Client(create_deploy=[unclear] * 9, list_deploys=[[OLD]] * 9)
        naps = Naps()
        with pytest.raises(type(unclear)) as caught:
            self.make(client, naps)
        assert caught.value is unclear
        assert caught.value.had_no_effect is False
        repeats = ATTEMPTS if isinstance(unclear, UnavailableError) else 1
        assert (len(client.asked("create_deploy")), len(naps)) == (repeats, repeats - 1)

    def test_a_wait_that_is_too_long_ends_it(self) -> None:
        client = Client(create_deploy=[down(after=301.0), MADE], list_deploys=[[OLD]])
        with pytest.raises(UnavailableError) as caught:
            self.make(client)
        assert caught.value.had_no_effect is False

    @pytest.mark.parametrize("unread", [PAGE, LOGIN])
    def test_a_history_that_cannot_be_read(
        self, unread: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = Client(create_deploy=[PAGE], list_deploys=[unread])
        with pytest.raises(ApiError) as caught:
            self.make(client)
        assert caught.value.had_no_effect is False
        assert caplog.records[-1].getMessage() == f"the deploys could not be listed: {unread}"
        assert caplog.records[-1].levelno == logging.WARNING


ROLLOUT = Rollout(
    deployment=Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=True,
    ),
    deploy=MADE,
    bundle_version="v2",
    image_tag=None,
)  # fmt: skip
DONE = replace(MADE, status="DEPLOYED", dag_tarball_version="v2")


class TestFinalize:
    ASKED = ("cl1", "new", "v2")

    def finish(
        self, client: Client, naps: Naps | None = None, rollout: Rollout = ROLLOUT
    ) -> Deploy:
        given = Naps() if naps is None else naps
        return finalize(cast(AstroClient, client), rollout, sleep=given)

    def test_once(self) -> None:
        client = Client(finalize_deploy=[DONE])
        assert self.finish(client) is DONE
        assert client.calls == [("finalize_deploy", *self.ASKED)]

    @pytest.mark.parametrize("lost", [down(), PAGE, LOGIN, REFUSED])
    def test_an_answer_that_was_lost_is_looked_up(
        self, lost: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = Client(finalize_deploy=[lost], get_deploy=[DONE])
        assert self.finish(client) is DONE
        assert client.asked("get_deploy") == [("cl1", "new")]
        assert [record.getMessage() for record in caplog.records] == [
            f"finalize did not succeed ({lost}); reading the deploy back"
        ]

    def test_what_did_not_count_is_sent_again(self) -> None:
        naps = Naps()
        answers = [down(after=7.0), down(never_arrived=True), PAGE, DONE]
        client = Client(finalize_deploy=answers, get_deploy=[MADE] * 3)
        assert self.finish(client, naps) is DONE
        assert client.asked("finalize_deploy") == [self.ASKED] * 4
        assert naps[0] == 7.0
        assert 2.0 <= naps[1] <= 4.0
        assert len(naps) == 3

    @pytest.mark.parametrize(
        ("answers", "had_no_effect"),
        [
            ([down(never_arrived=True)] * 9, True),
            ([down()] * 9, False),
            ([down(never_arrived=True), *[down()] * 8], False),
            ([PAGE] * 9, False),
        ],
    )
    def test_not_for_ever(self, answers: list[ApiError], had_no_effect: bool) -> None:
        client = Client(finalize_deploy=list(answers), get_deploy=[MADE] * 9)
        naps = Naps()
        with pytest.raises(ApiError) as caught:
            self.finish(client, naps)
        assert caught.value.had_no_effect is had_no_effect
        assert (len(client.asked("finalize_deploy")), len(naps)) == (ATTEMPTS, ATTEMPTS - 1)

    @pytest.mark.parametrize("refusal", [REFUSED, LOGIN])
    def test_a_refusal_is_final(self, refusal: ApiError | AuthenticationError) -> None:
        refusal.had_no_effect = False
        client = Client(finalize_deploy=[refusal], get_deploy=[MADE])
        with pytest.raises(type(refusal)) as caught:
            self.finish(client)
        assert caught.value is refusal
        assert caught.value.had_no_effect is True

    def test_a_refusal_after_a_lost_answer_is_not_called_harmless(self) -> None:
        """The first attempt may have arrived late, and the second be refused because of it."""
        refusal = ApiError("already", hint="a hint", status=409, is_clear=True)
        client = Client(finalize_deploy=[down(), refusal], get_deploy=[MADE] * 2)
        with pytest.raises(UnavailableError) as caught:
            self.finish(client)
        told = caught.value
        assert (told.message, told.hint, told.status) == ("already", "a hint", 409)
        assert told.had_no_effect is False
        assert told.__cause__ is refusal

    def test_nor_is_a_login_that_is_refused_then(self) -> None:
        login = AuthenticationError("who are you")
        client = Client(finalize_deploy=[down(), login], get_deploy=[MADE] * 2)
        with pytest.raises(AuthenticationError) as caught:
            self.finish(client)
        assert caught.value.had_no_effect is False

    def test_a_wait_that_is_too_long_ends_it(self) -> None:
        client = Client(finalize_deploy=[down(after=301.0)], get_deploy=[MADE])
        with pytest.raises(UnavailableError):
            self.finish(client)

    @pytest.mark.parametrize(
        ("failure", "had_no_effect"),
        [(down(never_arrived=True), True), (down(), False), (REFUSED, False), (PAGE, False)],
    )
    def test_a_deploy_that_cannot_be_read_back(
        self, failure: ApiError, had_no_effect: bool
    ) -> None:
        client = Client(finalize_deploy=[failure], get_deploy=[LOGIN])
        before = str(failure)
        with pytest.raises(ApiError) as caught:
            self.finish(client)
        said = f"{before}; and the deploy could not be read back: who are you"
        assert caught.value.message == said
        assert caught.value.had_no_effect is had_no_effect
        assert caught.value.__cause__ is failure
        failure.message = before

    def test_a_doubt_stays_when_the_deploy_can_no_longer_be_read(self) -> None:
        gone = down(never_arrived=True)
        client = Client(finalize_deploy=[down(), gone], get_deploy=[MADE, PAGE])
        with pytest.raises(UnavailableError, match="could not be read back") as caught:
            self.finish(client)
        assert caught.value.had_no_effect is False

    def test_another_runs_bundle_is_not_ours(self) -> None:
        theirs = replace(DONE, dag_tarball_version="v9")
        client = Client(finalize_deploy=[down()], get_deploy=[theirs])
        with pytest.raises(DeployFailedError) as caught:
            self.finish(client)
        assert caught.value.message == (
            "deploy new was finalized by another run, with the bundle version v9 instead of v2"
        )
        assert caught.value.hint == (
            "Run the job again, and let deploys of one Deployment wait for each other."
        )

    @pytest.mark.parametrize(("ours", "theirs"), [("v2", ""), (None, "v9"), ("v2", "v2")])
    def test_whose_bundle_it_is_may_not_be_said(self, ours: str | None, theirs: str) -> None:
        done = replace(DONE, dag_tarball_version=theirs)
        client = Client(finalize_deploy=[down()], get_deploy=[done])
        assert self.finish(client, rollout=replace(ROLLOUT, bundle_version=ours)) is done
