"""Pages for people: what runs, what was deployed, and which requests made it."""

from __future__ import annotations

from astro_ci.sandbox.http.pages.routes import Pages, is_page

__all__ = ["Pages", "is_page"]
