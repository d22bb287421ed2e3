"""`sandbox` as a command: what it prints, and what it says when it cannot start."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "astro_ci")
WITHOUT_THE_EXTRA = """
import sys
sys.modules["starlette"] = sys.modules["uvicorn"] = None
from astro_ci.__main__ import main
sys.argv[0] = "astro-ci"
main()
"""


def refusal(*words: str) -> str:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, ""), done
    return done.stderr


def test_it_prints_exports_and_comments_alone() -> None:
    """Whoever sources it deploys nothing."""
    with subprocess.Popen(
        [*COMMAND, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.terminate()
        lines = [first, *process.stdout]
    assert process.returncode == 0
    kinds = re.compile(r"#|export \w+=\S+( +#.*)?$")
    assert [line for line in lines if not kinds.match(line.rstrip())] == []
    exported = re.findall(r"^export (\w+)", "".join(lines), re.MULTILINE)
    assert exported == ["ASTRO_API_URL", "ASTRO_API_TOKEN", "ASTRO_DEPLOYMENT_ID"]
    assert "astro-ci deploy" in lines[-1]


@pytest.mark.parametrize("path", ["/dev/null/x", "/dev/null"])
def test_a_directory_that_is_none(path: str) -> None:
    said = refusal("sandbox", "--port", "0", "--data", path)
    assert f"error: the sandbox cannot keep its state in {path}: " in said
    assert "--data" in said
    assert "port" not in said


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("sandbox", "--port", str(port))
    assert f"cannot listen on port {port} of localhost: Address already in use" in said
    assert "Another program uses this port, perhaps another sandbox." in said
    assert "--port 0" in said


def test_the_usual_port_is_that_of_jupyter(tmp_path: Path) -> None:
    from astro_ci.sandbox.http.server import _cause

    assert "Jupyter" in _cause(8888, OSError(98, "Address already in use"))


@pytest.mark.parametrize("verb", ["sandbox", "demo"])
def test_without_the_extra(verb: str) -> None:
    command = [sys.executable, "-c", WITHOUT_THE_EXTRA, verb]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "error: the sandbox needs a package that is not installed: " in done.stderr
    assert "pip install 'astro-ci[sandbox]'" in done.stderr
    assert "Traceback" not in done.stderr
