"""Take the pictures of job summaries and comments that the documentation shows, with Chromium.

`python tools/report_pictures.py` writes docs/images/report-*.png, at the width of a desktop and of
a telephone. Each picture holds the digest of the page that it shows; `--check` compares those with
the pages as they would be now, and needs no browser.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from astro_ci.errors import DockerError  # noqa: E402
from astro_ci.finding import Checked, Finding  # noqa: E402
from astro_ci.model import Change, DeployType, Plan, Status  # noqa: E402
from astro_ci.reporting import verb  # noqa: E402
from astro_ci.reporting.markdown.pages import Setting  # noqa: E402
from astro_ci.reporting.report import Report  # noqa: E402
from astro_ci.reporting.summary import summary  # noqa: E402
from astro_ci.reporting.target_result import TargetResult  # noqa: E402
from tests.browser import chromium  # noqa: E402
from tests.unit.reporting.forges import GITHUB  # noqa: E402
from tests.unit.reporting.samples import (  # noqa: E402
    DAGS,
    IMAGE,
    NOTHING,
    PLAN,
    RESULT,
    several,
    target,
)

IMAGES = ROOT / "docs" / "images"
WIDTHS: Mapping[str, int] = {"desktop": 900, "phone": 390}
RUN = "https://github.com/acme/etl/actions/runs/1"
STYLE = """
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif, "Noto Color
  Emoji"; color: #1f2328; margin: 16px; overflow-wrap: anywhere }
h3 { font-size: 1.25em; margin: 0 0 12px } p, table, ul, pre, details { margin: 0 0 12px }
table { border-collapse: collapse; display: block; overflow: auto; width: max-content;
  max-width: 100% }
th, td { border: 1px solid #d1d9e0; padding: 5px 12px; text-align: left; overflow-wrap: normal }
code, pre { font: 85% ui-monospace, "DejaVu Sans Mono", monospace; background: #f0f1f3;
  border-radius: 6px; padding: .15em .35em } pre { padding: 12px; overflow: auto }
a { color: #0969da } ul { padding-left: 2em } summary { cursor: pointer }
"""
KEYWORD = "Page"
"""Of the text that holds the digest of the page."""


def pages() -> Iterator[tuple[str, str]]:
    """The name and the HTML of each picture."""
    for name, markdown in (
        ("plan", summary(_planned(), Setting(is_merge=True, run_url=RUN))),
        ("deploy", summary(_deployed(), Setting(run_url=RUN))),
        ("failure", summary(_failed(), Setting(run_url=RUN))),
        ("several", summary(several(_plan()), Setting(run_url=RUN))),
    ):
        yield name, f"<meta charset=utf-8><style>{STYLE}</style>{GITHUB.render(markdown)}"


def _plan() -> Plan:
    """A change of each part."""
    is_ = {"image": (IMAGE, "is built into the image"), "dags": (DAGS, "is under dags/")}
    changed = [
        ("requirements.txt", Status.MODIFIED, *is_["image"]),
        ("plugins/op.py", Status.ADDED, *is_["image"]),
        *((f"dags/orders_{n:02}.py", Status.MODIFIED, *is_["dags"]) for n in range(11)),
        ("dags/refunds.py", Status.DELETED, *is_["dags"]),
        ("README.md", Status.MODIFIED, NOTHING, "is ignored by default: *.md"),
    ]
    changes = [
        Change(path=path, status=status, parts=parts, because=because)
        for path, status, parts, because in changed
    ]
    return replace(
        PLAN,
        deploy_type=DeployType.IMAGE_AND_DAGS,
        reason="the image changed since bbbbbbb: requirements.txt, which the image is made from",
        changes=changes,
        dirty=False,
        title="Load the orders of the shop",
        assumptions=(),
    )


def _planned() -> Report:
    finding = Finding(
        path="dags/orders_03.py",
        line=12,
        rule="airflow-AIR311",
        severity="warning",
        message="`airflow.DAG` is removed in Airflow 3.0",
    )
    checked = Checked.of("static", [finding], files=15)
    plan = replace(_plan(), checks=(checked,))
    return Report(verb=verb.PLAN, results=[TargetResult(target=target("prod"), plan=plan)])


def _deployed() -> Report:
    result = replace(
        RESULT,
        plan=_plan(),
        image_tag="deploy-2026-11-26T19-47-27",
        bundle_version="2026-11-26T19:47:27.86Z",
        url="https://cloud.astronomer.io/w/deployments/d",
        duration_seconds=74.2,
        phases={"survey": 0.6, "build": 41.8, "push": 12.4, "upload": 0.3, "rollout": 19.1},
    )
    return Report(
        verb=verb.DEPLOY, results=[TargetResult(target=target("prod"), deploy_result=result)]
    )


def _failed() -> Report:
    error = DockerError(
        "the image was not built: Dockerfile:4: RUN pip install pandas==9 ended with exit code 1\n"
        "ERROR: Could not find a version that satisfies the requirement pandas==9\n"
        "ERROR: No matching distribution found for pandas==9".replace("\\\n", "\n"),
        hint="Correct line 4 of the Dockerfile, or what the step needs.",
    )
    return Report(
        verb=verb.DEPLOY, results=[TargetResult(target=target("prod"), plan=_plan(), error=error)]
    )


def digest(html: str) -> str:
    """What tells one page from another."""
    return hashlib.sha256(html.encode()).hexdigest()


def save(png: bytes, path: Path, text: str) -> None:
    """Write a picture in few bytes, with a text in it."""
    info = PngInfo()
    info.add_text(KEYWORD, text)
    with Image.open(io.BytesIO(png)) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        small.save(path, optimize=True, pnginfo=info)


def stamp(path: Path) -> str:
    """The text of a picture; empty when there is none."""
    with Image.open(path) as picture:
        return str(picture.info.get(KEYWORD, ""))


def stale() -> list[str]:
    """The pictures that are missing, or show an older page."""
    paths = [(_path(name, kind), html) for name, html in pages() for kind in WIDTHS]
    return [path.name for path, html in paths if not path.is_file() or stamp(path) != digest(html)]


def _path(name: str, kind: str) -> Path:
    return IMAGES / f"report-{name}-{kind}.png"


def main() -> int:
    """Write the pictures, or compare."""
    if "--check" in sys.argv[1:]:
        for name in (found := stale()):
            print(f"{name} is out of date: run `make pictures`", file=sys.stderr)
        return 1 if found else 0
    with chromium() as browser:
        for kind, width in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": 200})
            for name, html in pages():
                page.set_content(html)
                png = page.screenshot(full_page=True)
                save(png, _path(name, kind), digest(html))
    return 0


if __name__ == "__main__":
    sys.exit(main())
