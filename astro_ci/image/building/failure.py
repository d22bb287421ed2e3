"""Find in a build's output why it failed: the step, its line in the Dockerfile, its last output."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from msgspec import Struct

from astro_ci.text import Regex, shorten

_SHOWN_LINES = 20
_LONGEST = 160
_STEP_ERROR = Regex(r"#(\d+) ERROR: (.*)")
_STEP_OUTPUT = Regex(r"\d+\.\d+ (.*)")
_PLACE = Regex(r"^(\S[^:]*):(\d+)$")
_EXIT_CODE = Regex(r"(?:exit code|non-zero code): (\d+)")
_NUMBER = Regex(r"^\[[^\]]*\d+/\d+\] |^Step \d+/\d+ : ")
_SOLVE = Regex(r"^(?:failed to solve: )?(?:failed to \w+ cache key: )?")
_CLASSIC_NOISE = ("Removing intermediate container", " ---> ")


class Failure(Struct, frozen=True, kw_only=True):
    """The facts about a failed build. Empty and None stand for unknown facts."""

    cause: str
    """The instruction and its exit code, or the message of the builder."""
    line: int | None
    """The line of the Dockerfile."""
    said: Sequence[str]
    """The last lines of the failed step's output."""


def find_failure(output: Sequence[str], problem: str, dockerfile: str) -> Failure:
    """Read the last lines of a build; `problem` is the builder's message."""
    failed = [match for line in output if (match := _STEP_ERROR.match(line))]
    if failed:
        number, error = failed[-1].groups()
        own = [line.removeprefix(f"#{number} ") for line in output if _is_of(line, number)]
        title = own[0] if own and _NUMBER.search(own[0]) else ""
        said = [match[1] for line in own if (match := _STEP_OUTPUT.match(line))]
    else:
        error, (title, said) = problem, _classic_step(output)
    instruction = _collapsed(_NUMBER.sub("", title))
    line = _named_line(output) or line_of(dockerfile, instruction)
    return Failure(cause=_cause(instruction, error, line), line=line, said=said[-_SHOWN_LINES:])


def line_of(dockerfile: str, instruction: str) -> int | None:
    """Return the line of an instruction; None when it is not there, or is there more than once."""
    if not instruction:
        return None
    wanted, found = _collapsed(instruction), []
    lines = dockerfile.splitlines()
    for number, _ in enumerate(lines):
        if _collapsed(_from(lines[number:])) == wanted:
            found.append(number + 1)
    return found[0] if len(found) == 1 else None


def _cause(instruction: str, error: str, line: int | None) -> str:
    place = f"Dockerfile:{line}: " if line else ""
    code = _EXIT_CODE.search(error)
    if instruction and code:
        return f"{place}{shorten(instruction, _LONGEST)} ended with exit code {code[1]}"
    said = _SOLVE.sub("", error)
    return f"{place}{shorten(instruction, _LONGEST)}: {said}" if instruction else place + said


def _classic_step(output: Sequence[str]) -> tuple[str, list[str]]:
    """Return the title and the output of the classic builder's last step."""
    lines = [line for line in output if line.strip() and not line.startswith(_CLASSIC_NOISE)]
    steps = [number for number, line in enumerate(lines) if line.startswith("Step ")]
    return (lines[steps[-1]], lines[steps[-1] + 1 :]) if steps else ("", lines)


def _named_line(output: Sequence[str]) -> int | None:
    """Return the line number that BuildKit names above the lines that it quotes."""
    for place, below in itertools.pairwise(output):
        if below.startswith("-----") and (found := _PLACE.match(place)):
            return int(found[2])
    return None


def _is_of(line: str, number: str) -> bool:
    return line.startswith(f"#{number} ")


def _from(lines: Sequence[str]) -> str:
    """Join an instruction with its continuation lines."""
    taken = []
    for line in lines:
        taken.append(line.rstrip().removesuffix("\\"))
        if not line.rstrip().endswith("\\"):
            break
    return " ".join(taken)


def _collapsed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
