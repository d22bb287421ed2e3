"""One directory for all temporary files of a run, which is always removed at the end."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from astro_ci.errors import CommandError

_PAUSE_SECONDS = 0.02


class Scratch:
    """Makes the directory, and lets `tempfile` use it.

    A signal may arrive after a temporary directory is made and before the statement that removes
    it. Then the removal of this directory also removes that directory. Raises CommandError when no
    file can be written.
    """

    def __init__(self) -> None:
        self._before = tempfile.tempdir
        try:
            self.outside = Path(tempfile.gettempdir())
            """The directory for temporary files that outlive the run."""
        except FileNotFoundError as error:
            raise CommandError(
                "there is no directory for temporary files that this job can write to",
                hint="Set TMPDIR to a directory that this job can write to.",
            ) from error
        self.path = Path(tempfile.mkdtemp(prefix="astro-ci-"))
        tempfile.tempdir = str(self.path)

    def remove(self, *, seconds: float = 1.0) -> None:
        """Remove the directory; try several times, as child processes may still write to it."""
        tempfile.tempdir = self._before
        over = time.monotonic() + seconds
        shutil.rmtree(self.path, ignore_errors=True)
        while self.path.exists() and time.monotonic() < over:
            time.sleep(_PAUSE_SECONDS)
            shutil.rmtree(self.path, ignore_errors=True)
