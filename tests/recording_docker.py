"""A docker command for PATH that notes how it is called: what no builder here can be made to do."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUILDX_USAGE = "--load --secret --provenance --sbom"

SCRIPT = """\
#!{python}
import json, os, re, shutil, sys
here = {here!r}
arguments = sys.argv[1:]
plan = json.load(open(os.path.join(here, "plan.json")))
if arguments[-1:] == ["--help"]:
    print(plan["usage"])
    sys.exit(0)
if arguments[:2] == ["buildx", "inspect"]:
    found = plan["builders"].get(arguments[-1])
    if found is None:
        sys.stderr.write(f'ERROR: no builder "{{arguments[-1]}}" found\\n')
        sys.exit(1)
    print(found)
    sys.exit(0)
context = sys.stdin.buffer.read()
with open(os.path.join(here, "calls.jsonl"), "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
with open(os.path.join(here, "context.tar"), "wb") as out:
    out.write(context)
place = next((one for one in arguments if one.startswith("--output=")), "")
if place and plan["archive"]:
    shutil.copy(plan["archive"], re.search('"dest=(.*)"', place)[1])
for line in plan["says"]:
    print(line, flush=True)
sys.exit(plan["code"])
"""


@dataclass(frozen=True)
class RecordingDocker:
    """The directory to put on PATH; what it was called with."""

    directory: Path

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each build."""
        file = self.directory / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def recording_docker(
    directory: Path,
    *,
    builders: dict[str, str] | None = None,
    archive: Path | None = None,
    usage: str = BUILDX_USAGE,
    says: tuple[str, ...] = (),
    code: int = 0,
) -> RecordingDocker:
    """Make the command. `builders` is what `buildx inspect` says of each builder.

    A build whose result is an archive gives a copy of `archive`.
    """
    directory.mkdir()
    plan: dict[str, Any] = {
        "builders": builders or {},
        "archive": str(archive) if archive else "",
        "usage": usage,
        "says": says,
        "code": code,
    }
    (directory / "plan.json").write_text(json.dumps(plan))
    command = directory / "docker"
    command.write_text(SCRIPT.format(python=sys.executable, here=str(directory)))
    command.chmod(0o755)
    return RecordingDocker(directory)
