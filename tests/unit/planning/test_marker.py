from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.model import Deploy, DeployGit, Part
from astro_ci.planning.marker import (
    DESCRIPTION_LIMIT,
    ROOT_LAYOUT,
    Note,
    built_from,
    describe,
    description_room,
    read_marker,
    read_notes,
    without_marker,
)

DIGESTS = {Part.DAGS: "d" * 16, Part.IMAGE: "1" * 16}
OLD = f"astro-ci dags={'d' * 16} image={'1' * 16}"
COMMIT, OTHER = "a" * 40, "b" * 40


def git(commit: str | None) -> DeployGit | None:
    return DeployGit(provider="GENERIC", commit_sha=commit) if commit else None


def deploy(description: str, commit: str | None = None) -> Deploy:
    return Deploy(
        id="d1", type="DAG_ONLY", status="DEPLOYED", description=description, git=git(commit)
    )


@given(st.text(max_size=700), st.sampled_from([COMMIT, COMMIT.upper(), None]))
def test_the_marker_survives_any_description(text: str, commit: str | None) -> None:
    description = describe(text, DIGESTS, git(commit))
    assert len(description) <= DESCRIPTION_LIMIT
    assert read_marker(deploy(description, commit)) == DIGESTS
    assert description.startswith(text[: description_room()].strip()[:1])


def test_a_description_that_fits_is_kept_whole() -> None:
    text = "x" * description_room()
    assert describe(text, DIGESTS, git(COMMIT)) == f"{text} {OLD} of={COMMIT[:12]}"
    notes = {Note.LAYOUT: ROOT_LAYOUT, Note.BUILT: built_from(OTHER)}
    longest = describe(text, DIGESTS, git(COMMIT), notes)
    assert longest == f"{text} {OLD} built={OTHER[:12]} layout=root of={COMMIT[:12]}"
    assert len(longest) == DESCRIPTION_LIMIT


@pytest.mark.parametrize("commit", [COMMIT, None])
@pytest.mark.parametrize("built", [OTHER, None])
def test_notes_are_read_back(commit: str | None, built: str | None) -> None:
    notes = {Note.LAYOUT: ROOT_LAYOUT, Note.BUILT: built_from(built)}
    made = deploy(describe("x", DIGESTS, git(commit), notes), commit)
    assert read_marker(made) == DIGESTS
    assert read_notes(made) == notes
    assert without_marker(made.description) == "x"


def test_a_deploy_of_another_client_has_no_notes_and_ours_may_have_none() -> None:
    assert read_notes(deploy("by hand")) is None
    assert read_notes(deploy(f"x {OLD} layout=root of={COMMIT[:12]}", OTHER)) is None
    assert read_notes(deploy(f"x {OLD}")) == {}


def test_a_note_that_this_version_does_not_know_is_left_out() -> None:
    newer = deploy(f"{OLD} shape=round layout=root of=dirty")
    assert (read_marker(newer), read_notes(newer)) == (DIGESTS, {Note.LAYOUT: "root"})


def test_a_description_that_is_too_long_loses_its_end() -> None:
    room = DESCRIPTION_LIMIT - len(f" {OLD} of={COMMIT[:12]}")
    description = describe(f"{'x' * (room - 1)} yz", DIGESTS, git(COMMIT))
    assert description == f"{'x' * (room - 1)} {OLD} of={COMMIT[:12]}"
    # A marker without a commit is shorter, and leaves the text more room.
    shorter = f" {OLD} of=dirty"
    room = DESCRIPTION_LIMIT - len(shorter)
    assert describe("  x" * 500, DIGESTS, None) == ("  x" * 500)[:room].strip() + shorter


def test_the_users_own_text_is_what_stands_before() -> None:
    for commit in (COMMIT, None):
        assert without_marker(describe("  by hand: x ", DIGESTS, git(commit))) == "by hand: x"
    assert without_marker(f"old {OLD}\n") == "old"
    assert without_marker("astro-ci is not all ") == "astro-ci is not all"
    assert without_marker(describe("", DIGESTS, git(COMMIT))) == ""


@pytest.mark.parametrize("commit", [COMMIT, None])
def test_a_marker_of_an_earlier_version_counts_whatever_the_commit(commit: str | None) -> None:
    assert read_marker(deploy(f"x {OLD}", commit)) == DIGESTS


@pytest.mark.parametrize(
    ("written", "read"), [(COMMIT, OTHER), (COMMIT, None), (None, COMMIT), (COMMIT, "a" * 11)]
)
def test_a_copied_marker_does_not_count(written: str | None, read: str | None) -> None:
    assert read_marker(deploy(describe("x", DIGESTS, git(written)), read)) == {}


def test_a_part_that_this_version_does_not_know_is_left_out() -> None:
    newer = f"astro-ci bundle={'b' * 16} dags={'d' * 16} image={'1' * 16} of=dirty"
    assert read_marker(deploy(newer)) == DIGESTS


@pytest.mark.parametrize(
    "description",
    ["", "astro-ci", f"{OLD} and more", OLD.replace("d" * 16, "D" * 16),
     OLD.replace("d" * 16, "d" * 15), f"{OLD} of=", f"{OLD} of=aaaaaa"],
)  # fmt: skip
def test_no_marker(description: str) -> None:
    assert read_marker(deploy(description)) == {}
