"""JSON in the style of the API document's schemas: keys without a value are left out."""

from __future__ import annotations

from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import State

Json = dict[str, object]

USER_NAME = "Sandbox User"
USER_EMAIL = "sandbox@example.com"


def without_empty(**values: object) -> Json:
    """Leave out the keys without a value."""
    return {key: value for key, value in values.items() if value}


def subject(subject_id: str, state: State) -> Json:
    """Make a body of schema BasicSubjectProfile."""
    if subject_id == state.user_id:
        return {
            "id": subject_id,
            "subjectType": "USER",
            "fullName": USER_NAME,
            "username": USER_EMAIL,
        }
    return {
        "id": subject_id,
        "subjectType": "SERVICEKEY",
        "apiTokenName": token_name(subject_id, state),
    }


def token_name(subject_id: str, state: State) -> str:
    """Return the name of an API token, by its subject."""
    if subject_id == state.api_token_id:
        return "sandbox"
    for deployment in state.deployments:
        if subject_id == deployment.api_token_id:
            return f"sandbox-{deployment.name}"
    return "deployment-api-key"


def made_by_user(state: State) -> Json:
    """Make the fields for a thing that the user created when the sandbox was new."""
    made = timestamp(state.created_at)
    user = subject(state.user_id, state)
    return {"createdAt": made, "updatedAt": made, "createdBy": user, "updatedBy": user}
