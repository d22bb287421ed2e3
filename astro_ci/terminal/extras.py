"""Name the extra to install for a verb that needs optional packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from astro_ci.errors import ConfigurationError


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Convert a missing package's ImportError in the block to an error that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("astro_ci"):  # no extra installs it
            raise
        raise ConfigurationError(
            f"the {extra} needs a package that is not installed: {error.name}",
            hint=f"Install astro-ci with its extra: pip install 'astro-ci[{extra}]'.",
        ) from error
