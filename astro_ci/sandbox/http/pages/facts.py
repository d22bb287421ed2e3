"""Gather the values for the page templates from the sandbox's state."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from astro_ci.sandbox.http.request_log import RequestLine
from astro_ci.sandbox.http.views.json import subject
from astro_ci.sandbox.platform.contents import Image, Listing, list_bundle, read_image
from astro_ci.sandbox.platform.deploys import has_image
from astro_ci.sandbox.platform.news import KINDS
from astro_ci.sandbox.platform.options import airflow_version
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.rollout import phase
from astro_ci.sandbox.platform.story import (
    commit_of,
    parts_of,
    putters,
    source_of,
    split_description,
)
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.blobs import BlobError
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord
from astro_ci.text import short

MAX_REQUESTS = 100
MAX_DEPLOYS = 200
MAX_LOOKED_THROUGH = 2_000

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and the URL of its page."""

    sha: str
    short: str
    url: str


class PageFacts:
    """Makes the values for each template."""

    def __init__(self, platform: Platform, requests: Sequence[RequestLine]) -> None:
        self._platform = platform
        self._requests = requests
        self._listing = functools.lru_cache(maxsize=32)(self._read_bundle)

    def url(self, deployment: DeploymentRecord) -> str:
        """Make the path of a Deployment's page."""
        return f"/{self._platform.state.workspace_id}/deployments/{deployment.id}"

    def version(self) -> object:
        """Make a value that changes whenever a page may have changed."""
        statuses = [phase(one).status for one in self._deployments()]
        return self._platform.revision, tuple(statuses), self._last_request()

    def home(self) -> Json:
        """Gather the Deployments and the newest requests."""
        return {
            "deployments": [self._running(one) for one in self._deployments()],
            "requests": self._newest(),
        }

    def deployment(self, record: DeploymentRecord) -> Json:
        """Gather the running image and DAGs of a Deployment, and its history."""
        deploys = self._platform.deploys(record)
        bundle = self._bundle(record, record.desired_version)
        return {
            "deployment": self._running(record),
            "files": bundle,
            "image": self._image(record, record.image_tag),
            "deploys": [self._row(record, one) for one in deploys[:MAX_DEPLOYS]],
            "left_out": max(0, len(deploys) - MAX_DEPLOYS),
            "requests": self._newest(record),
        }

    def deploy(self, record: DeploymentRecord, deploy: DeployRecord) -> Json:
        """Gather the contents of a deploy, its reason, and the requests that made it."""
        is_bundle = deploy.type == "BUNDLE"
        version = deploy.bundle_tarball_version if is_bundle else deploy.dag_tarball_version
        return {
            "deployment": self._running(record),
            "deploy": self._row(record, deploy),
            "git": source_of(self._platform, deploy).git or {},
            "plan": parts_of(self._platform, record, deploy),
            "files": self._bundle(record, version, deploy.bundle_mount_path),
            "image": self._image(record, deploy.image_tag),
            "image_is_new": has_image(source_of(self._platform, deploy)),
            "requests": self._made(record, deploy),
        }

    def _running(self, record: DeploymentRecord) -> Json:
        """Describe what a Deployment runs."""
        doing = phase(record)
        image, dags = putters(self._platform, record)
        return {
            "record": record,
            "url": self.url(record),
            "status": doing.status,
            "reason": doing.reason,
            "airflow": airflow_version(record.runtime_version),
            "image_commit": self._commit(image),
            "dags_commit": self._commit(dags),
            "dag_files": self._bundle(record, record.desired_version),
            "last": next(iter(self._platform.deploys(record)), None),
        }

    def _row(self, record: DeploymentRecord, deploy: DeployRecord) -> Json:
        """Describe a deploy: who deployed what, and why."""
        words, marker = split_description(deploy.description)
        image, dags = putters(self._platform, record)
        live = [name for name, one in (("image", image), ("DAGs", dags)) if one is deploy]
        return {
            "record": deploy,
            "url": f"{self.url(record)}/deploys/{deploy.id}",
            "kind": "rollback" if deploy.rollback_from_id else KINDS[deploy.type],
            "words": words,
            "marker": marker,
            "who": self._who(deploy),
            "commit": self._commit(deploy),
            "live": live,
        }

    def _who(self, deploy: DeployRecord) -> str:
        found = subject(deploy.created_by, self._platform.state)
        return str(found.get("fullName") or found.get("apiTokenName"))

    def _commit(self, deploy: DeployRecord | None) -> Commit | None:
        if deploy is None:
            return None
        source = source_of(self._platform, deploy)
        sha = commit_of(source)
        url = str((source.git or {}).get("commitUrl", ""))
        return Commit(sha, short(sha), url) if sha else None

    def _image(self, record: DeploymentRecord, tag: str) -> Image | None:
        return read_image(self._platform.registry, self._platform.repository(record), tag)

    def _bundle(
        self, record: DeploymentRecord, version: str, mount_path: str = ""
    ) -> Listing | None:
        if not version:
            return None
        platform = self._platform
        name = platform.dags_blob(record)
        return self._listing(
            platform.bundle_blob(record, mount_path) if mount_path else name, version
        )

    def _read_bundle(self, name: str, version: str) -> Listing | None:
        try:
            return list_bundle(self._platform.blobs.version_path(name, version)[1])
        except BlobError:
            return None

    # --- requests --------------------------------------------------------------------------------

    def _last_request(self) -> object:
        return self._requests[-1] if self._requests else None

    def _newest(self, record: DeploymentRecord | None = None) -> list[RequestLine]:
        """List the newest requests, of one Deployment or of all."""
        lines = islice(reversed(tuple(self._requests)), MAX_LOOKED_THROUGH)
        wanted = (one for one in lines if record is None or record.id in one.path)
        return [self._readable(line) for line in islice(wanted, MAX_REQUESTS)]

    def _made(self, record: DeploymentRecord, deploy: DeployRecord) -> list[RequestLine]:
        """List the requests that made a deploy, oldest first.

        A request that uploads or pushes names no deploy, so the list has all such requests for the
        deploy's Deployment between its creation and its end.
        """
        end = deploy.updated_at if deploy.status != "INITIALIZED" else self._platform.now()
        places = (
            f"/blobs/{self._platform.dags_blob(record)}",
            f"/v2/{self._platform.repository(record)}/",
        )
        made = [
            line
            for line in tuple(self._requests)
            if line.deploy_id == deploy.id
            or (deploy.created_at <= line.at <= end and line.path.startswith(places))
        ]
        return [self._readable(line) for line in made[-MAX_REQUESTS:]]

    def _readable(self, line: RequestLine) -> RequestLine:
        """Replace ids with names."""
        path = line.path.replace(self._platform.state.organization_id, "…")
        for record in self._platform.state.deployments:
            path = path.replace(record.id, record.name)
        return replace(line, path=path)

    def _deployments(self) -> list[DeploymentRecord]:
        return self._platform.deployments(Identity(subject=""))
