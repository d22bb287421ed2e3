from __future__ import annotations

import pytest

from astro_ci.ci import values

ABC = "abc1234"
NOT_SET = ["", "  ", "false", "False", "null", "$(Build.X)", "${X}", "$CI_X", "<< a.b >>", "%a.b%"]


@pytest.mark.parametrize("raw", NOT_SET)
def test_not_set(raw: str) -> None:
    assert values.non_empty(raw) is None
    for parse in (values.sha, values.branch, values.tag, values.number, values.web_url):
        assert parse(raw) is None


@pytest.mark.parametrize(
    ("raw", "sha"),
    [
        (ABC, ABC),
        (f" {ABC}\n", ABC),
        ("ABC1234", ABC),
        ("a" * 40, "a" * 40),
        ("a" * 64, "a" * 64),
        ("0" * 39 + "1", "0" * 39 + "1"),
        ("0" * 40, None),
        ("0" * 64, None),
        ("abc123", None),
        ("a" * 65, None),
        ("HEAD", None),
        ("--output=x", None),
        (f"{ABC}\n--output=x", None),
        (f"{ABC}^{{commit}}", None),
        ("abcdefg", None),
        # Digits to Unicode, and to int(), but not hexadecimal to git.
        ("١٢٣٤٥٦٧", None),
    ],
)
def test_sha(raw: str, sha: str | None) -> None:
    assert values.sha(raw) == sha


@pytest.mark.parametrize(
    ("raw", "branch"),
    [
        ("main", "main"),
        ("feat/x", "feat/x"),
        ("refs/heads/feat/x", "feat/x"),
        ("größe/ä", "größe/ä"),
        ("a@b", "a@b"),
        ("refs/tags/v1", None),
        ("refs/pull/7/merge", None),
        ("refs/heads/", None),
        ("-x", None),
        ("refs/heads/-x", None),
        ("--upload-pack=x", None),
        ("a b", None),
        ("a\tb", None),
        ("a\nb", None),
        ("a\x1b[31m", None),
        ("a\x7f", None),
        ("a\u2028b", None),
        ("a\udcff", None),
        ("a..b", None),
        ("a:b", None),
        ("a^", None),
        ("a@{1}", None),
        ("a.lock", None),
        ("a/", None),
    ],
)
def test_branch(raw: str, branch: str | None) -> None:
    assert values.branch(raw) == branch


def test_full_refs_are_told_apart() -> None:
    assert values.branch_ref("refs/heads/a") == "a"
    assert values.branch_ref("a") is None
    assert values.tag_ref("refs/tags/a") == "a"
    assert values.tag_ref("a") is None
    assert values.tag("refs/heads/a") is None


@pytest.mark.parametrize(
    ("raw", "ref"),
    [
        ("main", "main"),
        ("origin/main", "origin/main"),
        ("refs/remotes/origin/main", "refs/remotes/origin/main"),
        ("HEAD~2", "HEAD~2"),
        ("main^1", "main^1"),
        ("main@{1}", "main@{1}"),
        (ABC, ABC),
        ("0" * 40, None),
        ("a..b", None),
        ("a...b", None),
        ("HEAD:dags", None),
        ("-x", None),
        ("--output=/etc/passwd", None),
        ("a b", None),
    ],
)
def test_base_ref(raw: str, ref: str | None) -> None:
    assert values.base_ref(raw) == ref


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("7", "7"),
        (" 12 ", "12"),
        ("0", None),
        ("07", None),
        ("-7", None),
        ("7a", None),
        ("٧", None),
        ("9" * 19, None),
    ],
)
def test_number(raw: str, number: str | None) -> None:
    assert values.number(raw) == number


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("https://h/p?a=b#c", "https://h/p?a=b#c"),
        ("HTTP://h.example:8080/p", "http://h.example:8080/p"),
        ("https://u@h/p", "https://h/p"),
        ("https://u:s3cret@h/p", "https://h/p"),
        ("https://u:s3@cret@h/p", "https://h/p"),
        ("https://u:s3cret@h", "https://h"),
        ("https://h/p@1", "https://h/p@1"),
        ("https://u:s3/cret@h/p", None),
        ("https://h:99999/", None),
        ("https://h/a b", None),
        ("https://h/\u202e", None),
        ("https:///p", None),
        ("https://h\\@evil/", None),
        ("ssh://git@h/p", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("h/p", None),
    ],
)
def test_web_url(raw: str, url: str | None) -> None:
    assert values.web_url(raw) == url


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("https://u:s3cret@h/a/b.git", "https://h/a/b.git"),
        ("https://h/a/b/", "https://h/a/b"),
        ("https://h/a/b?private_token=s3cret#x", "https://h/a/b"),
        ("git@h:a/b.git", "ssh://h/a/b.git"),
        ("org-123@h:a/b.git", "ssh://h/a/b.git"),
        ("ssh://git@h:2222/a/b", "ssh://h:2222/a/b"),
        ("git://h/a/b", "git://h/a/b"),
        ("https://u:1/s3cret@h/a", None),
        ("u:s3/cret@h:a/b", None),
        ("/srv/git/b.git", None),
        ("../b.git", None),
        ("C:\\git\\b", None),
        ("file:///srv/git/b.git", None),
        ("ext::sh -c x", None),
    ],
)
def test_repository_url(raw: str, url: str | None) -> None:
    assert values.repository_url(raw) == url
