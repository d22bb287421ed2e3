"""What of the checkout ships: all that the image and the bundle are made of, or less.

With a prebuilt image, its files do not; without DAG-only deploys its DAGs do not either.
"""

from __future__ import annotations

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.model import Part, Request
from astro_ci.survey.image import Prebuilt
from astro_ci.survey.standing import Standing


class Shipping(Struct, frozen=True, kw_only=True):
    """What ships, and from where."""

    parts: frozenset[Part]
    """Those that come from the checkout."""
    prebuilt: Prebuilt | None
    dags_in_image: bool
    """Whether DAGs ship in the image and in no bundle."""
    layout: str
    """How the DAG bundle has its files: `prefixed` or `root`."""

    @property
    def image_has_dags(self) -> bool:
        """Whether the DAGs are those of a prebuilt image."""
        return self.prebuilt is not None and self.dags_in_image


def find_shipping(config: Config, standing: Standing, prebuilt: Prebuilt | None) -> Shipping:
    """Work out what ships."""
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
