"""The records of the local Astro, and the file that keeps them across restarts."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from astro_ci.errors import ConfigurationError
from astro_ci.model import ApiDeployType
from astro_ci.sandbox.store.ids import new_id, new_namespace

STATE_VERSION = 1
SEED_RUNTIME_VERSION = "13.1.0"

DeploymentType = Literal["STANDARD", "DEDICATED", "HYBRID"]
RolloutEnd = Literal["HEALTHY", "UNHEALTHY"]


class Override(Struct, kw_only=True):
    """A hibernation override; `until` is its end in seconds, None for no end."""

    is_hibernating: bool | None
    until: float | None = None
    is_over: bool = False
    """Whether it has run out, and what follows from that has happened."""


class Bundle(Struct, kw_only=True):
    """A bundle that is mounted at a path beside the DAGs."""

    mount_path: str
    type: str
    version: str
    deploy_id: str
    """The deploy that shipped this version."""


class DeploymentRecord(Struct, kw_only=True):
    """A Deployment."""

    id: str
    name: str
    namespace: str
    created_at: float
    updated_at: float
    is_dag_deploy_enabled: bool
    type: DeploymentType = "STANDARD"
    cluster_id: str = ""
    """The cluster of a dedicated or hybrid Deployment; empty for a standard Deployment."""
    cloud_provider: str = "AWS"
    region: str = "us-east-1"
    created_by: str = ""
    """The subject that created the Deployment; empty for the Deployments of a new sandbox."""
    api_token_id: str = field(default_factory=new_id)
    """The subject of the Deployment's own API token."""
    is_development_mode: bool = False
    settings: dict[str, object] = field(default_factory=dict)
    """The settings that the sandbox only stores and returns, in the API's format."""
    bundles: dict[str, Bundle] = field(default_factory=dict)
    """The bundles beside the DAGs, by mount path."""
    is_cicd_enforced: bool = False
    runtime_version: str = SEED_RUNTIME_VERSION
    image_tag: str = ""
    live_version: str = ""
    """The live bundle version; empty before the first bundle."""
    desired_version: str = ""
    """The bundle version that is live or is being rolled out."""
    creation_started_at: float | None = None
    """The start of the Deployment's creation; None when the creation has ended."""
    rollout_started_at: float | None = None
    rollout_end: RolloutEnd = "HEALTHY"
    health: RolloutEnd = "HEALTHY"
    """The result of the last finished rollout."""
    is_asleep_by_schedule: bool = False
    is_asleep: bool = False
    """Whether it sleeps, or is still waking up."""
    waking_since: float | None = None
    """None when it is not waking up."""
    override: Override | None = None
    next_rollout_end: RolloutEnd = "HEALTHY"
    """The result of the next rollout: a fault that a test asked for."""
    next_deploy_fails: bool = False
    """Whether the next finalized deploy becomes FAILED: a fault that a test asked for."""


class DeployRecord(Struct, kw_only=True):
    """One push of code to a Deployment."""

    id: str
    deployment_id: str
    type: ApiDeployType
    created_at: float
    updated_at: float
    created_by: str
    """The subject that created the deploy: the id of an API token, a key or a user."""
    status: Literal["INITIALIZED", "DEPLOYED", "FAILED"] = "INITIALIZED"
    is_dag_deploy_enabled: bool
    image_tag: str = ""
    dag_tarball_version: str = ""
    desired_version: str | None = None
    """The bundle version to run after this deploy; None when it is the version that it shows."""
    runtime_version: str = ""
    description: str = ""
    git: dict[str, object] | None = None
    rollback_from_id: str = ""
    bundle_mount_path: str = ""
    bundle_type: str = ""
    bundle_tarball_version: str = ""
    bundles: list[Bundle] = field(default_factory=list)
    """The bundles beside the DAGs after this deploy, in the order of mount paths."""


class State(Struct, kw_only=True):
    """The whole state of the local Astro, without the bytes of blobs and images."""

    version: int = STATE_VERSION
    created_at: float
    organization_id: str = field(default_factory=new_id)
    workspace_id: str = field(default_factory=new_id)
    user_id: str = field(default_factory=new_id)
    api_token_id: str = field(default_factory=new_id)
    key_id: str = field(default_factory=lambda: secrets.token_hex(16))
    key_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key_deployment_id: str = ""
    """The Deployment of the Deployment API key."""
    signing_key: str = field(default_factory=lambda: secrets.token_hex(32))
    """The key that signs tokens and upload URLs."""
    token_generation: int = 0
    """Tokens from an exchange of an earlier generation have expired."""
    upload_generation: int = 0
    """Upload URLs of an earlier generation have expired."""
    deployments: list[DeploymentRecord] = field(default_factory=list)
    deploys: list[DeployRecord] = field(default_factory=list)
    """Oldest first."""


def seeded(now: float) -> State:
    """Make the state of a new sandbox: three Deployments without deploys."""
    state = State(created_at=now)
    for name, enabled, development in (
        ("production", True, False),
        ("development", True, True),
        ("classic", False, False),
    ):
        state.deployments.append(
            DeploymentRecord(
                id=new_id(),
                name=name,
                namespace=new_namespace(),
                created_at=now,
                updated_at=now,
                is_dag_deploy_enabled=enabled,
                is_development_mode=development,
            )
        )
    state.key_deployment_id = state.deployments[0].id
    return state


class StateFile:
    """Keeps the state in one JSON file of a directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "state.json"

    def load(self, now: float) -> State:
        """Read the state, or make and write a new state.

        Raises ConfigurationError for a file that this version cannot read as a state.
        """
        if not self._path.exists():
            state = seeded(now)
            self.save(state)
            return state
        try:
            state = msgspec.json.decode(self._path.read_bytes(), type=State)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise self._unreadable(str(exc)) from exc
        if state.version != STATE_VERSION:
            raise self._unreadable(f"version {state.version} instead of {STATE_VERSION}")
        if not state.key_deployment_id and state.deployments:
            state.key_deployment_id = state.deployments[0].id
        # A state of an older version lacks some identifiers, which were just created.
        self.save(state)
        return state

    def save(self, state: State) -> None:
        """Write the state atomically; only the owner can read it, because it contains keys."""
        temporary = self._path.with_suffix(".json.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(state))
        temporary.replace(self._path)

    def _unreadable(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            f"the sandbox state {self._path} cannot be read: {problem}",
            hint="Name an empty directory with --data, or remove this directory to start again.",
        )
