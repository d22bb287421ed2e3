"""GitLab CI: collapsible sections, and outputs in a dotenv report.

Sources: docs.gitlab.com/ci/jobs/job_logs, docs.gitlab.com/ci/variables/dotenv_variables.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from astro_ci.ci.dialects.files import append, encoded, size
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean_line
from astro_ci.text import Regex

# A larger report fails the job that uploads it.
DOTENV_LIMIT_BYTES = 5 * 1024
DOTENV_VARIABLE = "ASTRO_CI_DOTENV"
# Not ASTRO_CI_: later jobs inherit the report, and would take our outputs for options.
OUTPUT_PREFIX = "ASTRO_RESULT_"

_JSON_OUTPUTS = {"plan"}
_CLEAR = "\x1b[0K"
_NOT_IN_A_NAME = Regex(r"[^a-z0-9]+")
log = logging.getLogger(__name__)


class GitLabDialect(PlainDialect):
    """Sections on the stream; outputs in the file that ASTRO_CI_DOTENV names.

    Masks cannot be added to a running job: only variables that the project masks are hidden.
    A section marker needs ESC and CR, so that no cleaned line can be one.
    """

    keeps_results = True

    def __init__(
        self, out: TextIO, env: Mapping[str, str], *, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(out)
        self._dotenv_file = env.get(DOTENV_VARIABLE, "")
        self._now = now
        self._sections = 0

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: a section, collapsed, named uniquely after its title."""
        self._sections += 1
        slug = _NOT_IN_A_NAME.sub("_", title.lower())[:40].strip("_")
        name = f"astro_ci_{self._sections}_{slug}"
        start = f"{_CLEAR}section_start:{self._time()}:{name}[collapsed=true]\r{_CLEAR}"
        self._put(start + self.safe_line(title))
        try:
            yield
        finally:
            self._put(f"{_CLEAR}section_end:{self._time()}:{name}\r{_CLEAR}")

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: `deploy-id` becomes ASTRO_RESULT_DEPLOY_ID.

        The format has no escapes. Line breaks become spaces; a `$`, which a later job would
        expand, becomes `_`; a value that would make the report too large is left out, and logged.
        JSON, which that would spoil, is left out as well.
        """
        if not self._dotenv_file or name in _JSON_OUTPUTS:
            return
        variable = OUTPUT_PREFIX + _NOT_IN_A_NAME.sub("_", name.lower()).upper()
        line = f"{variable}={clean_line(value).replace('$', '_').strip()}\n"
        path = Path(self._dotenv_file)
        if size(path) + len(encoded(line)) >= DOTENV_LIMIT_BYTES:
            log.warning("%s is left out of %s, which would exceed 5 KiB", variable, path.name)
            return
        append(path, line)

    def _time(self) -> int:
        return int(self._now())
