"""A repository, its clones, a sandbox, and a record of what every deploy put there."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astro_ci.astro.upload import Uploader
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.model import Deploy, DeployResult, Plan
from astro_ci.reporting.console import Console
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from astro_ci.terminal.signals import Stopped
from astro_ci.web.session import Patience
from tests.integration.sandbox.support import Client, Json, upload
from tests.replay.engine import QuickEngine, pull_layer, push_image
from tests.replay.oracle import Files, Shipment, below, read_disk, read_tar, shipment, write_tar
from tests.repository import Repository

BY_HAND = "by hand"
RUNTIME = {"io.astronomer.docker.runtime.version": "13.1.0"}


@dataclass(frozen=True, slots=True)
class Put:
    """What a deploy put there, and what Astro's history knows of it."""

    files: Files
    known_by: str
    """`marker`, `commit` or `nothing`."""
    dag_deploy_enabled: bool
    dags: Files = field(default_factory=dict)
    """Those in the image, where DAG-only deploys are disabled."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a plan has to say. `is_certain`: a full deploy instead would be too much."""

    deploy_type: str
    is_certain: bool
    image_same: bool
    dags_same: bool


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class EventfulConsole(Console):
    """A console that tells what is printed before it is."""

    def __init__(self, env: Mapping[str, str], on_line: OnLine) -> None:
        out = io.StringIO()
        super().__init__(out, dialect_for("none", env=env, out=out), is_live=False)
        self._on_line = on_line
        self._lines = 0

    def say(self, text: str = "") -> None:
        """Print, unless something happens first."""
        self._on_line(self._lines, text)
        self._lines += 1
        super().say(text)


OnLine = Callable[[int, str], None]
"""Hears the number of a line, and the line."""


def cancel_at(line: int) -> OnLine:
    """Cancel the job when it is about to print its nth line."""

    def stop(number: int, _text: str) -> None:
        if number == line:
            raise Stopped(15)

    return stop


