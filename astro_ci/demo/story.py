"""`demo`: a guided run of the whole thing on a sandbox, checked byte for byte as it goes."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import requests

from astro_ci.astro.upload import Uploader
from astro_ci.bundle import list_members, write_bundle
from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import deploy
from astro_ci.deployments.find import connect, find_deployment
from astro_ci.errors import AstroCIError, DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.engine import connect as connect_engine
from astro_ci.model import Deploy, DeployGit, DeployType, Plan
from astro_ci.project.runtime import LABEL
from astro_ci.reporting.console import Console
from astro_ci.reporting.text import plan_text
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from astro_ci.text import short

RUNTIME = "3.1-2"
REMOTE = "https://git.example.com/acme/airflow.git"
DEPLOYMENT = "production"
_HOME = "usr/local/airflow"
_LEFT_OUT = "left out: no Docker Engine"

Emit = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A chapter: what is edited, and what should come of it."""

    title: str
    files: Mapping[str, str]
    """Lines that are added to files."""
    expected: DeployType
    fails: bool = False
    """Whether the deploy is made to fail, with an upload URL that has expired."""


STEPS: Sequence[Step] = (
    Step(title="The first deploy", files={}, expected=DeployType.IMAGE_AND_DAGS),
    Step(
        title="A DAG changes",
        files={"dags/orders.py": "# counted twice\n"},
        expected=DeployType.DAGS,
    ),
    Step(title="The README changes", files={"README.md": "\nNew.\n"}, expected=DeployType.NONE),
    Step(
        title="The requirements change",
        files={"requirements.txt": "tabulate==0.9.0\n"},
        expected=DeployType.IMAGE_AND_DAGS,
    ),
    Step(
        title="The SQL in the image changes, and the deploy fails",
        files={"include/sql/orders_per_day.sql": "LIMIT 30\n"},
        expected=DeployType.IMAGE_AND_DAGS,
        fails=True,
    ),
    Step(
        title="A DAG changes, and the image is still behind",
        files={"dags/cleanup.py": "# every week\n"},
        expected=DeployType.IMAGE_AND_DAGS,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How a step went."""

    commit: str
    title: str
    plan: Plan
    outcome: str
    seconds: float
    runs: str


def demo(env: Mapping[str, str], *, emit: Emit, keep: bool = False) -> None:
    """Tell the story. Raises AstroCIError when a step does not come out as it should."""
    example = _example()
    engine = _engine(env, emit)
    with (
        _workplace(keep, emit) as directory,
        Sandbox(rollout_seconds=1) as astro,
        _stand_in(engine) as base,
    ):
        shutil.copytree(example, directory, dirs_exist_ok=True)
        _point_at(directory, base)
        _make_repository(directory)
        emit(f"A local Astro answers at {astro.api_url}; the project is in {directory}.")
        rows = [
            _tell(number, step, directory, astro, env, emit, engine)
            for number, step in enumerate(STEPS, start=1)
        ]
    emit(_table(rows))
    emit(
        "Everything that runs is, byte for byte, what was checked out."
        if engine
        else "The DAGs that were deployed are, byte for byte, what was checked out; with a Docker "
        "Engine the image is too."
    )


def _tell(
    number: int,
    step: Step,
    project: Path,
    astro: Sandbox,
    env: Mapping[str, str],
    emit: Emit,
    engine: Engine | None,
) -> Row:
    """Edit, commit, plan, deploy, and compare what runs with what is checked out."""
    emit(f"\n{number}. {step.title}")
    for name, added in step.files.items():
        path = project / name
        path.write_text(path.read_text() + added)
    commit = _commit(project, step.title)
    env = {**env, "ASTRO_API_URL": astro.api_url, "ASTRO_API_TOKEN": astro.token}
    config = Config(project=project, deployment_name=DEPLOYMENT)
    started = monotonic()
    found = plan(config, env)
    emit(_indented(plan_text(found)))
    _require(found.deploy_type is step.expected, f"the plan should be {step.expected}")
    outcome = _act(step, found, config, env, project, astro, emit, engine)
    emit(f"   -> {outcome}")
    return Row(
        commit=short(commit),
        title=step.title,
        plan=found,
        outcome=outcome,
        seconds=monotonic() - started,
        runs=_what_runs(astro, project),
    )


def _act(
    step: Step,
    found: Plan,
    config: Config,
    env: Mapping[str, str],
    project: Path,
    astro: Sandbox,
    emit: Emit,
    engine: Engine | None,
) -> str:
    if found.deploy_type.has_image and engine is None:
        if not astro.deploys(DEPLOYMENT):
            _deploy_by_hand(astro, project, config, env)
            return f"{_LEFT_OUT} (another client's deploy stands in, without files)"
        return _LEFT_OUT
    console = Console(_Excerpt(emit), dialect_for("none", env={}, out=io.StringIO()), is_live=False)
    if step.fails:
        astro.faults.add("PUT", "^/blobs/", status=403)
    try:
        result = deploy(config, env, console=console)
    except AstroCIError as error:
        _require(step.fails, str(error))
        emit(_indented(f"error: {error}"))
        return "failed, as it should"
    _require(not step.fails, "the deploy should have failed")
    _compare(astro, project, with_image=engine is not None)
    return result.outcome


def _deploy_by_hand(astro: Sandbox, project: Path, config: Config, env: Mapping[str, str]) -> None:
    """Deploy as any client of the API may: the DAGs, and an image without files."""
    found = connect(config, env)
    if found is None:
        raise ProjectError("the sandbox gave no credentials")
    client = found.client
    deployment = find_deployment(found, config, interactive=False)
    git = DeployGit(provider="GENERIC", remote_url=REMOTE, commit_sha=_head(project))
    opened = client.create_deploy(
        deployment.id, "IMAGE_AND_DAG", description="by another client", git=git
    )
    _push_empty_image(astro, opened)
    with tempfile.TemporaryDirectory() as scratch:
        members = list_members(project / "dags")
        bundle = write_bundle(members, Path(scratch) / "dags.tar.gz", mtime=0)
        version = Uploader().upload(opened.dags_upload_url, bundle.path, md5=bundle.md5)
    client.finalize_deploy(deployment.id, opened.id, bundle_version=version)


def _push_empty_image(astro: Sandbox, opened: Deploy) -> None:
    """Push the smallest image that the registry takes, in the words of the OCI specification."""
    repository = f"{astro.api_url}/v2/{opened.image_repository.partition('/')[2]}"
    config = json.dumps({"config": {"Labels": {LABEL: RUNTIME}}}).encode()
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": _digest(config),
        },
        "layers": [],
    }
    with requests.Session() as session:
        session.auth = ("cli", astro.token)
        query = {"digest": _digest(config)}
        session.post(
            f"{repository}/blobs/uploads/", data=config, params=query, timeout=30
        ).raise_for_status()
        session.put(
            f"{repository}/manifests/{opened.image_tag}",
            data=json.dumps(manifest),
            headers={"Content-Type": kind},
            timeout=30,
        ).raise_for_status()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- what runs ------------------------------------------------------------------------------------


def _what_runs(astro: Sandbox, project: Path) -> str:
    """Say, from the bundle and the image that run, whether they are what is checked out."""
    try:
        bundle = _bundle_files(astro)
    except LookupError:
        return "nothing"
    dags = "these DAGs" if bundle == _checked_out_dags(project) else "older DAGs"
    image = _image_files(astro)
    if not image:
        return f"{dags}, no image of ours"
    same = all((project / name).read_bytes() == data for name, data in image.items())
    return f"{dags}, {'this image' if same else 'an older image'}"


def _compare(astro: Sandbox, project: Path, *, with_image: bool) -> None:
    """Raise when what runs is not, byte for byte, what is checked out."""
    _require(_bundle_files(astro) == _checked_out_dags(project), "the bundle should be dags/")
    if not with_image:
        return
    image = _image_files(astro)
    _require("requirements.txt" in image, "the image should hold the project")
    _require(not any(name.startswith("dags/") for name in image), "the image should hold no dags/")
    for name, data in image.items():
        _require((project / name).read_bytes() == data, f"{name} should be the checked-out one")


def _checked_out_dags(project: Path) -> dict[str, bytes]:
    files = sorted(path for path in (project / "dags").rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def _bundle_files(astro: Sandbox) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(astro.bundle(DEPLOYMENT))) as archive:
        return _files(archive)


def _image_files(astro: Sandbox) -> dict[str, bytes]:
    """The project's files in the image that runs, read from the registry layer by layer."""
    found: dict[str, bytes] = {}
    for layer in astro.image_layers(DEPLOYMENT):
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            found |= _files(archive)
    home = f"{_HOME}/"
    # The README changes nothing that runs, and so may well be an older one.
    return {
        name.removeprefix(home): data
        for name, data in found.items()
        if name.startswith(home) and name != f"{home}README.md"
    }


def _files(archive: tarfile.TarFile) -> dict[str, bytes]:
    found = {}
    for member in archive:
        file = archive.extractfile(member) if member.isfile() else None
        if file:
            found[member.name] = file.read()
    return found


# --- the stage ------------------------------------------------------------------------------------


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
def _workplace(keep: bool, emit: Emit) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="astro-ci-demo-"))
    try:
        yield directory / "astro-project"
    finally:
        if keep:
            emit(f"The project stays in {directory}.")
        else:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _stand_in(engine: Engine | None) -> Iterator[str | None]:
    """An image that takes Astro Runtime's place: its label and its last step, nothing to pull."""
    if engine is None:
        yield None
        return
    name = f"astro-ci-demo/{secrets.token_hex(6)}:{RUNTIME}"
    dockerfile = f"FROM scratch\nLABEL {LABEL}={RUNTIME}\nWORKDIR /{_HOME}\nONBUILD COPY . .\n"
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


