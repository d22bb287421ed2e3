"""One directory for all temporary files of a run, removed at the end, however the run ended."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from astro_ci.errors import CommandError

_PAUSE_SECONDS = 0.02


class Scratch:
    """Makes the directory, and has `tempfile` use it.

    A signal may arrive after a temporary directory is made and before the statement that would
    remove it: this directory then holds the rest. Raises CommandError where no file can be written.
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
        """Remove the directory; try for a while, as our own processes may still write to it."""
        tempfile.tempdir = self._before
        over = time.monotonic() + seconds
        shutil.rmtree(self.path, ignore_errors=True)
        while self.path.exists() and time.monotonic() < over:
            time.sleep(_PAUSE_SECONDS)
            shutil.rmtree(self.path, ignore_errors=True)
