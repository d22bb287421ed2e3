"""A replaced code layer against a build without a cache: the same image, by a real engine.

Dozens of random pairs share a build. Each is built as it was, replaced by what it becomes, and
built anew from that: trees and configs of the two are equal, or the replacing was refused.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import pytest

from astro_ci.git import GitRepo
from astro_ci.image.building import classic
from astro_ci.image.building.build import build_image
from astro_ci.image.building.builder import find_builder
from astro_ci.image.building.context import list_context, write_context
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import Engine
from astro_ci.image.fast.image import ReplacedImage
from astro_ci.image.fast.layer import make_layer
from astro_ci.image.fast.old_layer import read_old_layer
from astro_ci.image.fast.preconditions import Entry, entry_reasons
from astro_ci.image.fast.replace import replace_code
from astro_ci.image.fast.running import BUILT_LABEL, read_running
from astro_ci.image.fast.tree import context_tree
from astro_ci.image.registry.client import Repository, open_repository
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.manifest import Manifest, read_manifest
from astro_ci.image.registry.push import push_image
from astro_ci.image.registry.send import send_image
from astro_ci.project.find import read_ignore_file
from tests.e2e import fast_pairs
from tests.e2e.images import _export, unavailable, unique
from tests.e2e.runtime import Runtime, runtime
from tests.repository import Repository as Checkout
from tests.size import SCALE

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("fast-pairs")]

PAIRS_IN_A_BUILD = 50
BUILDS = max(1, SCALE // 4)
HOME = "usr/local/airflow"
OF_THE_BUILD = ("Image", "Hostname", "Domainname")
OCI = (
    ("application/vnd.docker.distribution.manifest.v2+json", "oci.image.manifest.v1+json"),
    ("application/vnd.docker.container.image.v1+json", "oci.image.config.v1+json"),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", "oci.image.layer.v1.tar+gzip"),
)


@pytest.fixture(scope="module")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with runtime(engine, tmp_path_factory.mktemp("runtime")) as made:
        yield made


@dataclass
class Place:
    """A project, an engine and a repository of a registry."""

    engine: Engine
    base: Runtime
    checkout: Checkout
    repository: Repository
    builder: str

    @property
    def root(self) -> Path:
        return self.checkout.root

    def describe(self, tag: str, version: str) -> Build:
        return Build(root=self.root, tag=tag, labels={"version": version, "kept": "x"})

    def build(self, tag: str) -> None:
        """As a deploy builds."""
        made = self.describe(tag, "1")
        if self.builder == "classic":
            assert classic.run_build(self.engine, made, on_line=lambda line: None) == ""
        else:
            build_image(self.engine, made, env=os.environ, on_line=lambda line: None)

    def build_anew(self, tag: str) -> None:
        """Without a cache."""
        made = self.describe(tag, "2")
        context = BytesIO()
        always = ("Dockerfile",) if self.builder == "buildkit" else ("Dockerfile", ".dockerignore")
        write_context(self.root, context, ignore=made.read_ignore(), always=always)
        if self.builder == "classic":
            context.seek(0)
            self.engine.client.images.build(
                fileobj=cast("IO[bytes]", context),
                custom_context=True,
                tag=tag,
                labels=dict(made.labels),
                nocache=True,
                platform="linux/amd64",
                rm=True,
            )
            return
        builder = find_builder(os.environ)
        if builder is None:
            unavailable("no docker command with BuildKit")
        labels = [f"--label={name}={value}" for name, value in made.labels.items()]
        words = ["--no-cache", "--platform=linux/amd64", f"--tag={tag}", "--file=Dockerfile", "-"]
        done = subprocess.run(
            [*builder.arguments, *labels, *words],
            input=context.getvalue(),
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr[-1000:]

    def push(self, tag: str) -> None:
        push_image(
            self.engine, tag, str(self.repository), "before", password=self.base.registry.password
        )

    def pull(self, tag: str) -> str:
        login = {"username": "cli", "password": self.base.registry.password}
        self.engine.client.images.pull(str(self.repository), tag=tag, auth_config=login)
        return f"{self.repository}:{tag}"


@pytest.fixture(params=["buildkit", "classic"])
def builder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(engine: Engine, base: Runtime, tmp_path: Path, builder: str) -> Iterator[Place]:
    checkout = Checkout.create(tmp_path / "project")
    login = Login(username="cli", password=lambda: base.registry.password, hint="")
    name = unique("pairs").replace(":", "/")
    repository = open_repository(base.registry.host, name, login)
    yield Place(engine, base, checkout, repository, builder)
    repository.close()


def to_oci(repository: Repository) -> None:
    """Have the tag mean the same image with an OCI manifest."""
    raw = repository.image("before").raw.decode()
    for docker, oci in OCI:
        raw = raw.replace(docker, f"application/vnd.{oci}")
    found = read_manifest(raw.encode(), "", "the image")
    assert isinstance(found, Manifest)
    repository.put(found, "before")


def replace(place: Place, commit: str, changed: set[str], scratch: Path) -> str:
    """Make what the checkout is now without a build, and return its tag."""
    image = read_running(place.repository, "before")
    lines = GitRepo.open(place.root, os.environ).lines_at(commit, [""])
    assert lines is not None
    ignore = read_ignore_file(place.root, "Dockerfile")
    tree = context_tree(lines, "", ignore=ignore, leave_out=lambda path: False)
    old = read_old_layer(image, tree)
    entries = (
        Entry(path=path, mode=status.st_mode)
        for path, status in list_context(place.root, ignore=ignore)
    )
    same = [path for path in tree if path not in changed]
    assert list(entry_reasons(entries, old.top, old.modes, same)) == []
    layer = make_layer(
        place.root,
        ignore=ignore,
        leave_out=lambda path: False,
        home=image.home,
        old=old,
        scratch=scratch,
    )
    made = replace_code(image, layer, labels={"version": "2"}, created="2026-11-26T10:00:00+00:00")
    replaced = ReplacedImage(running=image, layer=layer, made=made)
    assert send_image(replaced, place.repository, "after") == made.manifest.digest
    return "after"


def flattened(engine: Engine, reference: str) -> dict[str, tuple[Any, ...]]:
    """What containers of an image see, by path; only of the project's files the times."""
    found = {}
    for entry, data in _export(engine, reference):
        is_timed = entry.isreg() and entry.name.startswith(f"{HOME}/")
        mode = 0 if entry.issym() else entry.mode
        owner = (entry.uid, entry.gid)
        found[entry.name] = (
            entry.type,
            mode,
            *owner,
            entry.linkname,
            sha256(data).hexdigest(),
            entry.mtime if is_timed else 0,
        )
    return found


