"""How a shell reads its file."""

from __future__ import annotations

from pathlib import Path

from tests.surfaces.examples.system import DEPLOY, PLAN, Job, Secrets, System, one_file


def read_shell(path: Path, job: str, secrets: Secrets) -> Job:
    """Deploy is what it does when nothing else is asked for."""
    return Job(processes=((str(path), *([] if job == DEPLOY else [job])),), env=secrets)


SYSTEM = System(
    files=one_file("shell/deploy.sh"),
    read=read_shell,
    says={PLAN: {}, DEPLOY: {}},
    queues=[("shell/deploy.sh", (), "flock 9")],
)
