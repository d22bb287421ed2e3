"""The sandbox's pages in a real browser: with and without JavaScript, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from astro_ci.sandbox import Sandbox
from tests.browser import axe_violations, chromium
from tests.integration.sandbox.support import Client, Clock, push, upload
from tests.integration.sandbox.test_pages import HOSTILE, Site, archive, git

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP = {"width": 1200, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Window:
    """Opens pages, and fails the test for whatever a page complains of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self.complaints: list[str] = []

    def open(self, url: str, **options: Any) -> Page:
        options = {"viewport": DESKTOP} | options
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.goto(url)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert self.complaints == []


@pytest.fixture
def window(browser: Browser, astro: Sandbox) -> Iterator[Window]:
    """Closed before the sandbox stops, which pages would complain of."""
    window = Window(browser)
    yield window
    window.close()


@pytest.fixture
def site(api: Client, astro: Sandbox, clock: Clock) -> Site:
    """A sandbox that has a history: a full deploy, DAGs, a failure, an open deploy."""
    deploy = api.create(
        "IMAGE_AND_DAG", description="Add orders astro-ci dags=11 image=22", git=git("a" * 40)
    )
    push(astro, deploy, "3.1-2")
    files = {f"dags/orders_{number}.py": b"1" for number in range(50)}
    api.finalize(deploy, dagTarballVersion=upload(deploy, archive(files)))
    clock.advance(61)
    api.deploy_dags(archive({"dags/refunds.py": b"2"}), description="Refunds", git=git("b" * 40))
    clock.advance(61)
    astro.fail_next_deploy("production")
    api.deploy_dags(archive({"dags/refunds.py": b"3"}), description="Fails")
    api.create("DAG_ONLY", "development")
    return Site(astro)


def pages(site: Site) -> list[str]:
    production = site.astro.deployment("production")
    deploys = site.astro.deploys("production")
    base = site.url("production")
    assert production.id in base
    return [
        site.astro.api_url,
        base,
        site.url("development"),
        site.url("classic"),
        *(f"{base}/deploys/{deploy.id}" for deploy in deploys),
    ]


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESKTOP), ("dark", PHONE)])
def test_axe_finds_nothing(
    window: Window, site: Site, scheme: str, viewport: dict[str, int]
) -> None:
    page = window.open("about:blank", viewport=viewport, color_scheme=scheme)
    for url in pages(site):
        page.goto(url)
        assert axe_violations(page) == [], url
    assert window.complaints == []
    with page.expect_event("console"):  # which says that the page is not there
        page.goto(f"{site.astro.api_url}/nothing")
    assert axe_violations(page) == []
    window.complaints.clear()


def test_everything_is_there_without_javascript(window: Window, site: Site) -> None:
    page = window.open(site.astro.api_url, java_script_enabled=False)
    page.get_by_role("link", name="production").click()
    assert page.url == site.url("production")
    page.locator("#deploys tbody tr").nth(1).get_by_role("link").first.click()
    assert "Deploy of DAGs" in page.inner_text("h1")
    assert "dags/refunds.py" in page.inner_text("main")
    page.get_by_role("link", name="Reload every 5 seconds").click()
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "5"
    page.get_by_role("link", name="Stop reloading").click()
    assert page.locator("meta[http-equiv=refresh]").count() == 0


def test_what_arrives_is_shown_as_it_arrives(
    window: Window, site: Site, api: Client, clock: Clock
) -> None:
    page = window.open(site.url("production"))
    page.get_by_text("Live", exact=True).wait_for()
    rows = page.locator("#deploys tbody tr")
    assert rows.count() == 3
    page.locator("#files summary").first.click()
    was_open = page.locator("#files").get_attribute("open")
    focused = page.locator("#deploys tbody tr a").first
    focused.focus()
    identity = focused.get_attribute("id")

    done = api.deploy_dags(archive({"dags/late.py": b"4"}), description="Arrived late")

    page.get_by_text("Arrived late").wait_for()
    assert rows.count() == 4
    page.get_by_text("deploying").first.wait_for()
    assert page.locator(f"[id='{done['id']}']").count() == 1
    # What the reader had opened and where the keyboard was stay as they were.
    assert page.evaluate("document.activeElement.id") == identity
    assert page.locator("#files").get_attribute("open") == was_open
    clock.advance(61)
    page.get_by_text("healthy").first.wait_for()
    assert "dags/late.py" in (page.text_content("main") or "")


def test_the_keyboard_reaches_everything(window: Window, site: Site) -> None:
    page = window.open(site.url("production"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert "deploys" in reached  # a table that scrolls, by the arrow keys
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_a_phone_shows_all_of_it(window: Window, site: Site) -> None:
    page = window.open("about:blank", viewport=PHONE)
    for url in pages(site):
        page.goto(url)
        # Tables scroll within themselves; the page does not.
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], url


@pytest.mark.smoke
def test_the_footer_has_the_image_tag(window: Window, site: Site) -> None:
    page = window.open(site.url("production"))
    tag = site.astro.deployment("production").image_tag
    assert tag in page.get_by_role("contentinfo").inner_text()


@pytest.mark.smoke
def test_nothing_hostile_runs(window: Window, api: Client, astro: Sandbox) -> None:
    site = Site(astro)
    page = window.open(astro.api_url)
    for number, text in enumerate(HOSTILE):
        name = f"{number} {text}"
        astro.create_deployment(name, isDagDeployEnabled=True)
        deploy = api.create(
            "IMAGE_AND_DAG", name, description=text, git=git(text, branch=text, commitUrl=text)
        )
        push(astro, deploy, text)
        api.finalize(
            deploy, name, dagTarballVersion=upload(deploy, archive({f"dags/{text}.py": b""}))
        )
        for url in (site.url(name), site.url(name, deploy)):
            page.goto(url)
            page.get_by_text("Live", exact=True).wait_for()
            assert page.evaluate("document.scripts.length") == 1
            assert page.locator("img, svg, iframe").count() == 0
            assert page.locator("a[href^='javascript']").count() == 0
    page.goto(astro.api_url)
    page.get_by_text("Live", exact=True).wait_for()
