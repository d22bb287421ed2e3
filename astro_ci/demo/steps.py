"""The steps of the demo: each edits, commits, plans, deploys and compares."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import requests

from astro_ci.astro.upload import Uploader
from astro_ci.bundle import list_members, write_bundle
from astro_ci.ci import dialect_for
from astro_ci.demo.proof import compare, require, what_runs
from astro_ci.demo.repository import REMOTE, commit, head
from astro_ci.demo.stage import DEPLOYMENT, RUNTIME, Emit, Stage
from astro_ci.deploying.deploy import deploy
from astro_ci.deployments.find import connect, find_deployment
from astro_ci.errors import AstroCIError, CancelledError, CheckFailedError, ProjectError
from astro_ci.model import Deploy, DeployGit, DeployType, Plan
from astro_ci.project.runtime import LABEL
from astro_ci.reporting.console import Console
from astro_ci.reporting.folding import folded
from astro_ci.reporting.text import plan_text
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from astro_ci.text import duration_text, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step came out, in words."""

    word: str
    aside: str = ""
    """The end of the sentence."""
    is_timed: bool = True
    """Whether something was done that takes time."""

    def text(self, seconds: float | None = None) -> str:
        """Return a clause, with the duration if it is given: `refused in 0.1 s, as expected`."""
        took = "" if seconds is None or not self.is_timed else f" in {duration_text(seconds)}"
        return f"{self.word}{took}{self.aside}"


_LEFT_OUT = Outcome(word="left out", aside=": no Docker Engine", is_timed=False)
_INDENT = "   "
_STANDS_IN = " (another client's deploy stands in, without files)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A chapter: the edits, and the expected result."""

    title: str
    files: Mapping[str, str]
    """Lines that are added to files."""
    expected: DeployType
    fails: bool = False
    """Whether the deploy is made to fail, with an upload URL that has expired."""
    is_refused: bool = False
    """Whether the static check refuses the DAGs; what was added is taken back afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of a step."""

    commit: str
    title: str
    plan: Plan
    outcome: Outcome
    seconds: float
    runs: str


def perform(number: int, step: Step, stage: Stage) -> Row:
    """Edit, commit, plan, deploy, and compare what runs with what is checked out.

    Raises AstroCIError when the step does not come out as it should.
    """
    stage.emit(f"\n{number}. {step.title}")
    before = {name: (stage.project / name).read_text() for name in step.files}
    for name, added in step.files.items():
        (stage.project / name).write_text(before[name] + added)
    committed = commit(stage.project, step.title)
    started = monotonic()
    found = plan(stage.config, stage.env)
    stage.emit(_indented(plan_text(found, columns=_inside(stage.columns))))
    require(found.deploy_type is step.expected, f"the plan should be {step.expected}")
    outcome = _act(step, found, stage)
    _Excerpt(stage.emit, _inside(stage.columns)).write(f"-> {outcome.text()}")
    row = Row(
        commit=short(committed),
        title=step.title,
        plan=found,
        outcome=outcome,
        seconds=monotonic() - started,
        runs=what_runs(stage.astro, stage.project),
    )
    if step.is_refused:
        for name, text in before.items():
            (stage.project / name).write_text(text)
        commit(stage.project, "Take it back")
    return row


def _act(step: Step, found: Plan, stage: Stage) -> Outcome:
    """Deploy, and return the outcome."""
    if found.deploy_type.has_image and stage.engine is None:
        if not stage.astro.deploys(DEPLOYMENT):
            _deploy_by_hand(stage)
            return replace(_LEFT_OUT, aside=f"{_LEFT_OUT.aside}{_STANDS_IN}")
        return _LEFT_OUT
    excerpt = _Excerpt(stage.emit, _inside(stage.columns))
    console = Console(excerpt, dialect_for("none", env={}, out=io.StringIO()), is_live=False)
    if step.fails:
        stage.astro.faults.add("PUT", "^/blobs/", status=403)
    try:
        result = deploy(stage.config, stage.env, console=console)
    except CancelledError:
        raise
    except AstroCIError as error:
        is_expected = isinstance(error, CheckFailedError) if step.is_refused else step.fails
        require(is_expected, str(error))
        excerpt.write(f"error: {error}")
        return Outcome(word="refused" if step.is_refused else "failed", aside=", as expected")
    require(not (step.fails or step.is_refused), "the deploy should have failed")
    compare(stage.astro, stage.project, with_image=stage.engine is not None)
    return Outcome(word=result.outcome)


def _deploy_by_hand(stage: Stage) -> None:
    """Deploy as any client of the API may: the DAGs, and an image without files."""
    found = connect(stage.config, stage.env)
    if found is None:
        raise ProjectError("the sandbox gave no credentials")
    client = found.client
    deployment = find_deployment(found, stage.config, stage.env, interactive=False)
    origin = DeployGit(provider="GENERIC", remote_url=REMOTE, commit_sha=head(stage.project))
    opened = client.create_deploy(
        deployment.id, "IMAGE_AND_DAG", description="by another client", git=origin
    )
    _push_empty_image(stage.astro, opened)
    with tempfile.TemporaryDirectory() as scratch:
        members = list_members(stage.project / "dags")
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


class _Excerpt(io.StringIO):
    """Writes the lines of astro-ci, indented."""

    def __init__(self, emit: Emit, columns: int | None) -> None:
        super().__init__()
        self._emit = emit
        self._columns = columns

    def write(self, text: str) -> int:
        """Write some lines."""
        if text.strip():
            lines = folded(text.rstrip().split("\n"), self._columns, are_messages=True)
            self._emit(_indented("\n".join(lines)))
        return len(text)


def _indented(text: str) -> str:
    return "\n".join(f"{_INDENT}{line}" for line in text.splitlines())


def _inside(columns: int | None) -> int | None:
    """Return the width of the terminal beside the indentation."""
    return columns - len(_INDENT) if columns else None
