from __future__ import annotations

import pytest

from astro_ci.model import DeployGit
from astro_ci.remote import (
    commit_url,
    compare_page,
    deploy_identity,
    github_repository,
    repository_identity,
    repository_page,
    without_credentials,
)

SHA = "a" * 40


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://gitlab-ci-token:glcbt-1@gitlab.com/a/b.git", "https://gitlab.com/a/b.git"),
        ("https://token@example.com:8443/a/b", "https://example.com:8443/a/b"),
        ("https://example.com/a/b.git?private_token=x", "https://example.com/a/b.git"),
        ("ssh://git@example.com/a/b.git", "ssh://git@example.com/a/b.git"),
        ("ssh://git:pw@example.com/a/b.git", "ssh://example.com/a/b.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("https://example.com/a@b/c.git", "https://example.com/a@b/c.git"),
        ("file:///srv/a.git", "file:///srv/a.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_without_credentials(url: str, expected: str) -> None:
    assert without_credentials(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Acme/Airflow.git",
        "https://user:token@github.com/acme/airflow",
        "git@github.com:acme/airflow.git",
        "ssh://git@github.com/acme/airflow.git",
        "ssh://git@github.com:22/acme/airflow",
        "https://www.github.com/acme/airflow/",
        "github.com:acme/airflow",
        "ssh://git@ssh.github.com:443/acme/airflow.git",
    ],
)
def test_one_repository_has_one_identity(url: str) -> None:
    assert repository_identity(url) == "github.com/acme/airflow"
    account, name = github_repository(url) or ("", "")
    assert (account.lower(), name.lower()) == ("acme", "airflow")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://GitLab.example.com/Group/sub/Repo.git", "gitlab.example.com/Group/sub/Repo"),
        ("https://gitlab.example.com:8443/group/repo", "gitlab.example.com/group/repo"),
        ("file:///srv/git/repo.git", "/srv/git/repo"),
        ("file:///srv/my%20repo", "/srv/my repo"),
        ("/srv/git/repo.git/", "/srv/git/repo"),
    ],
)
def test_identities_elsewhere(url: str, expected: str) -> None:
    assert repository_identity(url) == expected
    assert github_repository(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://dev.azure.com/Acme/Data%20Team/_git/airflow",
        "https://acme@dev.azure.com/acme/Data%20Team/_git/airflow",
        "git@ssh.dev.azure.com:v3/acme/Data%20Team/airflow",
        "https://acme.visualstudio.com/Data%20Team/_git/airflow",
        "https://acme.visualstudio.com/DefaultCollection/Data%20Team/_git/airflow",
        "acme@vs-ssh.visualstudio.com:v3/acme/Data%20Team/airflow",
    ],
)
def test_azure_has_many_spellings(url: str) -> None:
    assert repository_identity(url) == "dev.azure.com/acme/data team/airflow"


def test_azure_leaves_out_what_is_named_twice() -> None:
    long = repository_identity("https://dev.azure.com/acme/airflow/_git/airflow")
    assert repository_identity("https://dev.azure.com/acme/_git/airflow") == long


