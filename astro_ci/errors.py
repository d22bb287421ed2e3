"""Everything that can go wrong on purpose, one class per exit code.

AstroCIError                    message: one sentence; hint: what to change; exit_code
├── ConfigurationError     2    a bad, missing or contradictory option
├── ProjectError           3    the directory is not something that can be deployed
├── CommandError           4    a tool failed
│   ├── GitError
│   ├── DockerError
│   ├── RegistryError
│   └── OutputError
├── ApiError               5    the Astro API, or its blob store, refused or could not be reached
│   ├── NotFoundError
│   └── UnavailableError
├── CheckFailedError       6    a check failed: static, parse or pytest
├── DeployFailedError      7    Astro reported that the deploy failed
├── DeployTimeoutError     8    still in progress when the wait ran out
├── AuthenticationError    9    credentials missing, malformed, expired or refused
├── OutdatedPlanError     11   what a saved plan was about has changed since
├── CancelledError     130|143  SIGINT or SIGTERM
└── BugError               1    any other exception; its traceback is printed before
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from astro_ci.model import DeployResult


SPACE_HINT = "Free some space there, or set TMPDIR to a directory with more space."
OUTPUT_HINT = "Send standard output to a place that can be written to, and run the command again."
RUN_AGAIN_HINT = "Run the job again: the plan compares with what is deployed, so nothing is lost."
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class AstroCIError(Exception):
    """A failure with a sentence, a remedy and an exit code.

    The message says what was attempted and what came back; the hint says what to change.
    Neither may hold a secret: both are printed, annotated and written to summaries.
    """

    exit_code: int = 1
    result: DeployResult | None = None
    """How far the deploy came, when one was under way."""
    had_no_effect: bool = False
    """The request that failed certainly changed nothing at Astro."""
    was_refused: bool = False
    """The request was refused, and nothing tells for sure that it had no effect."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def saying(self, message: str) -> Self:
        """Return the same failure with another message."""
        found = type(self).__new__(type(self), message)
        found.__dict__.update(self.__dict__, message=message)
        return found

    @property
    def deploy_id(self) -> str:
        """The deploy that was under way; empty when there was none."""
        return self.result.deploy_id if self.result else ""


class ConfigurationError(AstroCIError):
    """An option is missing, malformed or contradicts another."""

    exit_code = 2


class ProjectError(AstroCIError):
    """The directory is not an Astro project, or holds something that cannot be deployed."""

    exit_code = 3


class CommandError(AstroCIError):
    """An external tool failed; the message ends with the output of the tool."""

    exit_code = 4


class GitError(CommandError):
    """git failed, or is not installed."""


class DockerError(CommandError):
    """The Docker Engine, its command line or a build failed."""


class RegistryError(CommandError):
    """The image registry refused a push, or could not be reached."""


class OutputError(CommandError):
    """The result could not be written to standard output; what was done is done."""


class ApiError(AstroCIError):
    """The Astro API or its blob store refused a request; `status` is None without an answer.

    `is_clear` when Astro itself said no, so that the request had no effect.
    """

    exit_code = 5

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        is_clear: bool = False,
    ) -> None:
        if request_id:
            message = f"{message} (request id {request_id})"
        super().__init__(message, hint=hint)
        self.status = status
        self.request_id = request_id
        self.is_clear = is_clear


class NotFoundError(ApiError):
    """The named Organization, Deployment or deploy does not exist, or the token cannot see it."""


class UnavailableError(ApiError):
    """The service could not be reached, or kept answering 408, 429 or 5xx."""

    never_arrived: bool = False
    """No connection was made, so the request had no effect."""
    retry_after_seconds: float | None = None
    """The Retry-After of the service."""


class CheckFailedError(AstroCIError):
    """A check of the DAGs or of the project failed, or was not possible."""

    exit_code = 6


class DeployFailedError(AstroCIError):
    """Astro reports that the deploy failed."""

    exit_code = 7


class DeployTimeoutError(AstroCIError):
    """The wait time was over before the deploy was live, or before the Deployment was awake."""

    exit_code = 8


class OutdatedPlanError(AstroCIError):
    """With `--plan`: what is checked out, or what runs, is no longer what was planned."""

    exit_code = 11


class AuthenticationError(AstroCIError):
    """Credentials are missing, malformed, expired or refused."""

    exit_code = 9


def of_the_disk(error: Exception) -> CommandError | None:
    """Make the error for a full disk, wherever the failed write was noticed."""
    if not isinstance(error, OSError) or error.errno not in _DISK_ERRORS:
        return None
    name = error.filename if isinstance(error.filename, str) else "a file"
    return CommandError(f"{name} could not be written: {error.strerror}", hint=SPACE_HINT)


class CancelledError(AstroCIError):
    """The run was stopped by SIGINT (130) or SIGTERM (143)."""

    def __init__(self, message: str, *, hint: str = "", signal_number: int) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


class BugError(AstroCIError):
    """A bug of ours, with a traceback."""

    def __init__(self, cause: Exception) -> None:
        # What the cause says is in the traceback, for the log alone: it may be anything.
        super().__init__(
            f"a bug in astro_ci ended the run ({type(cause).__name__})",
            hint="Report it with the traceback from the log. After a deploy, look at the "
            "Deployment's page in Astro, which shows whether the deploy was made, and run the "
            "job again.",
        )
