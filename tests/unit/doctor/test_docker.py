"""What the engine's platform means."""

from __future__ import annotations

import pytest

from astro_ci.doctor.docker import platform


@pytest.mark.parametrize(
    ("architecture", "status"),
    [("x86_64", "ok"), ("amd64", "ok"), ("aarch64", "warning"), ("", "warning")],
)
def test_only_amd64_needs_no_emulation(architecture: str, status: str) -> None:
    (check,) = platform(architecture)
    assert check.status == status
