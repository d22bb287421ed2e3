"""Decide which parts of the checkout ship.

With a prebuilt image, the image's files do not ship from the checkout. When DAG-only deploys are
off too, the DAGs do not ship from the checkout either, because the prebuilt image holds them.
"""

from __future__ import annotations

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.model import Part, Request
from astro_ci.survey.image import Prebuilt
from astro_ci.survey.standing import Standing


class Shipping(Struct, frozen=True, kw_only=True):
    """The parts that ship from the checkout, and the layout of the DAGs."""

    parts: frozenset[Part]
    """The parts that ship from the checkout."""
    prebuilt: Prebuilt | None
    dags_in_image: bool
    """Whether DAGs ship in the image instead of in a bundle."""
    layout: str
    """Where the DAG bundle holds its files: `prefixed` (below `dags/`) or `root`."""

    @property
    def image_has_dags(self) -> bool:
        """Whether a prebuilt image brings the DAGs."""
        return self.prebuilt is not None and self.dags_in_image


def find_shipping(config: Config, standing: Standing, prebuilt: Prebuilt | None) -> Shipping:
    """Decide which parts ship."""
    in_image = not standing.is_dag_deploy_enabled
    parts = frozenset(Part)
    if prebuilt:
        has_dags = not in_image and config.requested is not Request.IMAGE
        parts = frozenset({Part.DAGS}) if has_dags else frozenset()
    return Shipping(
        parts=parts,
        prebuilt=prebuilt,
        dags_in_image=in_image,
        layout=standing.layout(config),
    )
