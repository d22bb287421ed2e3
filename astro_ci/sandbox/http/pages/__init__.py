"""Web pages that show what runs, what was deployed, and the requests of each deploy."""

from __future__ import annotations

from astro_ci.sandbox.http.pages.routes import Pages, is_page

__all__ = ["Pages", "is_page"]
