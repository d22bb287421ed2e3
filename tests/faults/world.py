"""One job on a sandbox with a project that changes: what it ships, what runs, what is left."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.model import Deploy
from astro_ci.sandbox import Sandbox
from tests.integration.lanes import Lane
from tests.replay.engine import pull_layer
from tests.replay.oracle import read_tar
from tests.replay.world import Clock
from tests.repository import Repository, fingerprint

NAME = "production"
FILES = {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": ".git\n",
    "requirements.txt": "",
    "packages.txt": "",
    "include/q.sql": "0\n",
    "dags/a.py": "a = 0\n",
    "dags/sub/b.py": "b = 1\n",
}
Content = dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What a Deployment runs, and every deploy's status."""

    tag: str
    version: str
    statuses: dict[str, str]

    @classmethod
    def look(cls, astro: Sandbox) -> Runs:
        """Look at the Deployment."""
        one = astro.deployment(NAME)
        return cls(
            tag=one.image_tag,
            version=one.running_bundle_version,
            statuses={deploy.id: deploy.status for deploy in astro.deploys(NAME)},
        )


@dataclass
class World:
    """A sandbox, a job with its checkout, and the dice."""

    astro: Sandbox
    lane: Lane
    tmp: Path
    dice: random.Random
    clock: Clock = field(default_factory=Clock)
    changes: int = 0

    @classmethod
    @contextmanager
    def open(cls, directory: Path, dice: random.Random) -> Iterator[World]:
        """Make a world whose temporary files are all in one directory."""
        tmp = directory / "tmp"
        tmp.mkdir()
        old, tempfile.tempdir = tempfile.tempdir, str(tmp)
        try:
            with Sandbox(directory / "astro", rollout_seconds=0) as astro:
                project = Repository.create(directory / "project", FILES)
                world = cls(astro, Lane(astro, project), tmp, dice)
                world.lane.timeout_seconds = (0.4, 0.4)
                world.lane.now, world.lane.sleep = world.clock.now, world.clock.sleep
                yield world
        finally:
            tempfile.tempdir = old

    # --- the project -----------------------------------------------------------------------------

    def change(self) -> None:
        """Change the DAGs, the image, or neither; commit it mostly."""
        self.changes += 1
        if self.dice.random() < 0.8:
            self.lane.project.write({"dags/a.py": f"a = {self.changes}\n"})
        if self.dice.random() < 0.4:
            self.lane.project.write({"include/q.sql": f"{self.changes}\n"})
        if self.dice.random() < 0.8:
            self.lane.project.commit(f"change {self.changes}")

    def ships(self) -> tuple[Content, Content]:
        """The DAGs and what else of the project the image holds."""
        root = self.lane.project.root
        dags = {f"dags/{p}": (root / "dags" / p).read_bytes() for p in ("a.py", "sub/b.py")}
        return dags, {"include/q.sql": (root / "include/q.sql").read_bytes()}

    def checkout(self) -> object:
        """Everything in the checkout."""
        return fingerprint(self.lane.project.root)

    # --- Astro -----------------------------------------------------------------------------------

    def runs(self) -> Runs:
        """What runs now."""
        return Runs.look(self.astro)

    def running_dags(self) -> Content:
        """The files of the bundle that runs."""
        return {name: entry.content for name, entry in read_tar(self.astro.bundle(NAME)).items()}

    def running_image(self) -> Content:
        """The file of the running image that changes here."""
        one = self.astro.deployment(NAME)
        repository = one.image_repository.partition("/")[2]
        layer = pull_layer(self.astro.api_url, repository, one.image_tag, ("cli", self.astro.token))
        return {"include/q.sql": read_tar(layer)["include/q.sql"].content}

    def deploy_of(self, deploy_id: str) -> Deploy:
        """One deploy."""
        return next(one for one in self.astro.deploys(NAME) if one.id == deploy_id)