class World:
    """Everything outside of the code under test."""

    def __init__(
        self,
        directory: Path,
        *,
        project: str = "",
        dags: str = "dags",
        image_paths: tuple[str, ...] = (),
    ) -> None:
        self.directory = directory
        self.project = project
        self.dags = dags
        self.image_paths = image_paths
        self.origin = directory / "origin.git"
        self.astro = Sandbox(rollout_seconds=0).start()
        self.api = Client(self.astro, None)
        self.engine = QuickEngine()
        self.clock = Clock()
        self.images: dict[str, Put] = {}
        self.bundles: dict[str, Put] = {}
        self._clones = 0
        origin = Repository.create(self.origin)
        origin.git("config", "core.bare", "true")
        origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        origin.git("config", "uploadpack.allowFilter", "true")
        self.work = self.clone()

    def close(self) -> None:
        """Stop the sandbox."""
        self.api.close()
        self.astro.stop()

    # --- the repository --------------------------------------------------------------------------

    @property
    def base(self) -> Path:
        """The project's directory in the checkout."""
        return self.work.root / self.project

    def clone(self, *options: str) -> Repository:
        """Clone the origin afresh."""
        self._clones += 1
        target = self.directory / f"clone-{self._clones}"
        Repository(self.directory).git(
            "clone", "--quiet", *options, f"file://{self.origin}", str(target)
        )
        self.work = Repository(target)
        return self.work

    def ship(self) -> Shipment:
        """What a deploy of the checkout ships."""
        return self._shipment(self.work.root)

    def export(self, commit: str) -> Shipment:
        """What a deploy of a clean checkout of a commit ships."""
        target = self.directory / "export"
        shutil.rmtree(target, ignore_errors=True)
        self.work.git("worktree", "prune")
        self.work.git("worktree", "add", "--quiet", "--detach", str(target), commit)
        try:
            return self._shipment(target)
        finally:
            self.work.git("worktree", "remove", "--force", str(target))

    def _shipment(self, root: Path) -> Shipment:
        return shipment(root, self.project, dags=self.dags, image_paths=self.image_paths)

    # --- the code under test ---------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The variables of a job."""
        return {
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_API_TOKEN": self.astro.token,
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
        }

    def config(self, name: str, **options: Any) -> Config:
        """The options of a job."""
        return Config(
            project=self.base,
            dags_path=self.dags,
            deployment_name=name,
            image_paths=[f"{directory}/**" for directory in self.image_paths],
            **{"parse": False, **options},
        )

    def plan(self, name: str, env: Mapping[str, str] | None = None, **options: Any) -> Plan:
        """Plan; DAGs may go, and older commits may come, unless the options say otherwise."""
        options = {"allow_shrink": True, "allow_older": True} | options
        return plan(self.config(name, **options), {**self.environment(), **(env or {})})

    def deploy(
        self,
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        on_line: OnLine = lambda number, text: None,
        plans: list[Plan] | None = None,
        **options: Any,
    ) -> DeployResult:
        """Deploy, and record what that put there, also when it fails."""
        options = {"allow_shrink": True, "allow_older": True} | options
        env = {**self.environment(), **(env or {})}
        ship = self.ship()
        known = {one.id for one in self.astro.deploys(name)}
        try:
            return deploy(
                self.config(name, **options),
                env,
                console=EventfulConsole(env, on_line),
                on_plan=(plans if plans is not None else []).append,
                tools=Tools(
                    uploader=Uploader(sleep=self.clock.sleep),
                    connect_engine=lambda _env: self.engine.engine(),
                    patience=Patience(sleep=self.clock.sleep),
                    now=self.clock.now,
                ),
            )
        finally:
            for one in self.astro.deploys(name):
                is_ours = one.id not in known and one.description != BY_HAND
                if is_ours and one.status == "DEPLOYED":
                    self._record(name, one, ship)

    def _record(self, name: str, one: Deploy, ship: Shipment) -> None:
        """Compare what a deploy of ours brought with the checkout, byte for byte."""
        enabled = one.is_dag_deploy_enabled
        if one.type != "DAG_ONLY":
            layer = {
                path: entry
                for path, entry in self.layer(name, one.image_tag).items()
                if path.split("/")[0] != ".git"  # there for want of a line in .dockerignore
            }
            in_project = {p: e for p, e in ship.image.items() if not p.startswith("/")}
            assert {path: layer.get(path) for path in in_project} == in_project
            assert layer.items() <= read_disk(self.base).items()
            in_image = {} if enabled else ship.dags
            wanted = {p: e for p, e in in_image.items() if p not in ship.kept_out}
            held = below(layer, self.dags)
            assert {path: held.get(path) for path in wanted} == wanted
            assert not (enabled and held), "the DAGs are in an image that must not hold them"
            self.images[one.image_tag] = Put(ship.image, "marker", enabled, in_image)
        if enabled and one.type != "IMAGE_ONLY":
            assert self.bundle(name) == ship.dags
            self.bundles[one.dag_tarball_version] = Put(ship.dags, "marker", enabled)

    # --- what runs -------------------------------------------------------------------------------

    def bundle(self, name: str) -> Files:
        """The DAGs in the bundle that runs."""
        return below(read_tar(self.astro.bundle(name)), "dags")

    def layer(self, name: str, tag: str) -> Files:
        """The files of an image."""
        repository = self.astro.deployment(name).image_repository.partition("/")[2]
        login = ("cli", self.astro.token)
        return read_tar(pull_layer(self.astro.api_url, repository, tag, login))

    def truth(self, name: str, ship: Shipment) -> Truth:
        """What a plan for this checkout has to say."""
        runs = self.astro.deployment(name)
        enabled = runs.is_dag_deploy_enabled
        image = self.images.get(runs.image_tag)
        if enabled:
            dags = self.bundles.get(runs.desired_dag_tarball_version)
        else:
            dags = image and Put(image.dags, image.known_by, image.dag_deploy_enabled)
        if enabled and dags:
            assert self.bundle(name) == dags.files
        sides = (image, dags)
        image_same = image is not None and image.files == ship.image
        dags_same = dags is not None and dags.files == ship.dags
        is_known = all(
            put and put.known_by != "nothing" and put.dag_deploy_enabled == enabled for put in sides
        )
        if not is_known or not image_same or runs.status == "UNHEALTHY":
            deploy_type = "image-and-dags"
        elif not dags_same:
            deploy_type = "dags" if enabled else "image-and-dags"
        else:
            deploy_type = "none"
        is_certain = all(put and put.known_by == "marker" for put in sides)
        return Truth(deploy_type, is_certain, image_same, dags_same)

    # --- other tools, by the API alone -----------------------------------------------------------

    def deploy_by_hand(
        self, name: str, kind: str, ship: Shipment, git: Json | None, *, known_by: str
    ) -> None:
        """Deploy something without our help."""
        enabled = self.astro.deployment(name).is_dag_deploy_enabled
        said: Json = {"description": BY_HAND}
        if git:
            said["git"] = git
        created = self.api.create(kind, name, **said)
        files = {p: e for p, e in ship.image.items() if not p.startswith("/")}
        in_image = {} if enabled else ship.dags
        if kind != "DAG_ONLY":
            repository = created["imageRepository"].partition("/")[2]
            layer = write_tar(
                files | {f"{self.dags}/{path}": entry for path, entry in in_image.items()}
            )
            tag, login = created["imageTag"], ("cli", self.astro.token)
            push_image(self.astro.api_url, repository, tag, layer, RUNTIME, login)
        body: Json = {}
        if enabled and kind != "IMAGE_ONLY":
            bundle = write_tar({f"dags/{path}": entry for path, entry in ship.dags.items()})
            body["dagTarballVersion"] = upload(created, bundle)
        done = self.api.finalize(created, name, **body)
        if kind != "DAG_ONLY":
            self.images[done["imageTag"]] = Put(ship.image, known_by, enabled, in_image)
        if body:
            self.bundles[body["dagTarballVersion"]] = Put(ship.dags, known_by, enabled)

    def roll_back(self, name: str, deploy: Deploy) -> None:
        """Roll back in the Astro UI."""
        path = self.api.path(name, f"/deploys/{deploy.id}/rollback")
        self.api.call("POST", path, json={"description": "rolled back by hand"})
