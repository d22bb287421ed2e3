"""What every test gets: a clean environment, a hermetic git, and what there is to test with.

And which tests run; see `_is_left_out`.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.size import IS_QUICK, examples

if TYPE_CHECKING:  # most tests need no Docker
    from astro_ci.image.engine import Engine

# A busy machine is no failure: what is too slow is found by the time limit of each test. The
# examples are the same everywhere; `make nightly` explores.
settings.register_profile(
    "unhurried", deadline=None, derandomize=IS_QUICK, max_examples=examples(40)
)
settings.load_profile("unhurried")

# `nohup make test &` has us ignore SIGINT, and so the processes that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REQUIRE_DOCKER = "ASTRO_CI_TEST_REQUIRE_DOCKER"
REQUIRE_AIRFLOW = "ASTRO_CI_TEST_REQUIRE_AIRFLOW"
REQUIRE_BROWSER = "ASTRO_CI_TEST_REQUIRE_BROWSER"
THOROUGH = "ASTRO_CI_TEST_THOROUGH"
SLOW_PLACES = (
    "tests/e2e/",
    "tests/integration/checks/test_parse.py",
    "tests/integration/sandbox/test_pages_browser.py",
    "tests/surfaces/documentation/test_site.py",
    "tests/surfaces/examples/test_examples.py",
    "tests/surfaces/examples/test_init.py",
    "tests/surfaces/github/test_act.py",
    "tests/surfaces/github/test_init.py",
    "tests/surfaces/github/test_launch.py",
    "tests/surfaces/github/test_several_jobs.py",
    "tests/surfaces/gitlab/test_init.py",
    "tests/surfaces/gitlab/test_pipelines.py",
    "tests/surfaces/gitlab/test_several_jobs.py",
)
"""Where each test takes seconds: it starts a CI runner, an engine, Airflow or a browser."""
# Looked up before a test hides the home directory.
AIRFLOW_HOME = Path(
    os.environ.get("ASTRO_CI_TEST_AIRFLOW") or Path.home() / ".cache" / "astro-ci-tests"
)

CI_PREFIXES = (
    "ASTRO_",
    "ASTRONOMER_",
    "GITHUB_",
    "GITLAB_",
    "CI_",
    "GIT_",
    "DEPLOYMENT_ID",
    "BITBUCKET_",
    "BUILDKITE",
    "CIRCLE",
    "DRONE",
    "JENKINS",
    "TRAVIS",
    "CODEBUILD_",
    "TEAMCITY_",
    "SYSTEM_",
    "BUILD_",
)
KEEP = {REQUIRE_DOCKER, REQUIRE_AIRFLOW, REQUIRE_BROWSER, "ASTRO_CI_OPENAPI", "GIT_SSL_CAINFO"}


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the CI system, the credentials and the git configuration that the tests run under."""
    for name in list(os.environ):
        if name not in KEEP and (name.startswith(CI_PREFIXES) or name in ("CI", "TF_BUILD")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada Lovelace")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def _fresh_log() -> Iterator[None]:
    """Leave the log as it was: a command that runs in this process sets its level."""
    log = logging.getLogger("astro_ci")
    before = log.level, list(log.handlers)
    yield
    log.setLevel(before[0])
    log.handlers[:] = before[1]


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory that the test processes of a run share; see `tests.once`."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@functools.cache
def _docker_refusal() -> str:
    """Why no Docker Engine can be used; empty when one answers."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no Docker Engine: {error}"
    return "" if done.returncode == 0 else f"no Docker Engine: {done.stderr.strip()[:200]}"


def is_thorough(config: pytest.Config) -> bool:
    """Whether every test runs: all were asked for, or one is named by its node id."""
    return os.environ.get(THOROUGH) == "1" or any("::" in word for word in config.args)


def _runs_slow(config: pytest.Config) -> bool:
    """Whether slow tests run: the machine was set up for them, or the run is about their place."""
    places = (
        "tests/e2e",
        "tests/integration/checks",
        "tests/integration/sandbox",
        "tests/surfaces",
    )
    return os.environ.get(REQUIRE_DOCKER) == "1" or any(
        place in word for word in config.args for place in places
    )


def _is_left_out(item: pytest.Item) -> bool:
    """Whether a run of the whole suite leaves a test out, unless everything was asked for.

    Tests marked `thorough` repeat at length what quicker tests look at once. Of the tests in slow
    places, those marked `smoke` always run, one for each thing that is started there.
    """
    if item.get_closest_marker("thorough"):
        return True
    if _runs_slow(item.config) or item.get_closest_marker("smoke"):
        return False
    return item.nodeid.startswith(SLOW_PLACES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the thorough tests out, and see that the groups of pytest-xdist are what they say."""
    grouped = [item for item in items if item.get_closest_marker("xdist_group")]
    is_by_group = hasattr(config, "workerinput") and config.getoption("loadgroup", False)
    if is_by_group and any("@" not in item.nodeid for item in grouped):
        # What a group makes once would be made by every process, and take twice the time.
        raise pytest.UsageError("this pytest and this pytest-xdist do not group tests together")
    if not is_thorough(config):
        left_out = [item for item in items if _is_left_out(item)]
        if left_out:
            items[:] = [item for item in items if not _is_left_out(item)]
            config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how the tests that were left out are run."""
    if not is_thorough(config):
        others = "" if _runs_slow(config) else ", and most tests that start other systems,"
        terminalreporter.write_line(
            f"Long tests{others} were left out: `make test-all` runs them (or {THOROUGH}=1)."
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test marked `docker` where no engine answers, or fail it where one is required."""
    if item.get_closest_marker("docker") is None:
        return
    refusal = _docker_refusal()
    if refusal and os.environ.get(REQUIRE_DOCKER) == "1":
        pytest.fail(f"{refusal} ({REQUIRE_DOCKER}=1)", pytrace=False)
    if refusal:
        pytest.skip(refusal)


def _airflow(major: int) -> Path:
    """The interpreter that has this Airflow, or a skip; a failure where Airflow is required."""
    python = AIRFLOW_HOME / f"airflow-{major}" / "bin" / "python"
    if python.is_file() and (python.parent.parent / ".made-from").is_file():
        return python
    refusal = f"no Airflow {major} in {AIRFLOW_HOME}: make it with .ci/airflow.sh"
    if os.environ.get(REQUIRE_AIRFLOW) == "1":
        pytest.fail(f"{refusal} ({REQUIRE_AIRFLOW}=1)", pytrace=False)
    pytest.skip(refusal)


@pytest.fixture(scope="session")
def airflow_2() -> Path:
    """A Python interpreter that has Airflow 2."""
    return _airflow(2)


@pytest.fixture(scope="session")
def airflow_3() -> Path:
    """A Python interpreter that has Airflow 3."""
    return _airflow(3)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The Docker Engine of this machine."""
    from astro_ci.image.engine import connect

    connected = connect(os.environ)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def base(engine: Engine) -> Iterator[str]:
    """A stand-in for Astro Runtime, gone afterwards."""
    from tests.e2e.images import runtime_image

    with runtime_image(engine) as name:
        yield name
