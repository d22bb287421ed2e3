"""The bodies of schemas User, SelfUser and ApiToken."""

from __future__ import annotations

from astro_ci.sandbox.http.views.json import (
    USER_EMAIL,
    USER_NAME,
    Json,
    made_by_user,
    subject,
    token_name,
)
from astro_ci.sandbox.platform.tokens import LONG_LIFETIME_SECONDS
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import DeploymentRecord, State

AVATAR_URL = "data:,"


def user(state: State) -> Json:
    """Make a body of schema User, for a user with all roles."""
    return {
        **_person(state),
        "organizationRole": "ORGANIZATION_OWNER",
        "workspaceRoles": [{"workspaceId": state.workspace_id, "role": "WORKSPACE_OWNER"}],
    }


def self_user(state: State) -> Json:
    """Make a body of schema SelfUser."""
    scope = {"entityId": state.organization_id, "type": "ORGANIZATION"}
    return {
        **_person(state),
        "organizationId": state.organization_id,
        "isIdpManaged": False,
        "roles": [{"role": "ORGANIZATION_OWNER", "scope": scope}],
        "featureFlags": [],
        "invites": [],
    }


def workspace_token(state: State) -> Json:
    """Make a body of schema ApiToken for the Workspace."""
    role: Json = {
        "entityId": state.workspace_id,
        "entityType": "WORKSPACE",
        "role": "WORKSPACE_OWNER",
    }
    return _token(state.api_token_id, "WORKSPACE", role, state.created_at, state)


def deployment_token(deployment: DeploymentRecord, state: State) -> Json:
    """Make a body of schema ApiToken for a Deployment."""
    role: Json = {
        "entityId": deployment.id,
        "entityType": "DEPLOYMENT",
        "deploymentId": deployment.id,
        "role": "DEPLOYMENT_ADMIN",
    }
    return _token(deployment.api_token_id, "DEPLOYMENT", role, deployment.created_at, state)


def is_for(token: Json, deployment_id: str) -> bool:
    """Whether an ApiToken is the token of a Deployment."""
    roles = token["roles"]
    return isinstance(roles, list) and any(one["entityId"] == deployment_id for one in roles)


def _token(token_id: str, scope: str, role: Json, made: float, state: State) -> Json:
    by = subject(state.user_id, state)
    return {
        "id": token_id,
        "name": token_name(token_id, state),
        "description": "Made by the sandbox",
        "kind": "STANDARD",
        "scope": scope,
        "roles": [role],
        "shortToken": token_id[-6:],
        "startAt": timestamp(made),
        "endAt": timestamp(made + LONG_LIFETIME_SECONDS),
        "createdAt": timestamp(made),
        "updatedAt": timestamp(made),
        "createdBy": by,
        "updatedBy": by,
    }


def _person(state: State) -> Json:
    made = made_by_user(state)
    return {
        "id": state.user_id,
        "username": USER_EMAIL,
        "fullName": USER_NAME,
        "avatarUrl": AVATAR_URL,
        "status": "ACTIVE",
        "createdAt": made["createdAt"],
        "updatedAt": made["updatedAt"],
    }
