"""A local Astro, for demos, for tests and for trying a pipeline."""

from __future__ import annotations

from astro_ci.sandbox.http.faults import Fault, Faults
from astro_ci.sandbox.http.request_log import RequestLine
from astro_ci.sandbox.sandbox import DEFAULT_PORT, Sandbox

__all__ = ["DEFAULT_PORT", "Fault", "Faults", "RequestLine", "Sandbox"]
