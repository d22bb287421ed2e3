"""Decide whether a deploy's image can be made from the running image without a build.

The checks that need no network come first. The registry is asked only when these checks pass, and
the code layer is read last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.errors import ConfigurationError
from astro_ci.model import FastPlan, Part
from astro_ci.paths import below
from astro_ci.project.context import left_out, left_out_of
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import dockerfile_text
from astro_ci.project.leftovers import VENV_MARKER
from astro_ci.survey.differences import digest_lines

if TYPE_CHECKING:  # imported only for --fast
    from astro_ci.image.fast.old_layer import OldLayer
    from astro_ci.image.fast.preconditions import Build, Entry, Sources
    from astro_ci.image.fast.running import RunningImage
    from astro_ci.image.fast.tree import Tree
    from astro_ci.image.registry.client import Repository
    from astro_ci.survey.survey import Survey

OFF, REQUIRE = "off", "require"
_USERNAME = "cli"
_LOGIN_HINT = "Check that the token may read the Deployment's image."


class FastBase(Struct, frozen=True, kw_only=True):
    """The inputs for the new image."""

    image: RunningImage
    old: OldLayer


class FastLook(Struct, frozen=True, kw_only=True):
    """The part of the Plan, and the inputs for the deploy; None when the image must be built."""

    plan: FastPlan
    base: FastBase | None = None


class _Look(Struct, frozen=True, kw_only=True):
    """The inputs of one decision."""

    config: Config
    env: Mapping[str, str]
    survey: Survey
    """The survey without this decision."""


def look_for_fast(
    config: Config, env: Mapping[str, str], survey: Survey, *, build_reason: str = ""
) -> FastLook | None:
    """Decide whether a build is needed; None without --fast, or when no image is made.

    `build_reason` is a reason to build of the caller, which counts unless --fast is `require`.
    Raises ConfigurationError when `--fast require` is set and a build is needed.
    """
    if config.fast == OFF or not survey.plan.deploy_type.has_image or survey.shipping.prebuilt:
        return None
    if build_reason and config.fast != REQUIRE:
        return FastLook(plan=FastPlan(mode=config.fast, reasons=(build_reason,)))
    reasons, base = _look(_Look(config=config, env=env, survey=survey))
    if reasons and config.fast == REQUIRE:
        from astro_ci.image.fast.preconditions import listed_reasons

        raise ConfigurationError(
            f"--fast require: the image has to be built: {listed_reasons(reasons)}",
            hint="Deploy with --fast auto, which builds the image where it has to be built.",
        )
    return FastLook(plan=FastPlan(mode=config.fast, reasons=tuple(reasons)), base=base)


def _look(look: _Look) -> tuple[Sequence[str], FastBase | None]:
    from astro_ci.image.fast.preconditions import source_reasons
    from astro_ci.image.fast.refusal import NotFastError

    if look.survey.standing.connected is None:
        return ["without credentials the running image cannot be read"], None
    if look.config.target:
        return ["--target names a stage, and only the last one's code layer is known"], None
    running = look.survey.standing.runs[Part.IMAGE]
    lines = _lines_of(look, running.commit)
    sources = _sources(look, lines)
    if reasons := list(source_reasons(sources)):
        return reasons, None
    try:
        return _look_at_image(look, sources, lines or ())
    except NotFastError as error:
        return [str(error)], None


def _lines_of(look: _Look, commit: str | None) -> Sequence[str] | None:
    """List the files that shipped, or could have shipped, at the running commit."""
    checkout = look.survey.checkout
    if not commit or not checkout.repo.has_commit(commit):
        return None
    return checkout.repo.lines_at(commit, checkout.layout.scopes(checkout.rules))


def _sources(look: _Look, lines: Sequence[str] | None) -> Sources:
    from astro_ci.image.fast.preconditions import Sources

    checkout, standing = look.survey.checkout, look.survey.standing
    running, bases = standing.runs[Part.IMAGE], standing.bases
    has_same_inputs, inputs = None, ""
    if lines is not None:
        inputs = digest_lines(lines, checkout, look.survey.shipping)[Part.IMAGE]
        # The marker of a prebuilt image has the image's digest: its label is compared later.
        has_same_inputs = inputs == running.digest or not running.is_built
    content = checkout.project.read_dockerfile()
    text = dockerfile_text(content) if content is not None else None
    base = base_image(text, checkout.build_args, checkout.target) if text else None
    return Sources(
        running=running,
        is_commit_here=bool(running.commit) and checkout.repo.has_commit(running.commit or ""),
        is_base=bases.is_what_runs and bases.commits[Part.IMAGE] == running.commit,
        changes=look.survey.differences.compared[Part.IMAGE].changes,
        project=checkout.layout.project,
        build_files=checkout.rules.build_files,
        build_links=checkout.rules.build_links,
        dockerfile=text,
        base=base.reference if base else "",
        has_same_inputs=has_same_inputs,
        inputs=inputs,
    )


def _look_at_image(
    look: _Look, sources: Sources, lines: Sequence[str]
) -> tuple[Sequence[str], FastBase | None]:
    """Read the running image, and compare it with the files that it should hold."""
    from astro_ci.image.fast.old_layer import read_old_layer
    from astro_ci.image.fast.preconditions import build_reasons, entry_reasons
    from astro_ci.image.fast.running import read_running

    source, tag = _open_running(look)
    try:
        image = read_running(source, tag)
        if reasons := list(build_reasons(_build_of(look, image, sources))):
            return reasons, None
        tree = _old_tree(look, lines)
        old = read_old_layer(image, tree)
    finally:
        source.close()  # the next use opens the source again
    changed = {below(one.path, sources.project) for one in sources.changes or ()}
    same = (path for path in tree if path not in changed)
    if reasons := list(entry_reasons(_entries(look), old.top, old.modes, same)):
        return reasons, None
    return [], FastBase(image=image, old=old)


def _open_running(look: _Look) -> tuple[Repository, str]:
    from astro_ci.image.fast.refusal import NotFastError
    from astro_ci.image.registry.client import open_repository
    from astro_ci.image.registry.login import Login

    connected = look.survey.standing.connected
    assert connected  # noqa: S101 - checked earlier
    deployment, token = connected.deployment, connected.astro.credentials.token
    host, _, name = deployment.image_repository.partition("/")
    if not (host and name and deployment.image_tag):
        raise NotFastError("no image runs on the Deployment")
    login = Login(
        username=_USERNAME,
        password=lambda: token().removeprefix("Bearer "),
        hint=_LOGIN_HINT,
    )
    return open_repository(host, name, login), deployment.image_tag


def _build_of(look: _Look, image: RunningImage, sources: Sources) -> Build:
    from astro_ci.image.fast.base import find_base_digest, secrets_digest
    from astro_ci.image.fast.preconditions import Build
    from astro_ci.image.fast.running import (
        BASE_LABEL,
        INPUTS_LABEL,
        SECRETS_LABEL,
        TRIGGERS_LABEL,
    )
    from astro_ci.image.stored.config import REVISION_LABEL

    return Build(
        built_at=image.built_at,
        now=datetime.now(UTC),
        most_age=timedelta(seconds=look.config.fast_max_age),
        commit=sources.running.commit or "",
        recorded_commit=image.labels.get(REVISION_LABEL, ""),
        base=sources.base,
        recorded_base=image.labels.get(BASE_LABEL, ""),
        current_base=find_base_digest(
            sources.base, look.env, checkout=look.survey.checkout.repo.root
        ),
        recorded_triggers=image.labels.get(TRIGGERS_LABEL, ""),
        recorded_secrets=image.labels.get(SECRETS_LABEL, ""),
        current_secrets=secrets_digest(look.config.build_secrets),
        is_prebuilt=not sources.running.is_built,
        recorded_inputs=image.labels.get(INPUTS_LABEL, ""),
        current_inputs=sources.inputs,
        code_steps=image.code_steps,
    )


def _old_tree(look: _Look, lines: Sequence[str]) -> Tree:
    """List the build context from which the running image was built."""
    from astro_ci.image.fast.tree import context_tree, names_below

    checkout = look.survey.checkout
    names = frozenset(names_below(lines, checkout.layout.project))
    inside = checkout.project.dags_in_context

    def is_venv(directory: str) -> bool:
        return any(f"{dags}/{directory}/{VENV_MARKER}" in names for dags in inside)

    return context_tree(
        lines,
        checkout.layout.project,
        ignore=checkout.project.read_dockerignore(),
        leave_out=left_out(inside, dags_ship=look.survey.shipping.dags_in_image, is_venv=is_venv),
    )


def _entries(look: _Look) -> Iterable[Entry]:
    """List the build context of the checkout."""
    from astro_ci.image.building.context import list_context
    from astro_ci.image.fast.preconditions import Entry

    project = look.survey.checkout.project
    found = list_context(
        project.root,
        ignore=project.read_dockerignore(),
        leave_out=left_out_of(
            project,
            dags_ship=look.survey.shipping.dags_in_image,
            written=look.survey.checkout.written,
        ),
    )
    return (Entry(path=path, mode=status.st_mode) for path, status in found)
