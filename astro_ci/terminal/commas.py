"""Warn of globs with a comma, which users may mean as several globs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from astro_ci.configuration import kinds
from astro_ci.configuration.config import options
from astro_ci.configuration.keys import Setting, Settings
from astro_ci.configuration.option import Option
from astro_ci.text import excerpt

log = logging.getLogger(__name__)


def warn_of_commas(settings: Iterable[Settings]) -> None:
    """Log a warning for each glob with a comma; `[,]` says that the comma belongs to the name."""
    rows = [row for row in options() if row.kind is kinds.GLOBS]
    for text in dict.fromkeys(found for one in settings for found in _warnings(one, rows)):
        log.warning("%s", text)


def _warnings(settings: Settings, rows: Iterable[Option]) -> Iterator[str]:
    for row in rows:
        setting = settings.get(row.field)
        for glob in setting.value if setting else ():
            if setting and "," in glob.replace("[,]", ""):
                yield (
                    f"{setting.source}: {excerpt(glob)} is one pattern, as a comma separates no "
                    f"patterns. {_remedy(row, setting)}; for a comma in a name, write [,]"
                )


def _remedy(row: Option, setting: Setting) -> str:
    if setting.source == row.flag:
        return f"Repeat {row.flag} for each pattern"
    if setting.source == row.variable:
        return "Write each pattern on a line of its own"
    return "Make each pattern an entry of the list"
