"""Read a saved plan, in which nothing is trusted. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from astro_ci.errors import ConfigurationError
from astro_ci.planning.saved import SavedError, SavedPlan, SavedPlans
from astro_ci.text import excerpt

T = TypeVar("T")
SCHEMA = 1
_WRITE = "Write the file with `astro-ci plan --out FILE`, and pass it on unchanged."


class _Document(Struct):
    schema: int | None = None
    version: str = ""
    outcome: str | None = None
    deploy_type: str | None = None
    error: SavedError | None = None
    deployments: Sequence[Any] | None = None


def read_saved_plans(raw: bytes, shown: str, version: str) -> SavedPlans:
    """Read what `plan --json` of this version printed; `shown` names the file.

    Raises ConfigurationError.
    """
    if not raw.strip():
        raise _unfit(shown, "is empty")
    try:
        # The names of files may hold halves of surrogate pairs, which msgspec does not decode.
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        why = f"is cut off, or is no JSON document: {excerpt(str(error))}"
        raise _unfit(shown, why) from error
    document = _converted(told, _Document, shown)
    if document.schema is None or (document.deploy_type, document.deployments) == (None, None):
        if document.error:
            why = f"is of a run that failed: {excerpt(document.error.message)}"
            raise _unfit(shown, why, "Correct what made the plan fail, and make a new one.")
        raise _unfit(shown, "is no plan of astro-ci")
    if document.outcome is not None:
        raise _unfit(shown, "is what a deploy printed, and not a plan")
    parts = [told] if document.deployments is None else document.deployments
    if not parts:
        raise _unfit(shown, "has no Deployment", "Plan for the Deployments that are deployed to.")
    found = (_read_plan(part, shown, version) for part in parts)
    return SavedPlans(plans=[plan for plan in found if plan is not None])


def _read_plan(told: Any, shown: str, version: str) -> SavedPlan | None:
    """Read the plan of one Deployment; None for one that failed before there was a plan."""
    document = _converted(told, _Document, shown)
    if document.deploy_type is None and document.error:
        return None
    if (document.schema, document.version) != (SCHEMA, version):
        said = f"astro-ci {excerpt(document.version)}" if document.version else "another astro-ci"
        raise _unfit(
            shown,
            f"was written by {said}, and this is {version}",
            "Use the same version of astro-ci in both jobs, and make a new plan.",
        )
    return _converted(told, SavedPlan, shown)


def _converted(told: Any, kind: type[T], shown: str) -> T:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        why = f"is no plan of astro-ci: {excerpt(str(error))}"
        raise _unfit(shown, why) from error


def _unfit(shown: str, why: str, hint: str = _WRITE) -> ConfigurationError:
    return ConfigurationError(f"the plan file {shown} {why}", hint=hint)
