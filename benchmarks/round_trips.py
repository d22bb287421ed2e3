"""How many round trips a deploy waits for, one after the other, when Astro is far away.

Between the deploy and a sandbox stand proxies that delay, one for the API and one for the blob
store: `(wall when far - wall when near) / round trip` is the critical path in round trips, the
opening of connections included. The engine pushes images to the sandbox's registry directly, so a
full deploy counts what we wait for ourselves. The baseline sends the five requests that a deploy
of DAGs cannot do without, one after the other, on two connections that are kept: an `http.client`
script of its own, which neither looks at the checkout nor packs anything.

All is measured in turn in the same run, and the best of each is compared, since whatever else the
machine does only adds.

Usage: python benchmarks/round_trips.py [--milliseconds N] [--repeat N] [--image]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from common import RUNTIME, SCRIPT, Cost, best, cost_of, deploy_once, environment, project
from distance import Distance

from astro_ci.image.engine import connect
from astro_ci.sandbox import Sandbox
from tests.e2e.images import runtime_image

FULL = "full deploy"
MOST_DAGS, MOST_FULL, MOST_OF_BASELINE = 5.5, 7.0, 1.2
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere"}
"""An engine that is busy takes as long as a round trip to say that it has no image to check in."""
DEPLOY = [str(SCRIPT), "deploy", "--no-wait", "--no-parse", "--type"]
BASELINE = """
import http.client, json, os
from urllib.parse import urlsplit

def ask(connection, method, path, body, headers):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status < 300, content
    return answer, content

api = http.client.HTTPConnection(urlsplit(os.environ["ASTRO_API_URL"]).netloc)
headers = {
    "Authorization": "Bearer " + os.environ["ASTRO_API_TOKEN"], "Content-Type": "application/json"
}
path = f"/v1/organizations/{os.environ['ORGANIZATION']}/deployments/"
path += os.environ["ASTRO_DEPLOYMENT_ID"]
ask(api, "GET", path, None, headers)
ask(api, "GET", path + "/deploys", None, headers)
_, content = ask(api, "POST", path + "/deploys", json.dumps({"type": "DAG_ONLY"}), headers)
deploy = json.loads(content)
url = urlsplit(deploy["dagsUploadUrl"])
blob = http.client.HTTPConnection(url.netloc)
block = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2023-11-03"}
answer, _ = ask(blob, "PUT", f"{url.path}?{url.query}", b"a bundle", block)
body = json.dumps({"dagTarballVersion": answer.headers["x-ms-version-id"]})
ask(api, "POST", f"{path}/deploys/{deploy['id']}/finalize", body, headers)
"""


class Distant(Sandbox):
    """A sandbox whose API and blob store are some way off."""

    def __init__(self, api: Distance, blobs: Distance) -> None:
        super().__init__(rollout_seconds=0)
        self._api, self._blobs = api, blobs
        self.start()
        for way in (api, blobs):
            way.lead_to(self.port)
        deploy_once(self)

    @property
    def api_url(self) -> str:
        """Where the upload URLs lead."""
        return self._blobs.url

    def environment(self) -> dict[str, str]:
        """What points a deploy here."""
        named = environment(self, self._api.url)
        return {**named, "ORGANIZATION": self.organization_id}


@contextmanager
def distant(round_trip_seconds: float) -> Iterator[Distant]:
    """A sandbox at this distance."""
    with ExitStack() as stack:
        ways = [stack.enter_context(Distance(round_trip_seconds)) for _ in range(2)]
        astro = Distant(*ways)
        stack.callback(astro.stop)
        yield astro


def measure(root: Path, seconds: float, repeat: int, *, with_image: bool) -> None:
    """Print the table, and the figures that it comes to."""
    with distant(0) as near, distant(seconds) as far:
        places = {"near": near.environment(), "far": far.environment()}
        commands = {
            "five requests": [sys.executable, "-c", BASELINE],
            "DAG-only deploy": [*DEPLOY, "dags"],
        }
        if with_image:
            commands[FULL] = [*DEPLOY, "image-and-dags"]

        def row(name: str, place: str) -> Callable[[], Cost]:
            env = places[place] if name == FULL else places[place] | NO_ENGINE
            return lambda: cost_of(commands[name], root, env)

        costs = best(repeat, {f"{name}, {at}": row(name, at) for name in commands for at in places})
    for name, cost in costs.items():
        print(f"{name:24} wall {cost.wall * 1000:6.0f} ms   CPU {cost.cpu * 1000:6.0f} ms")
    for name in commands:
        trips = (costs[f"{name}, far"].wall - costs[f"{name}, near"].wall) / seconds
        goal = {"DAG-only deploy": MOST_DAGS, FULL: MOST_FULL}.get(name)
        print(f"{name:24} {trips:5.1f} round trips" + (f", at most {goal}" if goal else ""))
    ratio = costs["DAG-only deploy, far"].wall / costs["five requests, far"].wall
    print(f"DAG-only deploy, far: {ratio:.2f} of the five requests, at most {MOST_OF_BASELINE}")


def main() -> None:
    """Make the project and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--milliseconds", type=float, default=80)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--image", action="store_true", help="also a full deploy; needs Docker")
    options = parser.parse_args()
    print(
        f"{options.repeat} runs, {options.milliseconds:.0f} ms a round trip, "
        f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs"
    )
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="astro-ci-trips-"))
        base = RUNTIME
        if options.image:
            engine = connect(os.environ)
            stack.callback(engine.close)
            base = stack.enter_context(runtime_image(engine))
        root = project(Path(scratch), base)
        measure(root, options.milliseconds / 1000, options.repeat, with_image=options.image)


if __name__ == "__main__":
    main()
