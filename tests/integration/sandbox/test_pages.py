"""The sandbox's pages, as they are sent: what they show, to whom, and what they must not."""

from __future__ import annotations

import gzip
import html
import io
import re
import tarfile
import threading
from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from astro_ci.astro.endpoint import find_endpoint
from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.platform.contents import MAX_FILES
from tests.integration.sandbox.support import Client, Clock, push, upload

Json = dict[str, Any]

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "{{ 77777 * 7 }}{% raw %}",
    "</title></style><svg onload=alert(1)>",
    "a\r\nb\x1b[2J\u202egnp.exe",
    "javascript:alert(1)",
)


def archive(files: dict[str, bytes]) -> bytes:
    """Make a bundle."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def git(sha: str, **changes: str) -> Json:
    return {
        "provider": "GITHUB",
        "account": "ada",
        "repo": "engine",
        "commitSha": sha,
        "branch": "main",
        "authorName": "Ada Lovelace",
        "commitUrl": f"https://github.com/ada/engine/commit/{sha}",
    } | changes


class Site:
    """Reads pages."""

    def __init__(self, astro: Sandbox) -> None:
        self.astro = astro

    def url(self, name: str, deploy: Json | None = None) -> str:
        """Make the URL that a deploy to a Deployment prints."""
        endpoint = find_endpoint({"ASTRO_API_URL": self.astro.api_url})
        url = endpoint.deployment_url(self.astro.workspace_id, self.astro.deployment(name).id)
        return url if deploy is None else f"{url}/deploys/{deploy['id']}"

    def get(self, url: str, status: int = 200, **headers: str) -> str:
        answer = requests.get(url, headers={"Accept": "text/html"} | headers, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.text

    def text(self, url: str) -> str:
        """Read a page as people do: its words, without markup."""
        words = re.sub(r"<(script|style|title).*?</\1>|<[^>]*>", " ", self.get(url), flags=re.S)
        return " ".join(html.unescape(words).split())


@pytest.fixture
def site(astro: Sandbox) -> Site:
    return Site(astro)


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_url_that_a_deploy_prints_shows_what_runs(
    api: Client, site: Site, clock: Clock
) -> None:
    first, second = "a" * 40, "b" * 40
    deploy = api.create(
        "IMAGE_AND_DAG", description="Add orders astro-ci dags=11 image=22", git=git(first)
    )
    push(api.astro, deploy, "3.1-2")
    api.finalize(deploy, dagTarballVersion=upload(deploy, archive({"dags/orders.py": b"1"})))
    clock.advance(61)
    bundle = archive({"dags/orders.py": b"2", "dags/refunds.py": b"3", "dags/orders.sql": b""})
    done = api.deploy_dags(
        bundle, description="Add refunds astro-ci dags=33 image=22", git=git(second)
    )
    clock.advance(61)

    page = site.text(site.url("production"))

    for fact in (
        f"Image tag {deploy['imageTag']}",
        f"Commit of the image {first[:7]}",
        f"Bundle version {done['dagTarballVersion']}",
        f"Commit of the DAGs {second[:7]}",
        "3 files, 2 Python files",
        "dags/refunds.py",
        "Add orders",
        "DAGs DAGs running",
        "image and DAGs image running",
        f"Airflow 3.1.0 · Astro Runtime 3.1-2 · Image tag {deploy['imageTag']}",
    ):
        assert fact in page, page
    assert "astro-ci dags=" not in page
    assert "sandbox" in page
    home = site.text(site.astro.api_url)
    assert f"Image {deploy['imageTag']} from {first[:7]}" in home
    assert "2 Python files" in home


def test_a_deploy_has_its_plan_its_files_and_its_requests(
    api: Client, site: Site, clock: Clock
) -> None:
    deploy = api.create(
        "IMAGE_AND_DAG", description="x astro-ci dags=11 image=22", git=git("a" * 40)
    )
    push(api.astro, deploy)
    api.finalize(deploy, dagTarballVersion=upload(deploy, archive({"dags/old.py": b"1"})))
    clock.advance(61)
    done = api.deploy_dags(
        archive({"dags/new.py": b"1"}), description="y astro-ci dags=33 image=22", git=git("b" * 40)
    )

    page = site.text(site.url("production", done))

    assert "Deploy of DAGs" in page
    assert "Image aaaaaaa stays not touched" in page
    assert "DAGs aaaaaaa bbbbbbb different" in page
    assert "dags/new.py" in page
    assert "dags/old.py" not in page
    assert "Author Ada Lovelace" in page
    requests_made = page.partition("Those that made this deploy")[2]
    assert re.findall(r"(POST|PUT) \S+", requests_made) == ["POST", "PUT", "POST"]
    first = site.text(site.url("production", deploy))
    assert "Image nothing aaaaaaa not told" in first
    assert "sha256:" in first
    assert f"/manifests/{deploy['imageTag']}" in first


def test_a_rollback_shows_what_it_went_back_to(api: Client, site: Site, clock: Clock) -> None:
    first = api.deploy_dags(archive({"dags/a.py": b"1"}), git=git("a" * 40))
    api.deploy_dags(archive({"dags/a.py": b"2"}), git=git("b" * 40))
    clock.advance(61)
    path = api.path("production", f"/deploys/{first['id']}/rollback")
    back = api.call("POST", path, json={"description": "oops"})

    page = site.text(site.url("production", back))

    assert "Deploy of rollback" in page
    assert f"Goes back to {first['id']}" in page
    assert "DAGs bbbbbbb aaaaaaa" in page
    assert "Commit of the DAGs aaaaaaa" in site.text(site.url("production"))


def test_trouble_is_shown(api: Client, astro: Sandbox, site: Site, clock: Clock) -> None:
    astro.fail_next_deploy("production")
    api.deploy_dags(b"not an archive")
    astro.fail_next_rollout("development")
    api.deploy_dags(archive({"dags/a.py": b"1"}), "development")
    clock.advance(61)
    assert "failed" in site.text(site.url("production"))
    assert "unhealthy" in site.text(site.url("development"))
    astro.hibernate("development")
    assert "hibernating" in site.text(site.url("development"))
    open_one = api.create("BUNDLE", bundleMountPath="/a", bundleType="dbt")
    assert "not finalized" in site.text(site.url("production", open_one))


def test_the_address_of_airflow_leads_to_the_page(api: Client, site: Site) -> None:
    answer = requests.get(api.deployment()["uiUrl"], timeout=10)
    assert answer.url == site.url("production")
    assert answer.status_code == 200


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(api: Client, astro: Sandbox, site: Site, text: str) -> None:
    made = astro.create_deployment(text, isDagDeployEnabled=True)
    fields = {name: text for name in ("branch", "path", "authorName", "authorUsername", "repo")}
    deploy = api.create(
        "IMAGE_AND_DAG",
        text,
        description=text,
        git=git(text, account=text, commitUrl=text, **fields),
    )
    push(astro, deploy, text)
    api.finalize(deploy, text, dagTarballVersion=upload(deploy, archive({f"dags/{text}.py": b""})))
    requests.get(
        f"{astro.api_url}/v1/{made.id}/x{requests.utils.quote(text)}",  # type: ignore[attr-defined]
        headers={"User-Agent": re.sub(r"[^ -~]", "", text)},
        timeout=10,
    )
    mount: Any = {"bundleMountPath": text, "bundleType": "dbt"}
    mounted = api.create("BUNDLE", text, **mount)

    for url in (
        astro.api_url,
        site.url(text),
        site.url(text, deploy),
        site.url(text, mounted),
    ):
        page = site.get(url)
        found = Tags(page).tags
        names = {tag for tag, _ in found}
        assert not names & {"img", "svg", "iframe", "object", "form", "style", "base"}
        assert [attrs for tag, attrs in found if tag == "script"] == [
            {"src": "/-/live.js", "defer": None}
        ]
        for tag, attrs in found:
            assert not [name for name in attrs if name.startswith("on") or name == "autofocus"], tag
            assert (attrs.get("href") or "/").startswith(("/", "#", "?", "https://", "data:,"))
        assert "544439" not in page
        assert not {"\x1b", "\u202e", "\r"} & set(page)


def test_a_page_runs_nothing_but_its_own_script(site: Site, astro: Sandbox) -> None:
    for path in ("/", "/-/style.css", "/-/live.js", f"/{astro.workspace_id}/deployments/none"):
        answer = requests.get(f"{astro.api_url}{path}", headers={"Accept": "text/html"}, timeout=10)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[::1", "a b"])
def test_a_foreign_name_reads_no_page(astro: Sandbox, site: Site, host: str) -> None:
    """A web site whose name is made to point to this machine could read the pages otherwise."""
    for url in (astro.api_url, site.url("production"), f"{astro.api_url}/-/events"):
        assert "only answers requests for localhost" in site.get(url, status=403, Host=host)


def test_the_pages_hold_no_secret(api: Client, astro: Sandbox, site: Site) -> None:
    secret = {"key": "KEY", "isSecret": True, "value": "s3cret-value"}
    api.update("production", environmentVariables=[secret])
    deploy = api.create("DAG_ONLY")
    signature = deploy["dagsUploadUrl"].partition("sig=")[2]
    upload(deploy, b"x")
    for url in (astro.api_url, site.url("production"), site.url("production", deploy)):
        page = site.get(url)
        for text in (astro.token, astro.key_secret, astro.session_token, "s3cret", signature):
            assert text not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/-/nothing", 404),
        ("/-/..%2frender.py", 404),
        ("/v1/nothing", 404),
        ("/{workspace}/deployments/cl0", 404),
        ("/cl0/deployments/{deployment}", 404),
        ("/{workspace}/deployments/{deployment}/deploys/cl0", 404),
    ],
)
def test_what_is_not_there_is_a_page_or_json(
    api: Client, astro: Sandbox, site: Site, path: str, status: int
) -> None:
    url = astro.api_url + path.format(
        workspace=astro.workspace_id, deployment=api.deployment()["id"]
    )
    assert "All Deployments" in site.get(url, status=status)
    assert requests.get(url, timeout=10).json()["statusCode"] == status


def test_asking_for_pages_is_no_request_to_astro(astro: Sandbox, site: Site) -> None:
    site.get(astro.api_url)
    site.get(site.url("production"))
    site.get(f"{astro.api_url}/-/style.css")
    assert not astro.requests


def test_what_is_new_is_announced(api: Client, astro: Sandbox) -> None:
    with requests.get(f"{astro.api_url}/-/events", stream=True, timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == b"retry: 1000"
        api.create("DAG_ONLY")
        assert next(line for line in lines if line) == b"data: changed"


def test_a_listener_does_not_hold_up_the_end() -> None:
    others = set(threading.enumerate())
    with Sandbox() as astro:
        stream = requests.get(f"{astro.api_url}/-/events", stream=True, timeout=30)
        assert stream.status_code == 200
    started = set(threading.enumerate()) - others
    assert not [thread for thread in started if thread.name == "astro-sandbox"]
    stream.close()


# --- archives that are not what they should be ----------------------------------------------------


def bomb() -> bytes:
    """Make an archive of one file that unpacks to 200 MB, and another file behind it."""
    raw = io.BytesIO()
    with gzip.open(raw, "wb", compresslevel=9) as packed:
        member = tarfile.TarInfo("dags/zeros.py")
        member.size = 200 << 20
        packed.write(member.tobuf())
        for _ in range(200):
            packed.write(bytes(1 << 20))
        packed.write(tarfile.TarInfo("dags/behind.py").tobuf() + bytes(1024))
    return raw.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a whole .tar.gz archive"),
        (b"not an archive", "not a whole .tar.gz archive"),
        (archive({"dags/a.py": b"1" * 4000})[:60], "not a whole .tar.gz archive"),
        (gzip.compress(b"x" * 5000), "not a whole .tar.gz archive"),
        (archive({}), "The bundle is empty."),
        (bomb(), "Only the first 64 MiB of the bundle are listed."),
        (
            archive({f"dags/{number}.py": b"" for number in range(MAX_FILES + 1)}),
            f"Only the first {MAX_FILES} files are listed.",
        ),
    ],
    ids=["nothing", "text", "cut", "no tar", "empty", "bomb", "many"],
)
def test_a_bundle_that_is_no_good_is_listed_within_bounds(
    api: Client, site: Site, content: bytes, told: str
) -> None:
    done = api.deploy_dags(content)
    assert told in site.text(site.url("production", done))


def test_an_image_without_history_has_layers_all_the_same(api: Client, site: Site) -> None:
    deploy = api.deploy_image()
    page = site.text(site.url("production", deploy))
    assert "not told" in page.partition("Layers, the base first")[2]
    assert "io.astronomer.docker.runtime.version 13.1.0" in page
