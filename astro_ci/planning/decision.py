"""The decision: facts in, Plan out. Pure: no I/O, and nothing is decided anywhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from astro_ci.errors import ConfigurationError
from astro_ci.model import (
    Base,
    BaseSource,
    Change,
    Content,
    Deployment,
    DeployType,
    Digests,
    Part,
    Plan,
    PrebuiltImage,
    Request,
)
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.guards import DagFiles, find_newer, refuse_wipe, stale_reason
from astro_ci.planning.marker import PREFIXED_LAYOUT
from astro_ci.text import listed, short, shortened_digest

_WHAT = {Part.IMAGE: "the image's inputs differ", Part.DAGS: "the DAGs differ"}
_COUNTS = {Part.IMAGE: "the image counts", Part.DAGS: "the DAGs count"}
_STATES = {
    (Part.IMAGE, "same"): "the image is unchanged",
    (Part.IMAGE, "different"): "the image has changed",
    (Part.DAGS, "same"): "the DAGs are unchanged",
    (Part.DAGS, "different"): "the DAGs have changed",
}
_CHANGED = {Part.IMAGE: "the image changed", Part.DAGS: "only DAGs changed"}


class Options(Protocol):
    """What the user asked for, and the guards that the user lifted. A Config is one."""

    @property
    def requested(self) -> Request:
        """The deploy type."""

    @property
    def requested_as(self) -> str:
        """The deploy type as the user wrote it, such as `--dags`; empty for `--type`."""

    @property
    def skip_unchanged(self) -> bool:
        """Whether an explicit request may skip."""

    @property
    def redeploy(self) -> bool:
        """Whether to deploy although nothing changed."""

    @property
    def allow_older(self) -> bool:
        """Whether the stale guard is lifted."""

    @property
    def allow_shrink(self) -> bool:
        """Whether the wipe guard is lifted."""


class Facts(Struct, frozen=True, kw_only=True):
    """Everything a plan is made from."""

    head: str
    uncommitted: Mapping[str, frozenset[Part]]
    """What makes the checkout differ from the head, by the parts that it ships in."""
    source: BaseSource
    compared: Mapping[Part, Comparison]
    digests: Digests
    """Of what ships; a part that was not digested is left out."""
    dag_files: DagFiles | None
    """None: they are in a prebuilt image that could not be looked into."""
    dag_deploy_enabled: bool
    deployment: Deployment | None = None
    assumptions: Sequence[str] = ()
    image: PrebuiltImage | None = None
    """None: the image is built, where one is deployed."""
    has_image: bool = True
    """Whether the project has an image at all: some repositories hold nothing but DAGs."""
    bundle_layout: str = PREFIXED_LAYOUT


def make_plan(facts: Facts, options: Options) -> Plan:
    """Decide what to deploy, and say why.

    Raises ConfigurationError for a request that this Deployment cannot have, ProjectError when
    the deploy would wipe DAGs.
    """
    content = Content(
        parts={
            part: side.sameness(part, facts.digests.get(part, ""))
            for part, side in facts.compared.items()
        }
    )
    deploy_type, reason = _decide(facts, options, content)
    newer = find_newer(facts.compared, deploy_type)
    if newer and not options.allow_older:
        older = facts.head
        if facts.image and facts.compared[Part.IMAGE].newer == newer:
            older = facts.image.commit
        deploy_type, reason = DeployType.NONE, stale_reason(newer, older)
    if deploy_type.has_dags and not options.allow_shrink and facts.dag_files:
        in_image = None if facts.dag_deploy_enabled else facts.image
        refuse_wipe(facts.dag_files, image=in_image.reference if in_image else "")
    return Plan(
        deploy_type=deploy_type,
        requested=options.requested,
        reason=reason,
        head=facts.head,
        dirty=bool(facts.uncommitted),
        uncommitted=sorted(
            path for path, parts in facts.uncommitted.items() if parts & deploy_type.parts
        ),
        base=Base(
            commits={part: side.base for part, side in facts.compared.items()}, source=facts.source
        ),
        content=content,
        changes=_all_changes(facts),
        deployment=facts.deployment,
        assumptions=facts.assumptions,
        image=facts.image,
        bundle_layout=facts.bundle_layout,
    )


def _decide(facts: Facts, options: Options, content: Content) -> tuple[DeployType, str]:
    if options.requested is not Request.AUTO:
        return _decide_explicit(facts, options, content)
    if not facts.has_image:
        return _decide_dags(facts, options, content)
    if "unknown" in content.parts.values():
        return DeployType.IMAGE_AND_DAGS, _because_unknown(facts, content)
    if content.image == "different":
        return DeployType.IMAGE_AND_DAGS, _because(facts, Part.IMAGE)
    if _is_unhealthy(facts):
        return DeployType.IMAGE_AND_DAGS, "the Deployment is UNHEALTHY, so everything is deployed"
    if content.dags == "different":
        why = _because(facts, Part.DAGS)
        if facts.dag_deploy_enabled:
            return DeployType.DAGS, why
        return DeployType.IMAGE_AND_DAGS, f"{why}, and DAG-only deploys are disabled"
    if options.redeploy:
        return DeployType.IMAGE_AND_DAGS, "nothing changed, but --redeploy was requested"
    return DeployType.NONE, _because_same(facts)


def _decide_dags(facts: Facts, options: Options, content: Content) -> tuple[DeployType, str]:
    """Decide for a project of nothing but DAGs: its image is somebody else's."""
    if not facts.dag_deploy_enabled:
        name = facts.deployment.name if facts.deployment else "the Deployment"
        raise ConfigurationError(
            f"the project has no Dockerfile, and DAG-only deploys are disabled on {name}: only an "
            "image could bring the DAGs there",
            hint="Enable DAG-only deploys on the Deployment, or add a Dockerfile that starts FROM "
            "an Astro Runtime image.",
        )
    if content.dags == "unknown":
        why = facts.compared[Part.DAGS].unknown
        return DeployType.DAGS, f"all DAGs, as there is nothing to compare with: {why}"
    if content.dags == "different":
        return DeployType.DAGS, _because(facts, Part.DAGS)
    if options.redeploy:
        return DeployType.DAGS, "nothing changed, but --redeploy was requested"
    base = facts.compared[Part.DAGS].base
    from_ = f" (from {short(base)})" if base else ""
    return DeployType.NONE, f"the checked-out DAGs are {_there(facts)}{from_}"


