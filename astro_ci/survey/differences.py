"""Find how the files to ship differ from the running deploys, part by part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from astro_ci.errors import GitError, ProjectError
from astro_ci.git import Snapshot
from astro_ci.model import Digests, Part
from astro_ci.paths import is_under
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.digests import digests
from astro_ci.planning.guards import DagFiles
from astro_ci.planning.running import Running
from astro_ci.survey.checkout import Checkout
from astro_ci.survey.dag_files import count_dag_files, count_image_files, names_in_listing
from astro_ci.survey.shipping import Shipping
from astro_ci.survey.standing import Standing
from astro_ci.text import listed, short

log = logging.getLogger(__name__)


class Differences(Struct, frozen=True, kw_only=True):
    """The differences between the files to ship and the running deploys."""

    compared: Mapping[Part, Comparison]
    digests: Digests
    """The digests of the files to ship; empty when they are not needed."""
    dag_files: DagFiles | None
    """The counts of DAG files; None when they are in a prebuilt image that could not be read."""
    uncommitted: Mapping[str, frozenset[Part]]
    """The paths that differ from the checked-out commit, each with the parts that ship it."""
    empty_submodules: Mapping[str, frozenset[Part]]
    """The submodules that were not checked out, each with the parts that ship it."""


def digest_lines(lines: Sequence[str], checkout: Checkout, shipping: Shipping) -> Digests:
    """Digest the files that ship. `lines` have the format of `git ls-files --stage`.

    The digest of a prebuilt image is the image's own digest.
    """
    found = digests(
        lines,
        checkout.rules,
        image_inputs=[
            *checkout.build_inputs,
            *(f"{name}={value}" for name, value in checkout.build_args.items()),
        ],
        line_ends=checkout.repo.line_ends,
        dags_in_image=shipping.dags_in_image,
        layout=shipping.layout,
    )
    if shipping.prebuilt is None:
        return found
    digest = shipping.prebuilt.image.facts.digest
    in_image = Part if shipping.image_has_dags else (Part.IMAGE,)
    return {**found, **dict.fromkeys(in_image, digest)}


def find_differences(
    snapshot: Snapshot,
    checkout: Checkout,
    standing: Standing,
    shipping: Shipping,
    *,
    needs_digests: bool,
    ignored: Callable[[], Collection[str]] = frozenset,
) -> Differences:
    """Compare the files to ship with the running deploys.

    `ignored` returns the files of the DAGs directory that `.airflowignore` excludes. Raises
    ProjectError when files to ship are missing from the checkout, GitError when git fails.
    """
    rules, bases = checkout.rules, standing.bases
    for base in dict.fromkeys(filter(None, bases.commits.values())):
        snapshot.prepare_changes(base)
    # Ask about the history while the snapshot's git processes compare.
    newer = {part: _newer(standing.runs[part], part, checkout, shipping) for part in Part}
    is_digested = needs_digests or standing.has_digests

    def read(lines: Sequence[str]) -> tuple[Digests, Sequence[str] | None]:
        found = digest_lines(lines, checkout, shipping) if is_digested else {}
        return found, names_in_listing(lines, checkout.layout.dags[0], rules)

    shipped, dag_names = snapshot.read(read)
    _refuse_sparse(snapshot, checkout, shipping)
    uncommitted = _find_uncommitted(snapshot, checkout, shipping)
    compared = {
        part: _compare_image(standing, part, newer[part])
        if part not in shipping.parts and shipping.prebuilt
        else _compare(snapshot, checkout, standing, part, newer[part])
        for part in Part
    }
    return Differences(
        compared=compared,
        digests=shipped,
        dag_files=_count(dag_names, checkout, shipping, compared[Part.DAGS], ignored),
        uncommitted=uncommitted,
        empty_submodules={
            path: rules.classify(path)[0] & shipping.parts for path in snapshot.empty_submodules
        },
    )


def _count(
    names: Sequence[str] | None,
    checkout: Checkout,
    shipping: Shipping,
    compared: Comparison,
    ignored: Callable[[], Collection[str]],
) -> DagFiles | None:
    """Count the DAG files of the checkout or the prebuilt image; None if that is unreadable."""
    if shipping.prebuilt and shipping.dags_in_image:
        return count_image_files(shipping.prebuilt.image)
    return count_dag_files(
        names,
        checkout.project,
        checkout.layout.dags[0],
        checkout.rules,
        repo=checkout.repo,
        compared=compared,
        is_bundle=not shipping.dags_in_image,
        ignored=ignored,
    )


def _refuse_sparse(snapshot: Snapshot, checkout: Checkout, shipping: Shipping) -> None:
    """Raise ProjectError when files to ship are missing because of a sparse checkout."""
    missing = [
        path for path in snapshot.absent if checkout.rules.classify(path)[0] & shipping.parts
    ]
    if missing:
        raise ProjectError(
            f"the checkout is sparse and leaves out files of the project: {listed(missing)}",
            hint="Add the whole project directory to the sparse checkout.",
        )


def _find_uncommitted(
    snapshot: Snapshot, checkout: Checkout, shipping: Shipping
) -> Mapping[str, frozenset[Part]]:
    """Find the uncommitted and untracked files, by which the checkout differs from its commit.

    Files of the project count, and other files that affect its image. With a prebuilt image only
    files of the DAGs count.
    """
    if snapshot.is_tree_of(checkout.head):
        return {}
    roots = checkout.layout.dags if Part.DAGS in shipping.parts else ()
    if Part.IMAGE in shipping.parts:
        roots = (checkout.layout.project, *roots)
    paths = (change.path for change in snapshot.changes(checkout.head.sha))
    found = {
        path: checkout.rules.classify(path)[0] & shipping.parts
        for path in paths
        if not snapshot.is_ignored(path) and not checkout.rules.is_written(path)
    }
    return {
        path: parts
        for path, parts in found.items()
        if parts or any(is_under(path, root) for root in roots)
    }


def _compare_image(standing: Standing, part: Part, newer: str | None) -> Comparison:
    """Compare a part of a prebuilt image by its content, not by commits."""
    running = standing.runs[part]
    unknown = running.unknown or standing.bases.unknown[part]
    if not (running.digest or unknown):
        unknown = f"deploy {running.deploy_id} does not tell which image it brought"
    return Comparison(digest=running.digest, unknown=unknown, newer=newer)


def _compare(
    snapshot: Snapshot, checkout: Checkout, standing: Standing, part: Part, newer: str | None
) -> Comparison:
    bases = standing.bases
    base, unknown, changes = bases.commits[part], bases.unknown[part], None
    if base:
        try:
            changes = checkout.rules.explain(snapshot.changes(base))
        except GitError as error:  # such as a partial clone that cannot fetch missing objects
            log.warning("the plan cannot use its base commit %s: %s", base, error)
            unknown = f"git could not compare with base commit {short(base)}"
            base = None
    return Comparison(
        base=base,
        changes=changes,
        unknown=unknown,
        digest=standing.runs[part].digest if bases.is_what_runs else None,
        layout=standing.runs[part].layout if standing.is_dag_deploy_enabled else "",
        newer=newer,
    )


def _newer(running: Running, part: Part, checkout: Checkout, shipping: Shipping) -> str | None:
    """Return the running commit, if history proves that it came after the commit to deploy."""
    commit, ci = running.commit, checkout.ci
    head: str | None = checkout.head.sha
    if shipping.prebuilt and part not in shipping.parts:
        head = shipping.prebuilt.commit_here
    if head is None:
        return None
    # A push that moved the branch from the running commit back to this commit is intended.
    is_pushed = ci.before == commit and not ci.before_is_previous_run
    is_moved_back = is_pushed and ci.head in (None, head)
    if commit is None or commit == head or is_moved_back:
        return None
    return commit if checkout.repo.came_after(commit, head) else None