def test_a_github_repository_keeps_its_spelling() -> None:
    assert github_repository("git@github.com:Acme/Air-Flow.git") == ("Acme", "Air-Flow")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git@github.com:acme/airflow.git", f"https://github.com/acme/airflow/commit/{SHA}"),
        ("https://gitlab.com/a/b/c.git", f"https://gitlab.com/a/b/c/-/commit/{SHA}"),
        ("https://bitbucket.org/a/b", f"https://bitbucket.org/a/b/commits/{SHA}"),
        ("https://codeberg.org/a/b", f"https://codeberg.org/a/b/commit/{SHA}"),
        (
            "git@ssh.dev.azure.com:v3/acme/My%20Project/airflow",
            f"https://dev.azure.com/acme/my%20project/_git/airflow/commit/{SHA}",
        ),
        (
            "https://acme.visualstudio.com/p/_git/r",
            f"https://dev.azure.com/acme/p/_git/r/commit/{SHA}",
        ),
        ("git@github.acme.com:a/b.git", f"https://github.acme.com/a/b/commit/{SHA}"),
        (
            "https://ci:secret@gitlab.acme.com:8443/a/b.git",
            f"https://gitlab.acme.com:8443/a/b/-/commit/{SHA}",
        ),
        ("ssh://git@gitea.acme.com:2222/a/b.git", f"https://gitea.acme.com/a/b/commit/{SHA}"),
        (
            "https://bitbucket.acme.com/scm/key/repo.git",
            f"https://bitbucket.acme.com/projects/key/repos/repo/commits/{SHA}",
        ),
        ("https://git.example.com/a/b", ""),
        ("https://git.example.com:no/a/b", ""),
        ("/srv/git/a.git", ""),
        ("file:///srv/github/a.git", ""),
        ("https://github.com", ""),
        ("https://u:ab[cd@github.com/x", ""),
    ],
)
def test_commit_url(url: str, expected: str) -> None:
    assert commit_url(url, SHA) == expected


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("github", f"commit/{SHA}"),
        ("gitlab", f"-/commit/{SHA}"),
        ("gitea", f"commit/{SHA}"),
        ("forgejo", f"commit/{SHA}"),
    ],
)
def test_commit_url_of_a_host_whose_name_does_not_tell(kind: str, page: str) -> None:
    assert commit_url("https://git.example.com/a/b", SHA, kind=kind).endswith(f"/a/b/{page}")
    assert commit_url("https://gitlab.com/a/b", SHA, kind=kind).endswith(f"/a/b/-/commit/{SHA}")


def test_commit_url_holds_no_markup() -> None:
    url = commit_url("https://github.com/a/b)[x](javascript:1", SHA)
    assert url == f"https://github.com/a/b%29%5Bx%5D%28javascript%3A1/commit/{SHA}"


def test_deploy_identity() -> None:
    github = DeployGit(provider="GITHUB", account="Acme", repo="Airflow", commit_sha=SHA)
    generic = DeployGit(provider="GENERIC", remote_url="git@gitlab.com:a/b.git", commit_sha=SHA)
    assert deploy_identity(github) == "github.com/acme/airflow"
    assert deploy_identity(generic) == "gitlab.com/a/b"
    assert deploy_identity(DeployGit(provider="GENERIC", commit_sha=SHA)) == ""


@pytest.mark.parametrize("url", ["https://u:ab[cd@example.com/x", "https://u:p@h\u2100.com/x"])
def test_what_is_no_url_is_opaque(url: str) -> None:
    assert without_credentials(url) == ""
    assert repository_identity(url) == repository_identity(url)
    assert "example" not in repository_identity(url)


OLD = "0" * 40


@pytest.mark.parametrize(
    ("url", "kind", "page"),
    [
        ("git@github.com:acme/etl.git", "", f"https://github.com/acme/etl/compare/{OLD}...{SHA}"),
        (
            "https://gitlab.acme.com:8443/a/b/c",
            "gitlab",
            f"https://gitlab.acme.com:8443/a/b/c/-/compare/{OLD}...{SHA}",
        ),
        (
            "https://bitbucket.org/a/b",
            "",
            f"https://bitbucket.org/a/b/branches/compare/{SHA}..{OLD}#diff",
        ),
        (
            "https://git.acme.com/scm/etl/dags.git",
            "bitbucket",
            "https://git.acme.com/projects/etl/repos/dags/compare/diff"
            f"?sourceBranch={SHA}&targetBranch={OLD}",
        ),
        (
            "https://dev.azure.com/acme/data/_git/etl",
            "",
            "https://dev.azure.com/acme/data/_git/etl/branchCompare"
            f"?baseVersion=GC{OLD}&targetVersion=GC{SHA}&_a=files",
        ),
        (
            "https://git.acme.com/a/b",
            "gitea",
            f"https://git.acme.com/a/b/compare/{OLD}...{SHA}",
        ),
        ("https://codeberg.org/a/b", "", f"https://codeberg.org/a/b/compare/{OLD}...{SHA}"),
        ("https://git.acme.com/a/b", "", ""),
        ("/srv/git/etl.git", "", ""),
    ],
)
def test_what_changed_has_a_page(url: str, kind: str, page: str) -> None:
    repository = repository_page(url, kind=kind)
    assert compare_page(repository, OLD, SHA) == page
    assert compare_page(repository, "", SHA) == compare_page(repository, OLD, "") == ""
