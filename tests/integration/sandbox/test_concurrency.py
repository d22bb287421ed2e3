"""Many clients at once."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, push, upload

CLIENTS = 8


def test_blocks_are_put_side_by_side(api: Client, astro: Sandbox) -> None:
    deploy = api.create("DAG_ONLY")
    url = deploy["dagsUploadUrl"]
    blocks = {
        base64.b64encode(f"{number:04d}".encode()).decode(): bytes([number]) * 100_000
        for number in range(32)
    }

    def put(item: tuple[str, bytes]) -> int:
        query = f"comp=block&blockid={quote(item[0])}"
        return requests.put(f"{url}&{query}", item[1], timeout=30).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert set(pool.map(put, blocks.items())) == {201}
    listed = "".join(f"<Latest>{identity}</Latest>" for identity in blocks)
    answer = requests.put(f"{url}&comp=blocklist", f"<BlockList>{listed}</BlockList>", timeout=30)
    api.finalize(deploy, dagTarballVersion=answer.headers["x-ms-version-id"])

    assert astro.bundle("production") == b"".join(blocks.values())


def test_deploys_side_by_side_keep_apart(astro: Sandbox) -> None:
    def deploy(number: int) -> tuple[str, str, bytes]:
        client = Client(astro, None)
        name = ("production", "development")[number % 2]
        content = f"dags {number}".encode()
        made = client.create("IMAGE_AND_DAG", name, description=str(number))
        push(astro, made, layer=content)
        version = upload(made, content)
        done = client.finalize(made, name, dagTarballVersion=version)
        client.close()
        assert done["status"] == "DEPLOYED"
        return name, done["dagTarballVersion"], content

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = list(pool.map(deploy, range(24)))

    assert len({version for _, version, _ in done}) == 24
    for name, version, content in done:
        assert astro.bundle(name, version) == content
    for name in ("production", "development"):
        history = astro.deploys(name)
        assert len({one.id for one in history}) == len({one.image_tag for one in history}) == 12
        deployment = astro.deployment(name)
        last = next(
            one for one in history if one.dag_tarball_version == deployment.running_bundle_version
        )
        assert last.image_tag == deployment.image_tag


def test_a_deploy_is_finalized_by_one_of_many(api: Client, astro: Sandbox) -> None:
    deploy = api.create("DAG_ONLY")
    version = upload(deploy, b"dags")
    url = f"{astro.api_url}/v1{api.path('production', '/deploys')}/{deploy['id']}/finalize"
    headers = {"Authorization": f"Bearer {astro.token}"}

    def finalize(_: int) -> int:
        body = {"dagTarballVersion": version}
        return requests.post(url, json=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sorted(pool.map(finalize, range(CLIENTS))) == [200] + [400] * (CLIENTS - 1)
