"""The stage of the demo: its project, its repository and the image that it builds on."""

from __future__ import annotations

import io
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.configuration.config import Config
from astro_ci.demo.repository import make_repository
from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.engine import connect as connect_engine
from astro_ci.project.runtime import LABEL
from astro_ci.sandbox import Sandbox

RUNTIME = "3.1-2"
DEPLOYMENT = "production"
HOME = "usr/local/airflow"

Emit = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The project, the sandbox and the base image of the demo."""

    project: Path
    astro: Sandbox
    env: Mapping[str, str] = field(repr=False)
    """The environment, with the variables that point at the sandbox."""
    engine: Engine | None
    emit: Emit
    columns: int | None
    """The width of the terminal."""

    @property
    def config(self) -> Config:
        """The options of every step."""
        return Config(project=self.project, deployment_name=DEPLOYMENT, parse=False)


@contextmanager
def setting(
    env: Mapping[str, str], *, emit: Emit, keep_in: Path | None, columns: int | None
) -> Iterator[Stage]:
    """Prepare a committed example project, a sandbox and, with an engine, a base image."""
    example = _example()
    engine = _engine(env, emit)
    with (
        _workplace(keep_in, emit) as project,
        Sandbox(rollout_seconds=0.3) as astro,
        _stand_in(engine) as base,
    ):
        # pip compiles every module that it installs, and so the DAGs of the example.
        without_bytecode = shutil.ignore_patterns("__pycache__")
        shutil.copytree(example, project, dirs_exist_ok=True, ignore=without_bytecode)
        _point_at(project, base)
        make_repository(project)
        emit(f"A local Astro answers at {astro.api_url}; the project is in {project}.")
        emit(
            "Every deploy has the static check of the DAGs. Loading them needs Airflow, which the "
            "stand-in for Astro Runtime does not have, so that is left out here (--no-parse)."
        )
        pointed = {**env, "ASTRO_API_URL": astro.api_url, "ASTRO_API_TOKEN": astro.token}
        yield Stage(
            project=project, astro=astro, env=pointed, engine=engine, emit=emit, columns=columns
        )


def _example() -> Path:
    """The example project: shipped with the package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    places = (package / "example_project", package.parent / "examples" / "astro-project")
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise ProjectError("the example project is not part of this installation")
    return found


def _engine(env: Mapping[str, str], emit: Emit) -> Engine | None:
    try:
        return connect_engine(env)
    except DockerError as error:
        emit(f"{error}. The steps that need an image are left out; everything else runs.")
        return None


@contextmanager
def _workplace(keep_in: Path | None, emit: Emit) -> Iterator[Path]:
    """Make the project's directory, in one of its own."""
    if keep_in is None:
        with tempfile.TemporaryDirectory(prefix="astro-ci-demo-") as made:
            yield Path(made, "astro-project")
        return
    directory = Path(tempfile.mkdtemp(prefix="astro-ci-demo-", dir=keep_in))
    try:
        yield directory / "astro-project"
    finally:
        emit(f"The project stays in {directory}.")


@contextmanager
def _stand_in(engine: Engine | None) -> Iterator[str | None]:
    """Build an image that stands in for Astro Runtime: its label and its last step."""
    if engine is None:
        yield None
        return
    name = f"astro-ci-demo/{secrets.token_hex(6)}:{RUNTIME}"
    dockerfile = f"FROM scratch\nLABEL {LABEL}={RUNTIME}\nWORKDIR /{HOME}\nONBUILD COPY . .\n"
    try:
        engine.client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=name, rm=True)
        yield name
    finally:
        engine.remove_image(name)
        engine.close()


def _point_at(project: Path, base: str | None) -> None:
    dockerfile = project / "Dockerfile"
    lines = dockerfile.read_text().splitlines()
    if base:
        lines = [f"FROM {base}" if line.startswith("FROM ") else line for line in lines]
    dockerfile.write_text("\n".join(lines) + "\n")
