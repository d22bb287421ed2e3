"""Decide how to set and restore a hibernation override, and describe it in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from astro_ci.astro.hibernation import Override
from astro_ci.text import api_moment_text, printable

MARGIN_SECONDS = 1800.0
"""The time for sending the deploy, beside the times to wake up and to roll out."""
_TOLERANCE_SECONDS = 1.0


class Restoration(Struct, frozen=True, kw_only=True):
    """The change to the override after the deploy."""

    kind: Literal["nothing", "leave", "remove", "put back"]
    """`nothing` when it is as it was before; `leave` when somebody else has changed it since."""
    wanted: Override | None = None
    """The override to put back."""


def our_override(now: float, *, wake_seconds: float, wait_seconds: float) -> Override:
    """Make the override of a deploy. It always has an end, because the run may be killed.

    The end is late enough for the longest waits, and for sending the deploy.
    """
    end = datetime.fromtimestamp(now + wake_seconds + wait_seconds + MARGIN_SECONDS, UTC)
    return Override(
        is_hibernating=False,
        override_until=f"{end.replace(tzinfo=None).isoformat(timespec='seconds')}Z",
        is_active=True,
    )


def is_same(one: Override | None, other: Override | None) -> bool:
    """Whether two overrides are equal, even if Astro writes the time in another format."""
    if one is None or other is None:
        return one is other
    if one.is_hibernating != other.is_hibernating:
        return False
    if one.ends_at is None or other.ends_at is None:
        return (one.override_until or "") == (other.override_until or "")
    return abs(one.ends_at - other.ends_at) < _TOLERANCE_SECONDS


def wakes(override: Override | None) -> bool:
    """Whether an override keeps a Deployment awake, or wakes it up."""
    return override is not None and override.is_hibernating is False


def may_override(found: Override | None, ours: Override | None, earlier: Override | None) -> bool:
    """Whether this run sets an override of its own for a Deployment that sleeps; `found` is there.

    An override that wakes the Deployment up, such as another job's, is left to its owner. After
    this run's own override, the Deployment may sleep again because another job has restored what
    was there before; another override was set by somebody who wants the Deployment to sleep.
    """
    if wakes(found):
        return False
    return ours is None or found is None or is_same(found, earlier)


def to_restore(
    ours: Override | None, found: Override | None, earlier: Override | None, now: float
) -> Override | None:
    """Return the override to restore once `found` is overridden, perhaps not for the first time."""
    has_run_out = ours is not None and found is None and ours.is_past(now)
    return earlier if has_run_out else found


def outlives(earlier: Override | None, ours: Override) -> bool:
    """Whether an override would still be in effect when ours ends."""
    return earlier is not None and not earlier.is_past(ours.ends_at or 0.0)


def restoration(
    ours: Override, found: Override | None, earlier: Override | None, now: float
) -> Restoration:
    """Decide how to restore what was there before; `found` is the override in effect now."""
    has_run_out = found is None and ours.is_past(now)
    if is_same(found, ours):
        has_run_out = False
    elif not has_run_out:
        # Equal to the earlier one: the request that was to set ours had no effect.
        return Restoration(kind="nothing" if is_same(found, earlier) else "leave")
    if earlier and not earlier.is_past(now):
        return Restoration(kind="put back", wanted=earlier)
    return Restoration(kind="nothing" if has_run_out else "remove")


def described(override: Override | None) -> str:
    """Say what an override does: `hibernating until 2031-01-02 03:04 UTC`."""
    if override is None or override.is_hibernating is None:
        return "no override"
    doing = "hibernating" if override.is_hibernating else "awake"
    if not override.override_until:
        return f"{doing}, without an end"
    return f"{doing} until {api_moment_text(override.override_until)}"


def command(deployment_id: str, wanted: Override | None) -> str:
    """Make the command of the Astro CLI that sets an override, or removes it."""
    if wanted is None or wanted.is_hibernating is None:
        return f"astro deployment wake-up {deployment_id} --remove-override"
    verb = "hibernate" if wanted.is_hibernating else "wake-up"
    until = f" --until {printable(wanted.override_until)}" if wanted.override_until else ""
    return f"astro deployment {verb} {deployment_id}{until}"
