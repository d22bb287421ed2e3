"""Record the picture of a plan and its deploy that the README shows, from a run on the sandbox.

`python tools/terminal_picture.py` writes docs/images/plan-and-deploy.svg, `--check` compares it
with a new run. The picture needs no network: it names no font to load.
"""

from __future__ import annotations

import difflib
import fcntl
import itertools
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from astro_ci.sandbox import Sandbox  # noqa: E402
from tests.deployed import deploy_first  # noqa: E402
from tests.repository import Repository  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "plan-and-deploy.svg"
TITLE = "astro-ci plan, astro-ci deploy"
WIDTH, HEIGHT = 100, 200
MOMENT = "2026-05-28T20:26:40+00:00"
COMMANDS = ("plan", "deploy")
_COLOURS = {"brown": "yellow", "default": "default"}


def record() -> list[Text]:
    """Plan and deploy a changed DAG on a terminal, and return the lines of its screen."""
    with Sandbox(rollout_seconds=0.5) as astro, tempfile.TemporaryDirectory() as scratch:
        env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": scratch,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ASTRO_API_URL": astro.api_url,
            "ASTRO_API_TOKEN": astro.token,
            "ASTRO_DEPLOYMENT_ID": str(astro.deployments[0]["id"]),
            "GIT_AUTHOR_DATE": MOMENT,
            "GIT_COMMITTER_DATE": MOMENT,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{role}_NAME": "Ada Lovelace" for role in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{role}_EMAIL": "ada@example.com" for role in ("AUTHOR", "COMMITTER")},
        }
        os.environ.update({name: value for name, value in env.items() if name.startswith("GIT_")})
        repository = _project(Path(scratch) / "analytics")
        deploy_first(astro, repository, env, title="Load the orders of the shop")
        _change(repository)
        screen = pyte.Screen(WIDTH, HEIGHT)
        stream = pyte.ByteStream(screen)
        for verb in COMMANDS:
            stream.feed(f"\x1b[32m$\x1b[0m astro-ci {verb}\r\n".encode())
            stream.feed(_on_a_terminal(["astro-ci", verb], repository.root, env))
            stream.feed(b"\r\n")
    return _lines(screen)


def _project(root: Path) -> Repository:
    shutil.copytree(ROOT / "examples" / "astro-project", root)
    repository = Repository.create(root)
    repository.git("remote", "add", "origin", "https://github.com/ada/analytics.git")
    repository.commit("Load the orders of the shop")
    return repository


def _change(repository: Repository) -> None:
    root = repository.root
    (root / "dags" / "orders.py").open("a").write("\n# Refunds are booked as well.\n")
    (root / "README.md").open("a").write("\nRefunds are orders, too.\n")
    repository.commit("Book refunds as well")


def _on_a_terminal(command: list[str], cwd: Path, env: Mapping[str, str]) -> bytes:
    """Run a command on a terminal of its own, and return what the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    process = subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    found = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how the end of a terminal is told
            break
        if not part:
            break
        found += part
    os.close(ours)
    if process.wait():
        raise SystemExit(f"{' '.join(command)} failed:\n{found.decode()}")
    return bytes(found)


def _lines(screen: pyte.Screen) -> list[Text]:
    """The screen, without what is empty at the end of lines and at its own."""
    last = max(index for index, line in enumerate(screen.display) if line.strip())
    lines = []
    for row in range(last + 1):
        cells = [screen.buffer[row][column] for column in range(WIDTH)]
        line = Text()
        for style, same in itertools.groupby(cells, key=_style):
            line.append("".join(cell.data for cell in same), style)
        line.rstrip()
        lines.append(line)
    return lines


def _style(cell: pyte.screens.Char) -> Style:
    return Style(
        color=_colour(cell.fg),
        bgcolor=_colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    name = _COLOURS.get(name, name)
    return f"bright_{name.removeprefix('bright')}" if name.startswith("bright") else name


def drawn(lines: list[Text]) -> str:
    """The picture: the lines in a window, with no font that would have to be loaded."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            width=WIDTH, record=True, file=nowhere, color_system="truecolor", force_terminal=True
        )
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop")
    svg = console.export_svg(title=TITLE, theme=DIMMED_MONOKAI, unique_id="plan")
    svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<!--.*?-->", "", svg)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def words(svg: str) -> list[str]:
    """What stays the same from run to run: the words without figures, hashes, ids and places."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", svg)
    text = " ".join(texts).replace("&#160;", " ").replace("&#xA0;", " ").replace("\u00a0", " ")
    return re.findall(r"(?<!\S)[^\s\d/]+(?!\S)", text)


def main() -> int:
    """Write the picture, or compare."""
    new = drawn(record())
    if "--check" not in sys.argv[1:]:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(new)
        return 0
    old = words(PICTURE.read_text())
    if old == words(new):
        return 0
    different = difflib.unified_diff(old, words(new), "the picture", "a run", lineterm="", n=1)
    print(
        "\n".join(["the picture is out of date: run `make picture`", *different]), file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
