"""Remote URLs of git repositories: without their credentials, and as an identity to compare."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from astro_ci.model import DeployGit, Repository
from astro_ci.text import Regex

# Hosts that answer SSH on the HTTPS port, for networks that block port 22.
_OTHER_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
}
_HOST_KINDS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "bitbucket.org": "bitbucket",
    "dev.azure.com": "azure",
    "codeberg.org": "forgejo",
}
_COMMIT_PAGES = {
    "github": "commit",
    "gitlab": "-/commit",
    "bitbucket": "commits",
    "azure": "commit",
    "gitea": "commit",
    "forgejo": "commit",
}
_COMPARE_PAGES = {
    "github": "compare/{base}...{head}",
    "gitlab": "-/compare/{base}...{head}",
    "bitbucket": "branches/compare/{head}..{base}#diff",
    "azure": "branchCompare?baseVersion=GC{base}&targetVersion=GC{head}&_a=files",
    "gitea": "compare/{base}...{head}",
    "forgejo": "compare/{base}...{head}",
}
_DATA_CENTER_COMPARE = "compare/diff?sourceBranch={head}&targetBranch={base}"
_DATA_CENTER = "/projects/"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_VISUAL_STUDIO = ".visualstudio.com"
_SCP_LIKE = Regex(r"^(?:[^/@\s]+@)?(?P<host>\[[^\]]+\]|[^/:\s]+):(?P<path>(?!//).+)$")


def without_credentials(url: str) -> str:
    """Strip user and password: a CI checkout's origin often holds the job's token.

    The user of an SSH remote (`git@...`) stays, as it is part of the address and no secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # it may quote the password: nothing of it is passed on
        return ""
    if not parts.netloc:  # a local path, or git@host:path
        return url
    user, _, host = parts.netloc.rpartition("@")
    keeps_user = parts.scheme.endswith("ssh") and user and ":" not in user
    return urlunsplit((parts.scheme, f"{user}@{host}" if keeps_user else host, parts.path, "", ""))


def repository_identity(url: str) -> str:
    """Reduce a remote URL to `host/path`, the same for every spelling of one remote.

    HTTPS, SSH and scp-like URLs agree; a local path or file URL gives its path.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL: it is at least equal to itself
        return f"unreadable {hashlib.sha256(url.encode('utf-8', 'replace')).hexdigest()[:16]}"
    scp = _SCP_LIKE.match(url)
    if parts.scheme == "file" or (not parts.netloc and not scp):
        path = unquote(parts.path) if parts.scheme == "file" else url
        return _without_suffix(path)
    host, path = (parts.hostname or "", parts.path) if parts.netloc else (scp["host"], scp["path"])  # type: ignore[index]
    host = host.lower().removeprefix("www.")
    path = _without_suffix(unquote(path)).strip("/")
    host = _OTHER_HOSTS.get(host, host)
    if host == "dev.azure.com" or host.endswith(_VISUAL_STUDIO):
        return _azure_identity(host, path)
    return f"{host}/{path.lower() if host == 'github.com' else path}"


def _azure_identity(host: str, path: str) -> str:
    """Azure DevOps: HTTPS has `_git` in the path, SSH a version, the old host the organization."""
    parts = [part for part in path.split("/") if part.lower() not in ("v3", "_git", "_ssh")]
    if host.endswith(_VISUAL_STUDIO):
        organization = host.removesuffix(_VISUAL_STUDIO)
        parts = [part for part in parts if part != "DefaultCollection"]
        # The SSH URLs of the old host name the organization twice.
        parts = parts if organization == "vs-ssh" else [organization, *parts]
    if len(parts) == 2:  # a project's repository of the same name
        parts.append(parts[1])
    return f"dev.azure.com/{'/'.join(parts)}".lower()


def deploy_identity(git: DeployGit) -> str:
    """The identity of the repository that a deploy came from; empty when it names none."""
    if git.provider == "GITHUB":
        return f"github.com/{git.account}/{git.repo}".lower()
    return repository_identity(git.remote_url) if git.remote_url else ""


def github_repository(url: str) -> tuple[str, str] | None:
    """Account and name when the remote is on github.com; None elsewhere."""
    parts = repository_identity(url).split("/")
    if len(parts) != 3 or parts[0] != "github.com":
        return None
    spelled = PurePosixPath(_without_suffix(re.split(r"[:/]", url, maxsplit=1)[-1])).parts[-2:]
    account, name = spelled if len(spelled) == 2 else (parts[1], parts[2])
    return account.rpartition(":")[2], name


def repository_page(url: str, *, kind: str = "") -> Repository | None:
    """The repository's page; None where the host's scheme of pages is unknown.

    `kind` is what a host is whose name does not tell: github, gitlab, gitea, forgejo, bitbucket.
    """
    identity = repository_identity(url)
    host, _, path = identity.partition("/")
    if not path or not _HOST.fullmatch(host):
        return None
    kind = _kind_of(host) or kind
    if kind == "azure":
        organization, project, repository = [*path.split("/"), "", "", ""][:3]
        path = f"{organization}/{project}/_git/{repository}"
    elif kind == "bitbucket" and host != "bitbucket.org":  # Data Center
        owner, repository = [*path.removeprefix("scm/").split("/"), "", ""][:2]
        path = f"projects/{owner}/repos/{repository}"
    if kind not in _COMMIT_PAGES:
        return None
    return Repository(page=f"{_web_root(url, host)}/{quote(path)}", kind=kind)


def commit_page(repository: Repository | None, sha: str) -> str:
    """The commit's page; empty without a repository's page."""
    return f"{repository.page}/{_COMMIT_PAGES[repository.kind]}/{sha}" if repository and sha else ""


def compare_page(repository: Repository | None, base: str, head: str) -> str:
    """The page of what changed from one commit to another; empty without a repository's page."""
    if repository is None or not base or not head:
        return ""
    page = _COMPARE_PAGES[repository.kind]
    if repository.kind == "bitbucket" and _DATA_CENTER in repository.page:
        page = _DATA_CENTER_COMPARE
    return f"{repository.page}/{page.format(base=base, head=head)}"


def commit_url(url: str, sha: str, *, kind: str = "") -> str:
    """The page of a commit of a remote; empty where the host's scheme of pages is unknown."""
    return commit_page(repository_page(url, kind=kind), sha)


def _kind_of(host: str) -> str:
    """Guess the software of a host from its name, such as `gitlab.example.com`."""
    if host in _HOST_KINDS:
        return _HOST_KINDS[host]
    return next((label for label in host.split(".")[:-1] if label in _COMMIT_PAGES), "")


def _web_root(url: str, host: str) -> str:
    """Return scheme, host and port of the web pages; an SSH remote gets the usual ones."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or host in _HOST_KINDS:
        return f"https://{host}"
    port = parts.netloc.rpartition("@")[2].partition(":")[2]
    return f"{parts.scheme}://{host}:{port}" if port.isdecimal() else f"{parts.scheme}://{host}"


def _without_suffix(path: str) -> str:
    return path.rstrip("/").removesuffix(".git").rstrip("/")
