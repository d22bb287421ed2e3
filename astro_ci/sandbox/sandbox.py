"""The local Astro as a library."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import msgspec
from starlette.types import Scope

from astro_ci.errors import ConfigurationError
from astro_ci.model import Deploy, Deployment
from astro_ci.sandbox.http.api import api_routes
from astro_ci.sandbox.http.app import build_app
from astro_ci.sandbox.http.blob_api import BlobApi
from astro_ci.sandbox.http.faults import Faults
from astro_ci.sandbox.http.login import Login
from astro_ci.sandbox.http.pages import Pages
from astro_ci.sandbox.http.presenter import Presenter
from astro_ci.sandbox.http.registry_api import RegistryApi
from astro_ci.sandbox.http.request_log import REMEMBERED_REQUESTS, RequestLine
from astro_ci.sandbox.http.server import Server, listen
from astro_ci.sandbox.platform.configure import create_deployment
from astro_ci.sandbox.platform.deployment_bodies import read_create
from astro_ci.sandbox.platform.news import News
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.running import (
    running_bundle,
    running_image_config,
    running_image_layers,
)
from astro_ci.sandbox.platform.tokens import (
    Identity,
    api_token,
    deployment_token,
    fresh_token,
    session_token,
)
from astro_ci.sandbox.store.blobs import BlobStore
from astro_ci.sandbox.store.lock import hold, unusable
from astro_ci.sandbox.store.registry import Registry
from astro_ci.sandbox.store.state import DeploymentRecord

DEFAULT_PORT = 8888
"""Where the Astro CLI looks for a local Astro."""


class Sandbox:
    """A local Astro: API, login, blob store and image registry on one port of localhost.

    `data` is the directory for the state; with None, the state is deleted at the end. Port 0 means
    a free port. `rollout_seconds` is the time from a deploy's finalization until it is live, and
    `wake_seconds` the time that a hibernating Deployment takes to wake up (by default the same).
    Use a sandbox in a `with` statement, or call `start` and `stop`. Raises ConfigurationError for a
    port that is in use, or a state that cannot be read.
    """

    def __init__(
        self,
        data: Path | str | None = None,
        port: int = 0,
        rollout_seconds: float = 2.0,
        *,
        wake_seconds: float | None = None,
        token_lifetime_seconds: int = 3600,
        upload_lifetime_seconds: float = 3600.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._port = port
        self._token_lifetime_seconds = token_lifetime_seconds
        self._upload_lifetime_seconds = upload_lifetime_seconds
        self._temporary = TemporaryDirectory(prefix="astro-sandbox-") if data is None else None
        directory = Path(self._temporary.name if self._temporary else str(data))
        self._lock = hold(directory)
        try:
            self._platform = Platform(
                directory,
                BlobStore(directory / "blobs", now),
                Registry(directory / "registry"),
                rollout_seconds=rollout_seconds,
                wake_seconds=rollout_seconds if wake_seconds is None else wake_seconds,
                now=now,
            )
        except (ConfigurationError, OSError) as exc:
            self._lock.close()
            if isinstance(exc, OSError):
                raise unusable(directory, exc) from exc
            raise
        self._news = News(self._platform)
        self._server: Server | None = None
        self.faults = Faults()
        """The faults for requests to come."""
        self.requests: deque[RequestLine] = deque(maxlen=REMEMBERED_REQUESTS)
        """The answered requests, oldest first."""

    # --- running ---------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start to serve; return when the server answers requests."""
        try:
            sockets = listen(self._port)
        except ConfigurationError:
            self.stop()
            raise
        self._port = sockets[0].getsockname()[1]
        platform = self._platform
        presenter = self._presenter()
        app = build_app(
            api=api_routes(platform, presenter),
            login=Login(platform, self.api_url, self._token_lifetime_seconds),
            blobs=BlobApi(platform.blobs, platform),
            registry=RegistryApi(platform.registry, platform),
            pages=Pages(platform, self.requests, self._is_stopping),
            faults=self.faults,
            requests=self.requests,
            now=platform.now,
            drop_connection=self._drop_connection,
        )
        self._server = Server(app, sockets)
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving; without a data directory, delete the state. Safe to call twice."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._lock.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the server has stopped; return False when the time is up first."""
        return self._server is None or self._server.wait(timeout_seconds)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- what a client needs ---------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._port

    @property
    def api_url(self) -> str:
        """Scheme, host and port, for ASTRO_API_URL."""
        return f"http://localhost:{self._port}"

    @property
    def registry(self) -> str:
        """Host and port that images are pushed to."""
        return f"localhost:{self._port}"

    @property
    def token(self) -> str:
        """The Workspace API token, which can see all Deployments and does not expire."""
        return api_token(self._platform.state)

    @property
    def key_id(self) -> str:
        """The Deployment API key of `production`."""
        return self._platform.state.key_id

    @property
    def key_secret(self) -> str:
        return self._platform.state.key_secret

    @property
    def organization_id(self) -> str:
        return self._platform.state.organization_id

    @property
    def workspace_id(self) -> str:
        return self._platform.state.workspace_id

    @property
    def deployments(self) -> list[dict[str, object]]:
        """Each Deployment's `id`, `name` and `dag_deploy_enabled`."""
        return [
            {"id": one.id, "name": one.name, "dag_deploy_enabled": one.is_dag_deploy_enabled}
            for one in self._platform.state.deployments
        ]

    @property
    def deployment_tokens(self) -> dict[str, str]:
        """The API token of each Deployment, by the Deployment's id; tokens do not expire."""
        state = self._platform.state
        return {one.id: deployment_token(one, state) for one in state.deployments}

    @property
    def session_token(self) -> str:
        """The token of a user's session, which CI/CD enforcement refuses; it does not expire."""
        return session_token(self._platform.state)

    def info(self) -> dict[str, object]:
        """Return the values that a pipeline needs, as `sandbox --json` prints. Has secrets."""
        return {
            "api_url": self.api_url,
            "token": self.token,
            "key_id": self.key_id,
            "key_secret": self.key_secret,
            "organization_id": self.organization_id,
            "workspace_id": self.workspace_id,
            "registry": self.registry,
            "deployments": self.deployments,
            "deployment_tokens": self.deployment_tokens,
            "session_token": self.session_token,
        }

    def new_token(
        self,
        *,
        deployment: str | None = None,
        lifetime_seconds: float = 3600,
        is_session: bool = False,
    ) -> str:
        """Make a new token: of the Workspace, of one Deployment, or of a user's session.

        A token with a lifetime below 0 has expired already.
        """
        record = None if deployment is None else self._record(deployment)
        lifetime, now = lifetime_seconds, self._platform.now()
        return fresh_token(self._platform.state, now, lifetime, record, is_session=is_session)

    def create_deployment(self, name: str, **fields: object) -> Deployment:
        """Create a Deployment, as `POST /deployments` does; `fields` are more fields of the body.

        Its status is CREATING for the time of a rollout. Raises ValueError for a body that the API
        refuses.
        """
        body = {"name": name, "workspaceId": self.workspace_id, **fields}
        identity = Identity(subject=self._platform.state.user_id)
        try:
            request = read_create(msgspec.json.encode(body))
            record = create_deployment(self._platform, identity, request)
        except Refusal as refusal:
            raise ValueError(refusal.message) from refusal
        return msgspec.convert(self._presenter().deployment(record), Deployment)

    # --- looking inside --------------------------------------------------------------------------

    def deployment(self, name: str) -> Deployment:
        """Read a Deployment, as the API shows it. Raises LookupError for an unknown name."""
        return msgspec.convert(self._presenter().deployment(self._record(name)), Deployment)

    def deploys(self, name: str) -> list[Deploy]:
        """List the deploys of a Deployment, newest first, as the API lists them."""
        presenter = self._presenter()
        deploys = self._platform.deploys(self._record(name))
        return [msgspec.convert(presenter.listed_deploy(deploy), Deploy) for deploy in deploys]

    def bundle(self, name: str, version: str | None = None) -> bytes:
        """Read the DAG bundle that a Deployment runs or is about to run, or another version.

        Raises LookupError when there is none.
        """
        return running_bundle(self._platform, self._record(name), version)

    def image_config(self, name: str) -> dict[str, object]:
        """Read the config of the image that a Deployment runs or is about to run.

        Raises LookupError when there is none.
        """
        return running_image_config(self._platform, self._record(name))

    def image_layers(self, name: str) -> list[bytes]:
        """Read the layers of the image that a Deployment runs, each a tar, base first.

        They are as pushed, so usually compressed. Raises LookupError without an image.
        """
        return running_image_layers(self._platform, self._record(name))

    def tags(self, name: str) -> list[str]:
        """List the tags that were pushed for a Deployment."""
        return self._platform.registry.tags(self._platform.repository(self._record(name)))

    def news(self) -> list[str]:
        """Return a line for each step of a deploy since the last call."""
        return self._news.lines()

    # --- faults and states -----------------------------------------------------------------------

    def expire_tokens(self) -> None:
        """Let all tokens from a token exchange expire; API tokens stay valid."""
        with self._platform.transaction():
            self._platform.state.token_generation += 1

    def expire_upload_urls(self) -> None:
        """Let all upload URLs expire."""
        with self._platform.transaction():
            self._platform.state.upload_generation += 1

    def fail_next_deploy(self, name: str) -> None:
        """Let the next finalized deploy become FAILED; the running versions stay."""
        record = self._record(name)
        with self._platform.transaction():
            record.next_deploy_fails = True

    def fail_next_rollout(self, name: str) -> None:
        """Let the next deploy make the Deployment UNHEALTHY, with its old bundle still live."""
        record = self._record(name)
        with self._platform.transaction():
            record.next_rollout_end = "UNHEALTHY"

    def hibernate(self, name: str, *, asleep: bool = True) -> None:
        """Let a Deployment hibernate by its schedule; a hibernation override wakes it."""
        record = self._record(name)
        with self._platform.transaction():
            record.is_asleep_by_schedule = asleep
            self._platform.settle(record)

    def _record(self, name: str) -> DeploymentRecord:
        for record in self._platform.deployments(Identity(subject="")):
            if record.name == name:
                return record
        raise LookupError(f"there is no Deployment named {name}")

    def _presenter(self) -> Presenter:
        return Presenter(self._platform, self.api_url, self.registry, self._upload_lifetime_seconds)

    def _is_stopping(self) -> bool:
        return self._server is None or self._server.is_stopping

    def _drop_connection(self, scope: Scope) -> None:
        if self._server is not None:
            self._server.drop_connection(scope)
