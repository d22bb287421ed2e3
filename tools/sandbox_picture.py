"""Take the picture of the sandbox's page that the documentation shows.

`python tools/sandbox_picture.py` writes docs/images/sandbox.png, with Chromium. The picture holds
the digest of what the page is made from, the templates and the style; `--check` compares that with
the files of today, and needs no browser.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from astro_ci.sandbox import Sandbox  # noqa: E402
from tests.browser import chromium  # noqa: E402
from tests.integration.sandbox.support import Client, push, upload  # noqa: E402
from tools.report_pictures import save, stamp  # noqa: E402

PAGES = ROOT / "astro_ci" / "sandbox" / "http" / "pages"
PICTURE = ROOT / "docs" / "images" / "sandbox.png"
SIZE = {"width": 1100, "height": 900}
MOMENT = 1_780_000_000.0
COMMITS = ("4f2a9c17e0" * 4, "9be01d37aa" * 4, "c07715e2f1" * 4)
FILES = {"dags/orders.py": 812, "dags/customers.py": 2310, "dags/refunds.py": 1210}


def bundle() -> bytes:
    """Make a small bundle."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, size in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    return raw.getvalue()


def git(sha: str) -> dict[str, str]:
    return {
        "provider": "GITHUB",
        "account": "ada",
        "repo": "analytics",
        "commitSha": sha,
        "branch": "main",
        "authorName": "Ada Lovelace",
        "commitUrl": f"https://github.com/ada/analytics/commit/{sha}",
    }


def deploy(astro: Sandbox, wait: float) -> None:
    """Give production a history: a first deploy, a change of DAGs, a failure."""
    client = Client(astro, None)
    first = client.create(
        "IMAGE_AND_DAG", description="Load the orders of the shop", git=git(COMMITS[0])
    )
    push(astro, first, "3.1-2", b"layer" * 2000)
    client.finalize(first, dagTarballVersion=upload(first, bundle()))
    time.sleep(wait)
    client.deploy_dags(bundle(), description="Book refunds as well", git=git(COMMITS[1]))
    time.sleep(wait)
    astro.fail_next_deploy("production")
    client.deploy_dags(bundle(), description="Try the new warehouse", git=git(COMMITS[2]))
    client.close()


def digest() -> str:
    """What tells one look of the page from another."""
    sources = sorted([*PAGES.glob("templates/*"), *PAGES.glob("static/*"), PAGES / "facts.py"])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def main() -> int:
    """Deploy to a sandbox, and photograph the Deployment's page; or compare."""
    if "--check" in sys.argv[1:]:
        if PICTURE.is_file() and stamp(PICTURE) == digest():
            return 0
        print(f"{PICTURE.name} is out of date: run `make pictures`", file=sys.stderr)
        return 1
    start = time.time()
    with Sandbox(rollout_seconds=0, now=lambda: MOMENT + 60 * (time.time() - start)) as astro:
        deploy(astro, wait=1.5)
        url = f"{astro.api_url}/{astro.workspace_id}/deployments/{astro.deployments[0]['id']}"
        with chromium() as browser:
            page = browser.new_page(viewport=SIZE)
            page.goto(url)
            page.get_by_text("Live", exact=True).wait_for()
            PICTURE.parent.mkdir(exist_ok=True)
            save(page.screenshot(), PICTURE, digest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
