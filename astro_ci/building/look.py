"""Read the checkout for an image build: its project, its commit and uncommitted files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec import Struct

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import refuse_empty_submodules
from astro_ci.model import Part
from astro_ci.paths import is_under
from astro_ci.planning.marker import PREFIXED_LAYOUT
from astro_ci.planning.running import Running
from astro_ci.survey.bases import Bases
from astro_ci.survey.checkout import Checkout, open_checkout
from astro_ci.survey.differences import find_differences
from astro_ci.survey.fitness import refuse_unfit_image
from astro_ci.survey.shipping import Shipping
from astro_ci.survey.standing import Standing


class Source(Struct, frozen=True, kw_only=True):
    """The source of an image."""

    checkout: Checkout
    has_dags: bool
    """Whether the image includes the DAGs."""
    uncommitted: tuple[str, ...]
    """The uncommitted files, by which the image differs from the commit."""
    inputs: str
    """The digest of the image's files and build arguments."""


def look(
    config: Config,
    env: Mapping[str, str],
    ci: CIContext,
    *,
    has_dags: bool,
    writes: Collection[Path] = (),
) -> Source:
    """Find the project, its commit and the uncommitted files, without asking Astro.

    `writes` are the files that this run writes. Raises ProjectError when no image can be built from
    the checkout, GitError, ConfigurationError.
    """
    checkout = open_checkout(config, env, ci, written=writes)
    checkout.project.require_dockerfile()
    parts = frozenset(Part) if has_dags else frozenset({Part.IMAGE})
    standing = Standing(
        connected=None,
        runs=dict.fromkeys(Part, Running()),
        bases=Bases.none("an image is built whatever runs"),
        assumptions=(),
    )
    shipping = Shipping(parts=parts, prebuilt=None, dags_in_image=has_dags, layout=PREFIXED_LAYOUT)
    with checkout.snapshot() as snapshot:
        found = find_differences(snapshot, checkout, standing, shipping, needs_digests=True)
    refuse_empty_submodules(found.empty_submodules, parts)
    refuse_unfit_image(checkout, standing, None)
    return Source(
        checkout=checkout,
        has_dags=has_dags,
        uncommitted=tuple(
            path
            for path, affected in sorted(found.uncommitted.items())
            if affected or not _is_dag(path, checkout)
        ),
        inputs=found.digests[Part.IMAGE],
    )


def _is_dag(path: str, checkout: Checkout) -> bool:
    return any(is_under(path, directory) for directory in checkout.layout.dags)