def config_of(engine: Engine, reference: str) -> Mapping[str, Any]:
    config = dict(engine.client.images.get(reference).attrs["Config"])
    config["Labels"].pop(BUILT_LABEL, None)
    return {key: value for key, value in config.items() if key not in OF_THE_BUILD}


@pytest.mark.parametrize("start", range(BUILDS))
@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_replacing_is_building(place: Place, kind: str, start: int, tmp_path: Path) -> None:
    seed = start * 4 + (place.builder == "classic") * 2 + (kind == "oci")
    drawn = fast_pairs.drawn(PAIRS_IN_A_BUILD, seed)
    assert len(drawn) > PAIRS_IN_A_BUILD * 0.8
    # Half of them in a directory that the base image has, for another owner.
    cases = {f"{'include/' * (n % 2)}p{n}": pair for n, pair in enumerate(drawn)}
    place.checkout.write(
        {
            "Dockerfile": f"FROM {place.base.name}\nENV A=1\nLABEL x=y\n",
            ".dockerignore": fast_pairs.ignore_file(cases),
            "packages.txt": "",
            "requirements.txt": "",
            "gone.txt": "gone",
        }
    )
    fast_pairs.write(place.root, {name: pair.before for name, pair in cases.items()})
    commit = place.checkout.commit()
    built, anew = unique("before"), unique("after")
    names = [built, anew]
    try:
        place.build(built)
        place.push(built)
        if kind == "oci":
            to_oci(place.repository)

        place.checkout.remove("gone.txt")
        place.checkout.write({"new.txt": "new"})
        fast_pairs.write(place.root, {name: pair.after for name, pair in cases.items()})
        after = place.checkout.commit()
        listed = place.checkout.git("diff", "--name-only", "--no-renames", "-z", commit, after)
        changed = set(listed.split("\0"))
        assert len(changed) > PAIRS_IN_A_BUILD

        names.append(place.pull(replace(place, commit, changed, tmp_path)))
        place.build_anew(anew)
        expected, found = flattened(place.engine, anew), flattened(place.engine, names[-1])
        differing = sorted(
            path for path in {*expected, *found} if expected.get(path) != found.get(path)
        )
        assert not [(path, expected.get(path), found.get(path)) for path in differing[:5]]
        assert len(expected) > 2 * PAIRS_IN_A_BUILD
        assert config_of(place.engine, anew) == config_of(place.engine, names[-1])
    finally:
        for name in names:
            place.engine.remove_image(name)