def _make_repository(directory: Path) -> None:
    from git import Repo

    with Repo.init(directory, initial_branch="main") as repo:
        repo.create_remote("origin", REMOTE)


def _commit(project: Path, title: str) -> str:
    """Commit everything to the demo's own repository, with an identity of its own."""
    from git import Actor, Repo

    author = Actor("Demo", "demo@example.com")
    with Repo(project) as repo:
        # What the user has set up for all repositories has no business here.
        repo.git(c=["core.hooksPath=/dev/null", "core.fsmonitor=false"]).add(all=True)
        made = repo.index.commit(title, author=author, committer=author, skip_hooks=True)
        return made.hexsha


def _head(project: Path) -> str:
    from git import Repo

    with Repo(project) as repo:
        return repo.head.commit.hexsha


class _Excerpt(io.StringIO):
    """Passes our own lines on, and keeps back what the builder says."""

    def __init__(self, emit: Emit) -> None:
        super().__init__()
        self._emit = emit

    def write(self, text: str) -> int:
        """Take a line."""
        if text.strip() and not text.startswith(("#", "-", " >")):
            self._emit(_indented(text.rstrip()))
        return len(text)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ProjectError(f"the demo did not go as it should: {what}")


def _table(rows: Sequence[Row]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("commit", "what changed", "plan", "reason", "outcome", "seconds", "now runs"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for row in rows:
        kind, reason = row.plan.deploy_type.value, row.plan.reason
        table.add_row(
            row.commit, row.title, kind, reason, row.outcome, f"{row.seconds:.1f}", row.runs
        )
    out = io.StringIO()
    RichConsole(file=out, width=140).print(table)
    return f"\n{out.getvalue().rstrip()}\n"
