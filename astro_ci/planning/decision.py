"""The decision: facts in, Plan out. Pure; whatever is not known counts as changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.model import (
    Affects,
    Base,
    BaseSource,
    Change,
    Content,
    Deployment,
    DeployType,
    Plan,
    Request,
    Sameness,
)
from astro_ci.planning.running import Digests
from astro_ci.text import listed, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One side, image or DAGs: what the checkout was compared with, and what differs."""

    base: str | None = None
    """The commit; None when there is none to compare with."""
    changes: Sequence[Change] | None = None
    """What differs from the base; None when that cannot be told."""
    digest: str | None = None
    """The content that runs, where the running deploy tells."""
    unknown: str = ""
    """Why there is nothing to compare with, as a clause."""
    newer: str | None = None
    """The running commit, when history proves that it came after the checked-out one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFiles:
    """How many files the DAGs directory ships; `before` is None when that is not known."""

    shipped: int
    dag_files: int
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for, and the guards that the user lifted."""

    requested: Request = Request.AUTO
    skip_unchanged: bool = False
    force: bool = False
    allow_older: bool = False
    allow_shrink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a plan is made from."""

    head: str
    dirty: bool
    source: BaseSource
    image: Comparison
    dags: Comparison
    digests: Digests
    dag_files: DagFiles
    dag_deploy_enabled: bool
    deployment: Deployment | None = None
    assumptions: Sequence[str] = ()


def make_plan(facts: Facts, options: Options) -> Plan:
    """Decide what to deploy, and say why.

    Raises ConfigurationError for a request that this Deployment cannot have, ProjectError when
    the deploy would wipe DAGs.
    """
    content = Content(
        image=_sameness(facts.image, facts.digests.image, "image"),
        dags=_sameness(facts.dags, facts.digests.dags, "dags"),
    )
    deploy_type, reason = _decide(facts, options, content)
    newer = _newer(facts, deploy_type)
    if newer and not options.allow_older:
        deploy_type, reason = (
            DeployType.NONE,
            f"a newer commit is already running: {short(newer)} came after {short(facts.head)} "
            "(--allow-older deploys it all the same)",
        )
    _refuse_wipe(facts, options, deploy_type)
    return Plan(
        deploy_type=deploy_type,
        requested=options.requested,
        reason=reason,
        head=facts.head,
        dirty=facts.dirty,
        base=Base(image=facts.image.base, dags=facts.dags.base, source=facts.source),
        content=content,
        changes=_all_changes(facts),
        deployment=facts.deployment,
        assumptions=facts.assumptions,
    )


def _sameness(side: Comparison, digest: str, affects: Affects) -> Sameness:
    if side.digest is not None:
        return "same" if side.digest == digest else "different"
    if side.changes is None:
        return "unknown"
    return "different" if any(_counts_for(affects, c) for c in side.changes) else "same"


def _counts_for(side: Affects, change: Change) -> bool:
    return change.affects == side or (side == "dags" and change.also_dags)


def _decide(facts: Facts, options: Options, content: Content) -> tuple[DeployType, str]:
    if options.requested is not Request.AUTO:
        return _decide_explicit(facts, options, content)
    if content.image == "unknown" or content.dags == "unknown":
        why = facts.image.unknown if content.image == "unknown" else facts.dags.unknown
        return DeployType.IMAGE_AND_DAGS, f"full deploy, as there is no usable base: {why}"
    if content.image == "different":
        return DeployType.IMAGE_AND_DAGS, _because(facts.image, "image")
    if _is_unhealthy(facts):
        return DeployType.IMAGE_AND_DAGS, "full deploy, as the Deployment is UNHEALTHY"
    if content.dags == "different":
        why = _because(facts.dags, "dags")
        if facts.dag_deploy_enabled:
            return DeployType.DAGS, why
        return DeployType.IMAGE_AND_DAGS, f"{why}, and DAG-only deploys are disabled"
    if options.force:
        return DeployType.IMAGE_AND_DAGS, "nothing changed, and --force deploys all the same"
    return DeployType.NONE, _because_same(facts)


def _is_unhealthy(facts: Facts) -> bool:
    """Whether what was deployed last may have failed to start: then it has to come again."""
    return facts.deployment is not None and facts.deployment.status == "UNHEALTHY"


def _decide_explicit(facts: Facts, options: Options, content: Content) -> tuple[DeployType, str]:
    requested = DeployType(options.requested.value)
    if not facts.dag_deploy_enabled and requested is not DeployType.IMAGE_AND_DAGS:
        name = facts.deployment.name if facts.deployment else "the Deployment"
        raise ConfigurationError(
            f"--type {requested} needs DAG-only deploys, which are disabled on {name}",
            hint="Deploy with --type image-and-dags, or enable DAG-only deploys on the Deployment.",
        )
    sides = [content.image] if requested.has_image else []
    sides += [content.dags] if requested.has_dags else []
    may_skip = options.skip_unchanged and not options.force and not _is_unhealthy(facts)
    if may_skip and set(sides) == {"same"}:
        return DeployType.NONE, f"--skip-unchanged: {_because_same(facts)}"
    return requested, f"--type {requested} was asked for"


def _because(side: Comparison, affects: Affects) -> str:
    """One sentence on what differs on a side that is known to differ."""
    counted = [change for change in side.changes or () if _counts_for(affects, change)]
    paths = [change.path for change in sorted(counted, key=lambda c: c.affects != affects)]
    if not paths:
        what = {"image": "the image's inputs", "dags": "the DAGs"}[affects]
        return f"{what} are not the ones that run"
    under = "under the DAGs directory" if counted[0].affects == "dags" else "which shapes the DAGs"
    what = {"image": "which the image is made from", "dags": under}[affects]
    only = "only DAGs changed" if affects == "dags" else "the image changed"
    return f"{only} since {short(side.base or '')}: {listed(paths, most=1)}, {what}"


def _because_same(facts: Facts) -> str:
    bases = [short(base) for base in dict.fromkeys((facts.image.base, facts.dags.base)) if base]
    if facts.source in ("event", "ref"):
        return f"nothing that is deployed changed since {bases[0]}"
    return "what is checked out already runs" + (f" (from {', '.join(bases)})" if bases else "")


def _newer(facts: Facts, deploy_type: DeployType) -> str | None:
    """The running commit that this deploy would replace by an older one."""
    if deploy_type.has_image and facts.image.newer:
        return facts.image.newer
    return facts.dags.newer if deploy_type.has_dags else None


def _refuse_wipe(facts: Facts, options: Options, deploy_type: DeployType) -> None:
    if options.allow_shrink or not deploy_type.has_dags:
        return
    files = facts.dag_files
    if files.dag_files == 0:
        raise ProjectError(
            "the deploy would hold no DAG file (.py, .zip, .yaml), which removes every DAG from "
            "the Deployment",
            hint="Check --project and --dags-path, and that the step that generates DAGs ran; "
            "--allow-shrink deploys it all the same.",
        )
    if files.before is not None and files.shipped * 2 < files.before:
        raise ProjectError(
            f"the deploy would hold {files.shipped} files under the DAGs directory, where "
            f"{files.before} run: under half",
            hint="If the DAGs were meant to go, deploy with --allow-shrink.",
        )


def _all_changes(facts: Facts) -> list[Change]:
    """Every change once: each side's from its own base, the rest from either."""
    found: dict[tuple[str, Affects], Change] = {}
    sides: tuple[tuple[Comparison, Affects], ...] = ((facts.image, "image"), (facts.dags, "dags"))
    for side, own in sides:
        for change in side.changes or ():
            if change.affects == "nothing" or _counts_for(own, change):
                found.setdefault((change.path, change.affects), change)
    return [found[key] for key in sorted(found)]
