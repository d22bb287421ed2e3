"""The list of errors: what a run fails with is found in it, with its remedy."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.repository import Repository
from tests.surfaces.documentation.documents import DOCS, ROOT

PAGE = (DOCS / "errors.md").read_text()


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("messages")


def listed() -> dict[str, int]:
    """Each sentence of the page, and its exit code."""
    found: dict[str, int] = {}
    code = 0
    for line in PAGE.splitlines():
        if heading := re.fullmatch(r"## .*: exit code (\d+)", line):
            code = int(heading[1])
        if item := re.match(r"- (`+) ?(.+?) ?\1(?:<br>|$)", line):
            found[item[2]] = code
    return found


def fits(sentence: str, message: str) -> bool:
    """Whether a message is one of a sentence; most of it is the sentence's own."""
    pattern = ".*".join(map(re.escape, sentence.split("…")))
    return len(sentence) > 12 and re.fullmatch(pattern, message, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("words", "env", "code"),
    [
        (["plan", "--type", "nonsense"], {}, 2),
        (["plan", "--deployment-id", "x", "--deployment-name", "y"], {}, 2),
        (["plan", "--dags", "--image"], {}, 2),
        (["plan", "--base", "nowhere"], {}, 2),
        (["plan", "--project", "elsewhere"], {}, 3),
        (["plan", "--dags-path", "elsewhere"], {}, 3),
        (["deploy"], {}, 9),
        (["deploy"], {"ASTRO_API_TOKEN": "a b"}, 9),
        (["deploy"], {"ASTRO_API_TOKEN": '"x.y.z"'}, 9),
        (["deploy"], {"ASTRO_API_TOKEN": "x.y.z", "ASTRO_API_URL": "http://example.com"}, 2),
        (["init", "--ci", "nonsense"], {}, 3),
        (["deployment", "list"], {"ASTRONOMER_KEY_ID": "x"}, 9),
        (["parse", "--runner", "docker"], {}, 2),
        (["sandbox", "--data", "/dev/null/x"], {}, 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_found_in_the_list(
    words: list[str], env: dict[str, str], code: int, tmp_path: Path
) -> None:
    files = {"Dockerfile": "FROM scratch\n", "dags/a.py": "x = 1\n"}
    project = Repository.create(tmp_path / "project", files).root
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *words],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    error = re.search(r"^error: (.*?)(?=\n  hint|\nhint|\n *$|\Z)", done.stderr, re.M | re.S)
    assert error, done.stderr
    message = " ".join(error[1].split())
    assert done.returncode == code, message
    found = [known for sentence, known in listed().items() if fits(sentence, message)]
    assert code in found, message


def test_every_class_of_error_is_listed(messages: ModuleType) -> None:
    assert {*listed().values()} == {*messages.exit_codes().values()}


def test_the_sentences_are_read_from_the_code(messages: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "_HINT = 'change the side'\n"
        "class SpecialError(ProjectError): pass\n"
        "def f(x, flag):\n"
        "    where = 'the left' if flag else 'the right'\n"
        "    raise ConfigurationError(f'{x} is on {where} side', hint=_HINT)\n"
        "def g(x):\n"
        "    raise SpecialError('part one and ' 'part two', hint=x.hint)\n"
        "def h(x):\n"
        "    x = f'{x} and even more'\n"
        "    raise GitError(x) from x\n"
        "    raise ValueError('not ours at all')\n"
    )
    found = [(one.exit_code, one.text, one.hint) for one in messages.messages(tmp_path)]
    assert found == [
        (2, "… is on the left side", "change the side"),
        (2, "… is on the right side", "change the side"),
        (3, "part one and part two", ""),
        (4, "… and even more", ""),
    ]
