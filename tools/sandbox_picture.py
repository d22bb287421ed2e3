"""Take the picture of the sandbox's page that the documentation shows.

`python tools/sandbox_picture.py` writes docs/images/sandbox.png, with Chromium.
"""

from __future__ import annotations

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


def main() -> None:
    """Deploy to a sandbox, and photograph the Deployment's page."""
    start = time.time()
    with Sandbox(rollout_seconds=0, now=lambda: MOMENT + 60 * (time.time() - start)) as astro:
        deploy(astro, wait=1.5)
        url = f"{astro.api_url}/{astro.workspace_id}/deployments/{astro.deployments[0]['id']}"
        with chromium() as browser:
            page = browser.new_page(viewport=SIZE)
            page.goto(url)
            page.get_by_text("Live", exact=True).wait_for()
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
