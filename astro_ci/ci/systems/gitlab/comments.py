"""Notes of a merge request on GitLab. Source: docs.gitlab.com/api/notes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from astro_ci.ci.access import FORGE_TOKEN
from astro_ci.ci.comments.place import CommentError, Place, first_of

# A job's own token may not write notes.
_REMEDY = (
    "Create a project access token with the scope `api`, and store it as the masked variable "
    "GITLAB_TOKEN under Settings > CI/CD > Variables; merge requests do not get protected "
    "variables."
)


def place(number: str, env: Mapping[str, str]) -> Place:
    """Where the notes of this merge request are. Raises CommentError."""
    token = first_of(env, FORGE_TOKEN, "GITLAB_TOKEN")
    if not token:
        raise CommentError("there is no token to comment with", hint=_REMEDY)
    api = env.get("CI_API_V4_URL", "").rstrip("/")
    project = first_of(env, "CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID")
    if not api or not project:
        raise CommentError(
            "CI_API_V4_URL and CI_PROJECT_ID do not name a project",
            hint="Run this in a GitLab job.",
        )
    notes = f"{api}/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    page = first_of(env, "CI_MERGE_REQUEST_PROJECT_URL", "CI_PROJECT_URL").rstrip("/")
    return Place(
        comments=notes,
        comment=f"{notes}/",
        update_method="PUT",
        headers={"PRIVATE-TOKEN": token},
        page=f"{page}/-/merge_requests/{number}#note_" if page else "",
        permission_hint=_REMEDY,
    )
