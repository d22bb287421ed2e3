"""What a deploy of DAGs ships, made from a real checkout; and who needs an engine."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from msgspec.structs import replace

from astro_ci.astro.client import AstroClient
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import (
    ArtifactMaker,
    Artifacts,
    find_engine,
    refuse_empty_submodules,
)
from astro_ci.deploying.workshop import Workshop
from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.image.source import ReadyImage
from astro_ci.model import Deployment, DeployType, Part
from astro_ci.planning.guards import DagFiles
from astro_ci.reporting.console import Console
from astro_ci.survey.image import Prebuilt
from astro_ci.survey.survey import Survey, survey
from tests.repository import Repository

FILES = {
    "Dockerfile": "FROM quay.io/astronomer/astro-runtime:13.1.0\n",
    "dags/a.py": "a = 1\n",
    "dags/sql/q.sql": "select 1\n",
}
RUNTIME_3 = "3.0-1"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "checkout", FILES)


def look(repository: Repository, **written: Any) -> Survey:
    config = Config(project=repository.root)
    found = survey(config, {"PATH": os.environ["PATH"]}, **written)
    return replace(found, plan=replace(found.plan, deploy_type=DeployType.DAGS))


def deployment(runtime: str = "13.1.0", *, dag_deploy: bool = True) -> Deployment:
    return Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=dag_deploy, astro_runtime_version=runtime,
    )  # fmt: skip


def no_engine(env: Mapping[str, str]) -> NoReturn:
    raise DockerError("no Docker Engine answers", hint="start one")


class Made:
    """Artifacts of a survey, with what was said of them."""

    def __init__(self, found: Survey, tmp_path: Path, to: Deployment | None = None) -> None:
        out = io.StringIO()
        console = Console(out, dialect_for("none", env={}, out=out), is_live=False)
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        (scratch / "dags.tar.gz").unlink(missing_ok=True)
        with (
            Workshop() as workshop,
            ArtifactMaker(
                config=Config(project=found.checkout.project.root),
                env={},
                survey=found,
                deployment=to or deployment(),
                client=cast(AstroClient, None),  # for images that are made without a build
                connect_engine=no_engine,
                password=lambda: "",
                workshop=workshop,
                scratch=scratch,
                console=console,
            ).make() as made,
        ):
            self.made: Artifacts = made
        self.said = out.getvalue()

    @property
    def names(self) -> list[str]:
        """The files of the bundle."""
        assert self.made.bundle
        with tarfile.open(self.made.bundle.path) as tar:
            return sorted(member.name for member in tar if not member.isdir())

    @property
    def times(self) -> set[float]:
        assert self.made.bundle
        with tarfile.open(self.made.bundle.path) as tar:
            return {member.mtime for member in tar}


class TestBundle:
    def test_holds_the_dags_as_they_were_committed(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.write({"dags/a.py": "a = 2\n"})
        repository.commit_at("long ago", "2001-01-01T00:00:00Z")
        found = look(repository)
        made = Made(found, tmp_path)
        assert made.made.image is None
        assert made.names == ["dags/a.py", "dags/sql/q.sql"]
        assert made.times == {found.checkout.head.time}
        assert "DAG bundle: 1 DAG file and 1 other, " in made.said

    def test_of_uncommitted_files_has_the_time_of_now(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        """Python compares the times of sources and bytecode."""
        repository.write({"dags/c.py": "c = 1\n"})
        repository.commit_at("long ago", "2001-01-01T00:00:00Z")
        repository.write({"dags/c.py": "c = 2\n"})
        found = look(repository)
        assert found.plan.dirty
        (time,) = Made(found, tmp_path).times
        assert time > found.checkout.head.time

    def test_has_the_layout_that_is_wanted(self, repository: Repository, tmp_path: Path) -> None:
        found = look(repository)
        at_root = replace(found, shipping=replace(found.shipping, layout="root"))
        assert Made(at_root, tmp_path).names == ["a.py", "sql/q.sql"]

    @pytest.mark.parametrize(
        ("counted", "said"),
        [
            (DagFiles(shipped=2, dag_files=0, before=None), "0 DAG files and 2 others, "),
            (DagFiles(shipped=2, dag_files=2, before=None), "2 DAG files, "),
            (DagFiles(shipped=9, dag_files=9, before=None), "2 DAG files, "),
            (None, "2 DAG files, "),
        ],
    )
    def test_is_told_in_numbers(
        self, repository: Repository, tmp_path: Path, counted: DagFiles | None, said: str
    ) -> None:
        found = look(repository)
        told = replace(found, differences=replace(found.differences, dag_files=counted))
        assert f"DAG bundle: {said}" in Made(told, tmp_path).said

    def test_lacks_the_files_of_the_run_itself(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        plan = repository.root / "dags/plan.json"
        plan.write_text("{}")
        assert "dags/plan.json" in Made(look(repository), tmp_path).names
        made = Made(look(repository, written=[plan]), tmp_path)
        assert made.names == ["dags/a.py", "dags/sql/q.sql"]

    def test_of_a_project_without_dags_is_empty(self, tmp_path: Path) -> None:
        bare = Repository.create(tmp_path / "bare", {"Dockerfile": FILES["Dockerfile"]})
        found = survey(Config(project=bare.root, allow_shrink=True), {"PATH": os.environ["PATH"]})
        dags = replace(found, plan=replace(found.plan, deploy_type=DeployType.DAGS))
        assert Made(dags, tmp_path).names == []

    def test_is_none_where_the_image_holds_the_dags(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        made = Made(look(repository), tmp_path, deployment(dag_deploy=False))
        assert made.made == Artifacts()


class TestLinks:
    def test_that_lead_out_are_refused_by_airflow_3(
        self, repository: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (repository.root / "dags/out.py").symlink_to("../include/x.py")
        found = look(repository)
        Made(found, tmp_path)
        assert "lead out of the bundle or nowhere: out.py -> ../include/x.py" in caplog.text
        with pytest.raises(ProjectError, match="Airflow 3 refuses such a bundle"):
            Made(found, tmp_path, deployment(RUNTIME_3))
        image = prebuilt(found, RUNTIME_3)
        with pytest.raises(ProjectError, match="Airflow 3 refuses such a bundle"):
            Made(image, tmp_path, deployment("13.1.0"))

    def test_are_followed_in_the_layout_that_ships(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        """At the root of a bundle, there is no `dags/` to go back into."""
        (repository.root / "dags/b.py").symlink_to("../dags/a.py")
        found = look(repository)
        to = deployment(RUNTIME_3)
        assert Made(found, tmp_path, to).names[:2] == ["dags/a.py", "dags/b.py"]
        at_root = replace(found, shipping=replace(found.shipping, layout="root"))
        with pytest.raises(ProjectError, match=r"b\.py -> \.\./dags/a\.py"):
            Made(at_root, tmp_path, to)


def prebuilt(found: Survey, runtime: str) -> Survey:
    """The same with an image that was built before, beside the DAGs."""
    facts = ImageFacts(
        reference="app:1", id=f"sha256:{'3' * 64}", os="linux", architecture="amd64",
        runtime_version=runtime,
    )  # fmt: skip
    image = cast(ReadyImage, SimpleNamespace(facts=facts))
    shipping = replace(
        found.shipping, prebuilt=Prebuilt(image=image, origin=None), parts=frozenset({Part.DAGS})
    )
    plan = replace(found.plan, deploy_type=DeployType.IMAGE_AND_DAGS)
    return replace(found, plan=plan, shipping=shipping)


class TestImage:
    def test_one_that_was_built_before_ships_as_it_is(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        (repository.root / "Dockerfile").unlink()
        found = prebuilt(look(repository), "13.1.0")
        made = Made(found, tmp_path)
        assert found.shipping.prebuilt
        assert made.made.image is found.shipping.prebuilt.image
        assert made.names == ["dags/a.py", "dags/sql/q.sql"]
        alone = Made(found, tmp_path, deployment(dag_deploy=False)).made
        assert (alone.image, alone.bundle) == (made.made.image, None)

    def test_one_that_is_built_needs_a_dockerfile(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        found = look(repository)
        (repository.root / "Dockerfile").unlink()
        full = replace(found, plan=replace(found.plan, deploy_type=DeployType.IMAGE_AND_DAGS))
        with pytest.raises(ProjectError, match="Dockerfile"):
            Made(full, tmp_path)

    def test_submodules_that_ship_must_be_there(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        found = look(repository)
        lacks = {"dags/z": frozenset({Part.DAGS}), "dags/b": frozenset({Part.DAGS})}
        empty = replace(found, differences=replace(found.differences, empty_submodules=lacks))
        with pytest.raises(ProjectError) as caught:
            Made(empty, tmp_path)
        assert caught.value.message == (
            "submodules of the project were not checked out: dags/b, dags/z"
        )
        assert caught.value.hint == (
            "Check them out before the deploy: `git submodule update --init --recursive`, "
            "`submodules: recursive` on actions/checkout, or GIT_SUBMODULE_STRATEGY: recursive."
        )
        refuse_empty_submodules(lacks, frozenset({Part.IMAGE}))


class TestEngine:
    ENV = {"DOCKER_HOST": "ssh://somewhere"}  # noqa: RUF012 - nobody writes to it

    def find(self, connect: Any, *, builder: str = "", **hint: str) -> Engine | None:
        with Workshop() as workshop:
            return find_engine(Config(builder=builder), workshop, self.ENV, connect, **hint)

    def test_that_answers(self) -> None:
        engine = SimpleNamespace(close=lambda: None)
        asked = list[Mapping[str, str]]()

        def connect(env: Mapping[str, str]) -> SimpleNamespace:
            asked.append(env)
            return engine

        assert self.find(connect) is cast(Engine, engine)
        assert asked == [self.ENV]

    def test_that_is_not_there(self) -> None:
        with pytest.raises(DockerError) as caught:
            self.find(no_engine)
        assert caught.value.hint == "Start one."
        with pytest.raises(DockerError) as caught:
            self.find(no_engine, without="Deploy the DAGs alone.")
        assert caught.value.hint == "Start one. Deploy the DAGs alone."

    def test_that_a_builder_does_without(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        assert self.find(no_engine, builder="remote") is None
        assert caplog.messages == [
            "no Docker Engine answers; the image of builder remote is sent without one"
        ]
