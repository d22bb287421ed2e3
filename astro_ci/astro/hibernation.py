"""Hibernation as Astro shows it: the override that is in effect, and whether a Deployment sleeps.

Loaded only to wake a Deployment up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct


class Override(Struct, frozen=True, kw_only=True, rename="camel"):
    """A hibernation override. Source: schema DeploymentHibernationOverride."""

    is_hibernating: bool | None = None
    override_until: str | None = None
    """A moment in RFC 3339; None for an override without an end."""
    is_active: bool = False

    @property
    def ends_at(self) -> float | None:
        """The moment in seconds; None without an end, or for a text that is no moment."""
        try:
            moment = datetime.fromisoformat(self.override_until or "")
        except ValueError:
            return None
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()

    def is_past(self, now: float) -> bool:
        """Whether the override has run out."""
        return self.ends_at is not None and self.ends_at <= now


class Hibernation(Struct, frozen=True, kw_only=True):
    """What is known of a Deployment's hibernation."""

    status: str
    """The Deployment's."""
    status_reason: str
    is_development_mode: bool
    is_hibernating: bool
    """Whether it sleeps, or is still waking up."""
    override: Override | None
    """None when no override is in effect."""


class _Status(Struct, rename="camel"):
    is_hibernating: bool | None = None


class _Spec(Struct):
    override: Override | None = None


class _ScalingStatus(Struct, rename="camel"):
    hibernation_status: _Status | None = None


class _ScalingSpec(Struct, rename="camel"):
    hibernation_spec: _Spec | None = None


class SleepingDeployment(Struct, rename="camel"):
    """The part of a Deployment that is about hibernation. Source: schema Deployment."""

    status: str
    status_reason: str | None = None
    is_development_mode: bool | None = None
    scaling_spec: _ScalingSpec | None = None
    scaling_status: _ScalingStatus | None = None

    @property
    def hibernation(self) -> Hibernation:
        """The same as one value."""
        spec = self.scaling_spec.hibernation_spec if self.scaling_spec else None
        found = self.scaling_status.hibernation_status if self.scaling_status else None
        override = spec.override if spec else None
        return Hibernation(
            status=self.status,
            status_reason=self.status_reason or "",
            is_development_mode=bool(self.is_development_mode),
            is_hibernating=self.status == "HIBERNATING" or bool(found and found.is_hibernating),
            override=override if override and override.is_active else None,
        )


def override_body(override: Override) -> dict[str, object]:
    """Make the request that sets an override. Source: schema OverrideDeploymentHibernationBody."""
    body: dict[str, object] = {"isHibernating": override.is_hibernating}
    if override.override_until:
        body["overrideUntil"] = override.override_until
    return body
