"""The phases of a run, in their order, and their durations."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from astro_ci.text import duration_text

_SHORTEST_SECONDS = 0.05


class Phase(StrEnum):
    """A phase of a run. The push and the upload happen at the same time."""

    SURVEY = "survey"
    BUILD = "build"
    CHECKS = "checks"
    WAKE = "wake"
    PUSH = "push"
    SAVE = "save"
    UPLOAD = "upload"
    ROLLOUT = "rollout"


DOING: Mapping[Phase, str] = {
    Phase.SURVEY: "comparing with what runs",
    Phase.BUILD: "building the image",
    Phase.CHECKS: "checking the DAGs",
    Phase.WAKE: "waking the Deployment up",
    Phase.PUSH: "pushing the image",
    Phase.SAVE: "saving the image",
    Phase.UPLOAD: "uploading the DAG bundle",
    Phase.ROLLOUT: "waiting until the deploy is live",
}
"""What a phase is called while it lasts."""


def phases_text(phases: Mapping[str, float]) -> str:
    """Return the durations of the phases: `survey 0.4 s, upload 0.2 s, rollout 12 s`."""
    told = [phase for phase in Phase if phases.get(phase, 0.0) >= _SHORTEST_SECONDS]
    return ", ".join(f"{phase} {duration_text(phases[phase])}" for phase in told)