def _is_unhealthy(facts: Facts) -> bool:
    """Whether the last deploy may have failed to start, and so has to be repeated."""
    return facts.deployment is not None and facts.deployment.status == "UNHEALTHY"


def _decide_explicit(facts: Facts, options: Options, content: Content) -> tuple[DeployType, str]:
    requested = DeployType(options.requested.value)
    written = options.requested_as or f"--type {requested}"
    if not facts.dag_deploy_enabled and requested is not DeployType.IMAGE_AND_DAGS:
        name = facts.deployment.name if facts.deployment else "the Deployment"
        raise ConfigurationError(
            f"{written} needs DAG-only deploys, which are disabled on {name}",
            hint="Deploy with --type image-and-dags, or enable DAG-only deploys on the Deployment.",
        )
    may_skip = options.skip_unchanged and not options.redeploy and not _is_unhealthy(facts)
    if may_skip and {content.parts[part] for part in requested.parts} == {"same"}:
        same = _because_same(facts, has_dags=requested.has_dags)
        return DeployType.NONE, f"--skip-unchanged: {same}"
    return requested, f"{written} {'was requested' if written.startswith('--') else 'is set'}"


def _because_unknown(facts: Facts, content: Content) -> str:
    """Say which running part is unknown, why, and what is known of the other part."""
    unknown = [part for part in Part if content.parts[part] == "unknown"]
    why = facts.compared[unknown[0]].unknown
    if len(unknown) > 1:
        return f"there is nothing to compare with: {why}"
    (known,) = (part for part in Part if part not in unknown)
    return f"{_COUNTS[unknown[0]]} as changed, as {why}; {_STATES[known, content.parts[known]]}"


def _because(facts: Facts, part: Part) -> str:
    """One sentence on what differs in a part that is known to differ."""
    side = facts.compared[part]
    if facts.image and (part is Part.IMAGE or not facts.dag_deploy_enabled):
        name = f"{facts.image.reference} ({shortened_digest(facts.image.digest)})"
        return f"the image {name} is not the running one"
    counted = sorted(side.counted(part), key=lambda change: change.affects != part.value)
    if not counted and part is Part.DAGS and side.layout not in ("", facts.bundle_layout):
        return f"the DAG bundle's layout changes from {side.layout} to {facts.bundle_layout}"
    if not counted:
        return f"{_WHAT[part]} from the running ones"
    if part is Part.IMAGE:
        where = "in the image"
    elif counted[0].affects == part.value:
        where = "under the DAGs directory"
    else:
        where = "affects the DAGs"
    paths = listed([change.path for change in counted], most=1)
    return f"{_CHANGED[part]} since {short(side.base or '')}: {paths} ({where})"


def _because_same(facts: Facts, *, has_dags: bool = True) -> str:
    if facts.image:
        name = f"{facts.image.reference} ({shortened_digest(facts.image.digest)})"
        is_beside = has_dags and facts.dag_deploy_enabled
        if is_beside:
            return f"the image {name} and the checked-out DAGs are {_there(facts)}"
        return f"the image {name} is {_there(facts)}"
    commits = dict.fromkeys(side.base for side in facts.compared.values())
    bases = [short(base) for base in commits if base]
    if facts.source in ("event", "ref"):
        return f"no deployed file has changed since {bases[0]}"
    from_ = f" (from {', '.join(bases)})" if bases else ""
    return f"the checked-out version is {_there(facts)}{from_}"


def _there(facts: Facts) -> str:
    """Say that something needs no deploy, and of a Deployment that is asleep no more than that."""
    if facts.deployment is not None and facts.deployment.status == "HIBERNATING":
        return "already deployed; the Deployment hibernates, so that nothing runs until it wakes up"
    return "already running"


def _all_changes(facts: Facts) -> list[Change]:
    """List every change once: a part's changes from its own base, the rest from either base."""
    found: dict[tuple[str, str], Change] = {}
    for part, side in facts.compared.items():
        for change in side.changes or ():
            if not change.parts or part in change.parts:
                found.setdefault((change.path, change.affects), change)
    return [found[key] for key in sorted(found)]
