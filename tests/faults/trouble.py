"""Every fault that the sandbox knows, at every step of a deploy, by chance."""

from __future__ import annotations

import random
from typing import Any

from astro_ci.sandbox import Sandbox

STEPS: dict[str, tuple[str, str]] = {
    "create": ("POST", "/deploys$"),
    "upload": ("PUT", "^/blobs/"),
    "push": ("*", "^/v2/"),
    "finalize": ("POST", "/finalize$"),
    "read the deploy": ("GET", "/deploys/[^/]+$"),
    "read the Deployment": ("GET", "/deployments/[^/]+$"),
    "list": ("GET", "/deploys$"),
}
STATUSES = (200, 301, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 520)
HANG_SECONDS = 0.6
"""Longer than the jobs wait for an answer."""


def _answer(dice: random.Random) -> dict[str, Any]:
    status = dice.choice(STATUSES)
    # In Astro's own words and form, an answer below 300 would be the real one.
    html = status < 400 or dice.random() < 0.4
    asked = {"Retry-After": str(dice.choice([0, 1, 30, 900]))} if dice.random() < 0.2 else {}
    return {"status": status, "html": html, "headers": asked}


def fault(dice: random.Random) -> dict[str, Any]:
    """One fault, as `faults.add` takes it."""
    kinds = {
        "answer": 12,
        "drop": 3,
        "hang": 1,
        "strip": 1,
        "twice": 2,
    }
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    step = dice.choice(list(STEPS))
    method, path = STEPS[step]
    options: dict[str, Any] = {"method": method, "path": path}
    if kind == "answer":
        options |= _answer(dice)
    elif kind == "hang":
        options |= {"hang_seconds": HANG_SECONDS}
        options |= {"status": None} if dice.random() < 0.5 else _answer(dice)
    elif kind == "strip":
        options |= {"strip": ["x-ms-version-id", "content-type", "docker-content-digest"]}
    else:
        options[kind] = True
    if kind in ("answer", "drop", "hang") and step not in ("push",):
        # A status of ours after Astro refused is no work done; it is after all that counts.
        options["after"] = dice.random() < 0.5 and options.get("status", 500) is not None
    options["times"] = dice.choices([1, 2, 4, 8, None], [10, 4, 2, 1, 1])[0]
    return options


def arrange(astro: Sandbox, dice: random.Random) -> list[dict[str, Any]]:
    """Add some trouble, and say which."""
    found = [fault(dice) for _ in range(dice.choices([0, 1, 2, 3], [1, 6, 3, 1])[0])]
    for options in found:
        astro.faults.add(**options)
    if dice.random() < 0.03:
        astro.fail_next_deploy("production")
        found.append({"platform": "fails the next deploy"})
    if dice.random() < 0.03:
        astro.fail_next_rollout("production")
        found.append({"platform": "fails the next rollout"})
    return found
