"""The reason why an image has to be built, as a clause for the plan."""

from __future__ import annotations


class NotFastError(Exception):
    """The code layer cannot be replaced; the text is the reason, as a clause."""
