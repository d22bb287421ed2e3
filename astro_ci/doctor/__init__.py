"""`doctor`: check whether a deploy would work here, and what has to change."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci.ci import CIContext, git_access
from astro_ci.configuration.config import Config
from astro_ci.configuration.keys import Settings
from astro_ci.doctor import access, deployment, docker, files, job
from astro_ci.doctor.access import Access
from astro_ci.doctor.check import (
    Check,
    Steps,
    attempt,
    exit_code,
    lenient,
    not_checked,
    skip,
)
from astro_ci.doctor.deployment import Platform
from astro_ci.doctor.docker import Need
from astro_ci.doctor.files import Files
from astro_ci.doctor.image import prebuilt
from astro_ci.doctor.modules import modules
from astro_ci.doctor.show import document, lines
from astro_ci.git import GitRepo
from astro_ci.git.described import describe
from astro_ci.image.facts import ImageFacts
from astro_ci.model import Request
from astro_ci.planning.running import Ours, what_runs
from astro_ci.remote import repository_identity
from astro_ci.web.session import Patience

__all__ = ["Check", "document", "examine", "exit_code", "lines"]

_JOB, _FILES, _ASTRO, _DOCKER = "This job", "Project", "Astro", "Docker"
_OF_PROJECT = ("Dockerfile", "DAGs", ".dockerignore")
_OF_DEPLOYMENT = (
    *("health", "DAG-only", "CI/CD", "Runtime", "what runs", "other deploys", "registry"),
)
_DOES_WITHOUT = {Request.DAGS: ("Dockerfile", "Runtime"), Request.IMAGE: ("DAGs",)}
_CORRECT_FIRST = "the configuration has to be corrected first"
# The user waits for the answer; a deploy would try longer.
_IMPATIENT = Patience(attempts=2, timeout_seconds=(5.0, 20.0))


def examine(
    given: Settings,
    env: Mapping[str, str],
    ci: CIContext,
    *,
    config_file: Path | None = None,
    interactive: bool = False,
    patience: Patience = _IMPATIENT,
    now: Callable[[], float] = time.time,
) -> Iterator[Check]:
    """Make every possible check, in the order in which a deploy would need them."""
    examination = _Examination(
        env=env, ci=ci, patience=patience, now=now(), interactive=interactive
    )
    yield from examination.run(given, config_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examination:
    """The values that all checks share."""

    env: Mapping[str, str] = field(repr=False)
    ci: CIContext
    patience: Patience
    now: float
    interactive: bool

    def run(self, given: Settings, config_file: Path | None) -> Iterator[Check]:
        directory = Path(given["project"].value) if "project" in given else Path()
        repo = yield from self._job(directory)
        steps = files.configuration(given, self.env, self.ci, config_file, directory)
        targets = yield from attempt(_FILES, "configuration", steps)
        if targets is None:
            yield from skip(_FILES, ("project", *_OF_PROJECT), _CORRECT_FIRST)
        patients = [
            _Patient(config=target.config, label=target.label if len(targets or ()) > 1 else "")
            for target in targets or ()
        ]
        for patient in patients:
            steps_there = files.project(patient.config, self.env)
            checks = attempt(_FILES, "project", steps_there, target=patient.label)
            patient.files = yield from lenient(checks, patient.dispensable)
            image_steps = prebuilt(patient.config, self.env)
            patient.image = yield from attempt(_FILES, "image", image_steps, target=patient.label)
        way_in, first = yield from self._way_in()
        if targets is None:
            yield from skip(_ASTRO, ("Deployment", *_OF_DEPLOYMENT), _CORRECT_FIRST)
        for patient in patients:
            yield from self._platform(patient, way_in, repo, first)
        steps_last = docker.engine(
            self.env,
            need=_most([patient.need for patient in patients]),
            needs_buildkit=any(p.files.needs_buildkit for p in patients if p.files),
        )
        yield from attempt(_DOCKER, "engine", steps_last, then=docker.OF_ENGINE)

    def _job(self, directory: Path) -> Steps[GitRepo | None]:
        yield from attempt(_JOB, "Python", _one(job.python()))
        yield from attempt(_JOB, "modules", _working_directory())
        yield from attempt(_JOB, "CI system", _one(job.ci_system(self.ci)))
        if not (yield from attempt(_JOB, "git", job.git_command(self.env))):
            yield from skip(_JOB, ["repository"], "git has to work first")
            return None
        steps = job.repository(directory, self.env, git_access(self.ci, self.env))
        repo = yield from attempt(_JOB, "repository", steps)
        linter = job.linter(repo.root if repo else directory, self.env)
        yield from attempt(_JOB, "linter", _one(linter))
        return repo

    def _way_in(self) -> Steps[tuple[Access | None, str]]:
        """Return the credentials if the API answers, else what has to be right first."""
        answers = yield from attempt(_ASTRO, "API", access.api(self.env, self.patience))
        steps = access.credentials(self.env, self.ci, now=self.now, patience=self.patience)
        found = yield from attempt(_ASTRO, access.NAME, steps, then=["expiry"])
        if not answers:
            return None, "the API has to answer first"
        return found, "" if found else f"the {access.NAME} have to be right first"

    def _platform(
        self, patient: _Patient, way_in: Access | None, repo: GitRepo | None, first: str
    ) -> Iterator[Check]:
        if way_in is None:
            names = ("Deployment", *_OF_DEPLOYMENT)
            yield from skip(_ASTRO, names, first, target=patient.label)
            return
        steps = deployment.find(
            patient.config,
            way_in,
            self.env,
            patience=self.patience,
            interactive=self.interactive,
        )
        found = yield from attempt(
            _ASTRO, "Deployment", steps, target=patient.label, then=_OF_DEPLOYMENT
        )
        if found is None:
            return
        patient.platform = found
        its = found.deployment
        for name, steps_there in zip(
            _OF_DEPLOYMENT,
            (
                deployment.health(its),
                deployment.dag_deploys(its, patient.config.requested),
                deployment.enforcement(its, way_in),
                patient.runtime(found),
                self._history(patient, found, repo),
                deployment.unfinished(found, now=self.now),
                deployment.registry(its, self.patience),
            ),
            strict=True,
        ):
            checks = attempt(_ASTRO, name, steps_there, target=patient.label)
            yield from lenient(checks, patient.dispensable)

    def _history(self, patient: _Patient, found: Platform, repo: GitRepo | None) -> Steps[None]:
        path = repo.relative(patient.files.project.root) if repo and patient.files else None
        if repo is None or path is None:
            yield not_checked("what runs", "there is no repository, or no project in it")
            return
        remote = describe(repo.root).remote_url or self.ci.repository_url
        runs = what_runs(
            found.deployment,
            found.client.list_deploys(found.deployment.id),
            Ours(repository=repository_identity(remote) if remote else None, project=path),
        )
        yield from job.history(repo, runs, self.ci, patient.config.requested)


@dataclass(slots=True, kw_only=True)
class _Patient:
    """One Deployment of this run, and the facts about it so far."""

    config: Config
    label: str
    """Empty when it is the only one."""
    files: Files | None = None
    image: ImageFacts | None = None
    """The prebuilt image."""
    platform: Platform | None = None

    def runtime(self, found: Platform) -> Steps[None]:
        """Check the Runtime version of its next image."""
        if self.config.is_prebuilt:
            return deployment.prebuilt_runtime(found, self.image)
        return deployment.runtime(found, self.files)

    @property
    def dispensable(self) -> Sequence[str]:
        """The checks that its next deploy does not need."""
        return _DOES_WITHOUT.get(self.config.requested, ())

    @property
    def need(self) -> Need:
        """Whether its next deploy builds an image, as far as can be told."""
        if self.config.is_prebuilt:
            return "no"
        if self.config.requested is not Request.AUTO:
            return "no" if self.config.requested is Request.DAGS else "yes"
        if self.platform is None:
            return "maybe"
        its = self.platform.deployment
        return "maybe" if its.image_tag and its.is_dag_deploy_enabled else "yes"


def _most(needs: Sequence[Need]) -> Need:
    order: tuple[Need, ...] = ("yes", "maybe", "no")
    return next((need for need in order if need in needs), "maybe")


def _working_directory() -> Steps[None]:
    loaded = {name.partition(".")[0] for name in sys.modules}
    yield modules(Path.cwd(), loaded=loaded)


def _one(check: Check) -> Steps[None]:
    yield check
