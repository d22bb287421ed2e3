"""Comments of a pull request on GitHub, Gitea and Forgejo.

Source: docs.github.com/rest/issues/comments; a pull request is an issue to this API.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from astro_ci.ci import values
from astro_ci.ci.access import FORGE_TOKEN
from astro_ci.ci.comments.place import CommentError, Place, first_of

_PERMISSION = (
    "Give the job the permission `pull-requests: write`; a fork's pull request never has it."
)


def place(number: str, env: Mapping[str, str]) -> Place:
    """Where the comments of this pull request are. Raises CommentError."""
    token = first_of(env, FORGE_TOKEN, "GITHUB_TOKEN", "GH_TOKEN")
    if not token:
        raise CommentError(
            "there is no token to comment with",
            hint="Pass the job's token to the step: env: GITHUB_TOKEN: ${{ github.token }}.",
        )
    api = env.get("GITHUB_API_URL", "").rstrip("/")
    slug = values.slug(env.get("GITHUB_REPOSITORY", ""))
    if not api or not slug:
        raise CommentError(
            "GITHUB_API_URL and GITHUB_REPOSITORY do not name a repository",
            hint="Run this in a job of GitHub Actions.",
        )
    issues = f"{api}/repos/{quote(slug)}/issues"
    server = env.get("GITHUB_SERVER_URL", "").rstrip("/")
    return Place(
        comments=f"{issues}/{number}/comments",
        comment=f"{issues}/comments/",
        update_method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        page=f"{server}/{slug}/pull/{number}#issuecomment-" if server else "",
        permission_hint=_PERMISSION,
    )
