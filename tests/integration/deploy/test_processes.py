"""Related questions go to git in one process: starting it costs more than what it answers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from astro_ci.sandbox import Sandbox
from tests.integration.stage import stage


def test_a_small_deploy_starts_git_nine_times_at_most(tmp_path: Path) -> None:
    log, script, git = tmp_path / "log", tmp_path / "bin/git", shutil.which("git")
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$*" >> {log}\nexec {git} "$@"\n')
    script.chmod(0o755)
    with Sandbox(rollout_seconds=0) as astro:
        world = stage(tmp_path, astro)
        assert world.command("deploy", "--dags").code == 0
        world.project.write({"dags/a.py": "a = 2\n"})
        world.project.commit()
        path = f"{script.parent}:{os.environ['PATH']}"
        assert world.command("deploy", "--dags", env={**world.env, "PATH": path}).code == 0
        assert world.running_dags()["dags/a.py"] == b"a = 2\n"
    commands = log.read_text().splitlines()
    assert 0 < len(commands) <= 9, "\n".join(commands)
