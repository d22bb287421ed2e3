"""The bodies of schemas Organization and Workspace."""

from __future__ import annotations

from astro_ci.sandbox.http.views.json import Json, made_by_user
from astro_ci.sandbox.store.state import State

ORGANIZATION_NAME = "Sandbox"
WORKSPACE_NAME = "Sandbox Workspace"


def organization(state: State) -> Json:
    """Make a body of schema Organization."""
    return {
        "id": state.organization_id,
        "name": ORGANIZATION_NAME,
        "product": "HOSTED",
        "productPlans": [
            {
                "organizationId": state.organization_id,
                "astronomerProduct": "ASTRO",
                "productPlanId": state.organization_id,
                "productPlanName": "STANDARD",
            }
        ],
        "status": "ACTIVE",
        "allowEnhancedSupportAccess": False,
        "hasAllowedIpAddressRanges": False,
        "isBlockedEnableAiFeatures": False,
        "isScimEnabled": False,
        "shouldEnforceDedicatedClusters": False,
        **made_by_user(state),
    }


def workspace(state: State) -> Json:
    """Make a body of schema Workspace."""
    return {
        "id": state.workspace_id,
        "name": WORKSPACE_NAME,
        "organizationId": state.organization_id,
        "organizationName": ORGANIZATION_NAME,
        "cicdEnforcedDefault": False,
        **made_by_user(state),
    }
