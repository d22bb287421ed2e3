"""Words are completed in a real shell, by the script that `completion` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
BASH = """\
eval "$(astro-ci completion bash)"
COMP_WORDS=({words})
COMP_CWORD={last}
_astro_ci_completion astro-ci
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """\
autoload -U compinit && compinit -u -d {dump}
eval "$(astro-ci completion zsh)"
whence -w _astro_ci_completion
print -r -- ${{_comps[astro-ci]}}
"""
FISH = """\
astro-ci completion fish | source
complete --do-complete '{line}'
"""


def shell(name: str, script: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"no {name} on PATH")
    env = {**os.environ, "PATH": f"{SCRIPTS}:{os.environ['PATH']}"}
    done = subprocess.run([program, "-c", script], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def bash(*words: str) -> set[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    return set(shell("bash", BASH.format(words=quoted, last=len(words) - 1)).split())


def test_verbs_are_completed() -> None:
    assert bash("astro-ci", "de") == {"deploy", "deployment", "demo"}


def test_options_and_their_words_are_completed() -> None:
    assert {"--deployment-id", "--deployment-name"} <= bash("astro-ci", "deploy", "--depl")
    assert bash("astro-ci", "deploy", "--type", "image") == {
        "image",
        "image-and-dags",
        "image-only",
    }
    assert bash("astro-ci", "deployment", "hi") == {"history"}


def test_zsh_knows_the_function(tmp_path: Path) -> None:
    told = shell("zsh", ZSH.format(dump=tmp_path / "dump"))
    assert "_astro_ci_completion: function" in told


def test_fish_completes() -> None:
    assert "deployment" in shell("fish", FISH.format(line="astro-ci depl"))


def test_another_shell_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", "completion", "tcsh"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
