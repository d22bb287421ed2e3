from __future__ import annotations

from hypothesis import settings

# A shared machine may stop for longer than hypothesis's 200 ms at any time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
