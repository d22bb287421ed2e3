"""The base ladder: what the checkout is compared with, and what is said where there is nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from astro_ci.ci import CIContext, detect
from astro_ci.configuration.config import Config
from astro_ci.errors import ConfigurationError
from astro_ci.git import GitRepo
from astro_ci.model import Part
from astro_ci.planning.running import Running
from astro_ci.survey.bases import Bases, find_bases
from tests.repository import Repository

GONE = "f" * 40
NOWHERE = "is not in this clone and cannot be fetched (fetch more)"
NOTHING = dict.fromkeys(Part, "")


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    repository = Repository.create(tmp_path / "origin", {"a": "1"})
    repository.commit("second")
    return repository


def ci(**said: Any) -> CIContext:
    return replace(detect({}), history_hint="fetch more", **said)


def find(
    repository: Repository,
    base: str = "auto",
    *,
    runs: Mapping[Part, Running] | None = None,
    **said: Any,
) -> Bases:
    repo = GitRepo.open(repository.root, env=os.environ)
    return find_bases(Config(base=base), ci(**said), repo, runs)


def both(commit: str | None) -> dict[Part, str | None]:
    return dict.fromkeys(Part, commit)


def ran(commit: str | None = None, digest: str | None = None, **more: Any) -> Running:
    return Running(deploy_id="d1", commit=commit, digest=digest, **more)


class TestWhatTheUserNames:
    @pytest.mark.parametrize("ref", ["HEAD~1", "old", "the commit"])
    def test_is_a_commit_of_the_clone(self, origin: Repository, ref: str) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        origin.git("branch", "old", first)
        found = find(origin, first if ref == "the commit" else ref)
        assert found == Bases(source="ref", commits=both(first), unknown=NOTHING, assumptions=())
        assert not found.is_what_runs

    @pytest.mark.parametrize("ref", ["old", "the commit"])
    def test_or_one_that_can_be_fetched(self, origin: Repository, tmp_path: Path, ref: str) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        origin.git("tag", "old", first)
        clone = origin.clone(tmp_path / "clone", "--depth=1", "--no-tags")
        found = find(clone, first if ref == "the commit" else ref)
        assert (found.source, found.commits) == ("ref", both(first))

    @pytest.mark.parametrize("ref", ["nowhere", GONE])
    def test_or_refused(self, origin: Repository, ref: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            find(origin, ref)
        assert caught.value.message == (
            f"--base {ref} is not a commit that this clone has or can fetch"
        )
        assert caught.value.hint == (
            "Name a commit, a branch or a tag that exists; in CI, fetch more history."
        )


class TestTheVariable:
    def test_counts_for_auto(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        runs = dict.fromkeys(Part, ran(origin.head, "d" * 16))
        for named in ("HEAD~1", first):
            found = find(origin, runs=runs, base_override=named)
            assert found == Bases(source="ref", commits=both(first))

    @pytest.mark.parametrize("base", ["event", "deployed"])
    def test_counts_for_nothing_else(self, origin: Repository, base: str) -> None:
        runs = dict.fromkeys(Part, ran(origin.head, "d" * 16))
        said = {"base_override": "HEAD~1", "before": origin.head}
        assert find(origin, base, runs=runs, **said).commits == both(origin.head)

    def test_is_told_where_it_names_nothing(self, origin: Repository) -> None:
        runs = dict.fromkeys(Part, ran(origin.head))
        found = find(origin, runs=runs, base_override="no\nwhere")
        assert (found.source, found.commits) == ("deployed", both(origin.head))
        assert found.assumptions[0] == "ASTRO_CI_BASE is ignored: no\\nwhere is not in this clone"
        assert len(found.assumptions) == 2


class TestTheEvent:
    @pytest.mark.parametrize("base", ["auto", "event"])
    def test_is_asked_where_the_history_cannot_be_read(self, origin: Repository, base: str) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        found = find(origin, base, before=first, sources={"before": "event.before"})
        assert found == Bases.one(
            "event",
            first,
            f"compared with the CI event's commit {first[:7]} (from event.before)",
        )

    def test_alone_or_when_the_user_says_so(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        runs = dict.fromkeys(Part, ran(origin.head, "d" * 16))
        assert find(origin, "event", runs=runs, before=first).source == "event"
        assert find(origin, "auto", runs=runs, before=first).source == "deployed"

    def test_may_name_it_in_short(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        found = find(origin, "event", before=first[:12])
        assert (found.source, found.commits) == ("event", both(first))

    def test_may_not_say_where_from(self, origin: Repository) -> None:
        found = find(origin, before=origin.head)
        assert found.assumptions[0].endswith("(from the CI event)")

    def test_names_nothing(self, origin: Repository) -> None:
        why = "no CI event names a previous commit"
        told = find(origin, "event")
        assert told == Bases(source="none", unknown=dict.fromkeys(Part, why))
        told = find(origin, "auto", runs=None)
        assert told.unknown == dict.fromkeys(Part, f"what runs is not known, and {why}")

    def test_names_what_is_gone(self, origin: Repository) -> None:
        why = f"base commit ffffffffffff {NOWHERE}"
        assert find(origin, before=GONE).unknown == dict.fromkeys(Part, why)

    def test_a_commit_that_the_clone_lacks_is_fetched(
        self, origin: Repository, tmp_path: Path
    ) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        clone = origin.clone(tmp_path / "clone", "--depth=1")
        assert find(clone, before=first).commits == both(first)

    def test_a_pull_request_is_compared_with_where_it_began(self, origin: Repository) -> None:
        fork = origin.head
        origin.git("checkout", "--quiet", "-b", "topic")
        origin.commit("work")
        origin.git("checkout", "--quiet", "main")
        tip = origin.commit("what the base branch gained")
        origin.git("checkout", "--quiet", "topic")
        sources = {"base_sha": "event.base"}
        assert find(origin, base_sha=tip, sources=sources) == Bases.one(
            "event", fork, f"compared with {fork[:7]}, where this branch left its base branch"
        )
        assert find(origin, base_sha=fork, sources=sources) == Bases.one(
            "event", fork, f"compared with the CI event's commit {fork[:7]} (from event.base)"
        )
        pushed = find(origin, before=tip, base_sha=fork, sources={"before": "push"})
        assert pushed.commits == both(tip), "a push is compared with what it replaced"
        assert pushed.assumptions[0].endswith("(from push)")


class TestWhatIsDeployed:
    def test_is_one_commit_for_each_part(self, origin: Repository) -> None:
        first = origin.git("rev-parse", "HEAD~1")
        runs = {Part.IMAGE: ran(first, "1" * 16), Part.DAGS: ran(origin.head, "d" * 16)}
        for base in ("auto", "deployed"):
            found = find(origin, base, runs=runs)
            assert found == Bases(
                source="deployed",
                commits={Part.IMAGE: first, Part.DAGS: origin.head},
                unknown=NOTHING,
            )
            assert found.is_what_runs

    def test_is_an_assumption_where_another_client_deployed(self, origin: Repository) -> None:
        runs = {Part.IMAGE: ran(origin.head), Part.DAGS: ran(origin.head)}
        assert find(origin, runs=runs).assumptions == (
            f"deploy d1 by another client contained exactly commit {origin.head[:7]}",
        )

    def test_is_older_than_a_shallow_clone_that_cannot_fetch(self, origin: Repository) -> None:
        runs = {Part.IMAGE: ran(GONE, "1" * 16), Part.DAGS: ran(origin.head, "d" * 16)}
        found = find(origin, runs=runs)
        assert found == Bases(
            source="deployed",
            commits={Part.IMAGE: None, Part.DAGS: origin.head},
            unknown={Part.IMAGE: f"base commit ffffffffffff {NOWHERE}", Part.DAGS: ""},
            assumptions=(
                "the running commit fffffff is older than the checked-out one: it is not in this "
                "clone and cannot be fetched (fetch more)",
            ),
        )

    def test_is_known_by_content_alone(self, origin: Repository) -> None:
        runs = {Part.IMAGE: ran(None, "1" * 16), Part.DAGS: ran(None, unknown="no deploy put it")}
        found = find(origin, runs=runs)
        assert (found.source, found.commits) == ("deployed", both(None))
        assert found.unknown == {Part.IMAGE: "", Part.DAGS: "no deploy put it"}

    def test_is_nothing_when_nothing_is_known(self, origin: Repository) -> None:
        runs = dict.fromkeys(Part, Running(unknown="nothing has been deployed yet"))
        found = find(origin, runs=runs)
        assert (found.source, found.commits) == ("none", both(None))
        assert found.unknown == dict.fromkeys(Part, "nothing has been deployed yet")

    def test_cannot_be_compared_with_unless_the_history_is_read(self, origin: Repository) -> None:
        why = "the deploy history could not be read"
        assert find(origin, "deployed", before=origin.head) == Bases.none(why)
        assert Bases.none(why).unknown == dict.fromkeys(Part, why)

    @pytest.mark.parametrize("commit", ["main", "--all", "F" * 40, "abc"])
    def test_only_a_whole_hash_is_looked_for(self, origin: Repository, commit: str) -> None:
        """A deploy's commit is what somebody wrote there."""
        assert find(origin, runs=dict.fromkeys(Part, ran(commit))).commits == both(None)
