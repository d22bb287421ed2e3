"""What can be said of a token's text without reading it."""

from __future__ import annotations

import pytest

from astro_ci.ci import detect
from astro_ci.doctor.access import absent, malformed, untidy

SYSTEMS = {
    "azure": {"TF_BUILD": "True"},
    "github": {"GITHUB_ACTIONS": "true"},
    "gitlab": {"GITLAB_CI": "true"},
}


@pytest.mark.parametrize(
    "raw", ["$(ASTRO_API_TOKEN)", "${ASTRO_API_TOKEN}", "$ASTRO_API_TOKEN", "%env.X%", "${{ x }}"]
)
def test_a_name_that_was_not_replaced(raw: str) -> None:
    error = malformed(raw, detect(SYSTEMS["azure"]))
    assert error is not None
    assert "Azure Pipelines does not know" in error.message
    assert "$(ASTRO_API_TOKEN)" in error.hint


@pytest.mark.parametrize("raw", ["'a.b.c'", '"a.b.c"', "a.b.c'", '"a.b.c'])
def test_quotes(raw: str) -> None:
    error = malformed(raw, detect({}))
    assert error is not None
    assert error.message == "ASTRO_API_TOKEN is wrapped in quotes"
    assert error.exit_code == 9


def test_lines() -> None:
    error = malformed("a.b.c\nd.e.f\n", detect({}))
    assert error is not None
    assert error.message == "ASTRO_API_TOKEN has 2 lines"


@pytest.mark.parametrize("raw", ["a.b.c", "a.b.c\n", " Bearer a.b.c", "production"])
def test_nothing_to_see(raw: str) -> None:
    assert malformed(raw, detect({})) is None


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("a.b.c", ""),
        ("a.b.c\n", "ASTRO_API_TOKEN has a line break or space around it"),
        ("bearer a.b.c", "ASTRO_API_TOKEN starts with the word Bearer"),
    ],
)
def test_untidy(raw: str, said: str) -> None:
    assert untidy(raw) == said


@pytest.mark.parametrize("key", SYSTEMS)
def test_absent_is_a_problem_with_that_systems_remedy(key: str) -> None:
    ci = detect(SYSTEMS[key])
    check = absent(SYSTEMS[key], ci)
    assert (check.status, check.exit_code) == ("problem", 9)
    assert "Deployment > Access > API Tokens" in check.remedy
    assert check.remedy.endswith(f" {ci.secret_hint}")


def test_a_branch_that_is_not_protected() -> None:
    env = {**SYSTEMS["gitlab"], "CI_COMMIT_REF_PROTECTED": "false"}
    assert "is not protected" in absent(env, detect(env)).remedy
