"""What may go wrong in a run, each with the verb that meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from tests.canary.echo import echoing
from tests.canary.job import CanaryJob

DAGS = ("deploy", "--dags", "--json")
# Runs when Python starts, in the process of the run.
_BUG = """
import os
import {module} as module
def fail(*_arguments, **_options):
    raise RuntimeError(" ".join(os.environ.values()) + repr(list(os.environ.values())))
module.{name} = fail
"""
_THREAD_BUG = """
import os, threading
from astro_ci.astro.upload import Uploader
def fail():
    raise RuntimeError(" ".join(os.environ.values()))
def upload(*_arguments, **_options):
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    fail()
Uploader.upload = upload
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One kind of trouble: what it changes, what is run, and how that ends."""

    name: str
    codes: tuple[int, ...]
    arguments: tuple[str, ...] = DAGS
    make: Callable[[CanaryJob], AbstractContextManager[object]] = lambda job: nullcontext()


def refused(method: str, path: str, status: int) -> Callable[[CanaryJob], nullcontext[None]]:
    """Have the sandbox refuse a request."""

    def make(job: CanaryJob) -> nullcontext[None]:
        job.astro.faults.add(method, path, status=status, times=None, headers={"Retry-After": "0"})
        return nullcontext()

    return make


def echo(status: int, kind: str) -> Callable[[CanaryJob], AbstractContextManager[object]]:
    """Have a service repeat what it is sent."""

    @contextmanager
    def make(job: CanaryJob) -> Iterator[None]:
        with echoing(status, kind) as url:
            job.env["ASTRO_API_URL"] = url
            yield

    return make


def variables(**given: str) -> Callable[[CanaryJob], nullcontext[None]]:
    """Set variables, in which {api_password} and the like stand for secrets."""

    def make(job: CanaryJob) -> nullcontext[None]:
        secrets = {name: getattr(job.canaries, name) for name in job.canaries.__dataclass_fields__}
        job.env.update({name: text.format(**secrets) for name, text in given.items()})
        return nullcontext()

    return make


def with_key(method: str, path: str, status: int) -> Callable[[CanaryJob], nullcontext[None]]:
    """Have a Deployment API key instead of a token, and the sandbox refuse a request."""

    def make(job: CanaryJob) -> nullcontext[None]:
        key = {"ASTRONOMER_KEY_ID": job.astro.key_id, "ASTRONOMER_KEY_SECRET": job.astro.key_secret}
        job.env.update({**key, "ASTRO_API_TOKEN": ""})
        return refused(method, path, status)(job)

    return make


def echo_with_key(job: CanaryJob) -> AbstractContextManager[object]:
    """Have the login repeat the key."""
    job.env.update(ASTRONOMER_KEY_ID="the-key", ASTRO_API_TOKEN="")
    job.env["ASTRONOMER_KEY_SECRET"] = job.canaries.key_secret
    return echo(403, "json")(job)


def bug(source: str) -> Callable[[CanaryJob], nullcontext[None]]:
    """Put a bug into the process."""

    def make(job: CanaryJob) -> nullcontext[None]:
        place = job.directory / "bug"
        place.mkdir()
        (place / "sitecustomize.py").write_text(source)
        job.env["PYTHONPATH"] = str(place)
        return nullcontext()

    return make


def lost_history(job: CanaryJob) -> nullcontext[None]:
    """Deploy, and then have another history, so that the running commit has to be fetched."""
    job.run("plain", *DAGS)
    job.project.git("checkout", "--quiet", "--orphan", "other")
    job.project.commit("another history")
    job.project.git("branch", "--quiet", "-D", "main")
    job.project.git("reflog", "expire", "--expire=now", "--all")
    job.project.git("gc", "--quiet", "--prune=now")
    return nullcontext()


def said_by_the_user(job: CanaryJob) -> nullcontext[None]:
    """Have secrets in what is sent to Astro: the commit's title and its author."""
    first, second = job.canaries.lines.splitlines()
    job.project.git("config", "user.name", f"Ada {first}")
    job.project.git("commit", "--quiet", "--allow-empty", "-m", f"use {second} and {first}")
    return nullcontext()


URL = "http://user:{api_password}@[x"
ENGINE = "tcp://user:{engine_password}@127.0.0.1:1"

TROUBLES = (
    Trouble(name="none", codes=(0,)),
    Trouble(name="none, plan", codes=(0,), arguments=("plan", "--json")),
    Trouble(name="none, plan for people", codes=(0,), arguments=("plan",)),
    Trouble(name="create 401", codes=(9,), make=refused("POST", "/deploys$", 401)),
    Trouble(name="create 403", codes=(5,), make=refused("POST", "/deploys$", 403)),
    Trouble(name="list 500", codes=(5,), make=refused("GET", "/deployments$", 500)),
    Trouble(name="finalize 500", codes=(0, 5, 7), make=refused("POST", "/finalize$", 500)),
    Trouble(name="upload 403", codes=(5,), make=refused("PUT", "^/blobs/", 403)),
    Trouble(name="echo 401", codes=(9,), make=echo(401, "json")),
    Trouble(name="echo 403", codes=(5,), make=echo(403, "text")),
    Trouble(name="echo 429", codes=(5,), make=echo(429, "header"), arguments=("plan", "--json")),
    Trouble(name="echo 500", codes=(5,), make=echo(500, "html"), arguments=("plan",)),
    Trouble(name="echo 200", codes=(5,), make=echo(200, "text")),
    Trouble(name="key, create 403", codes=(5,), make=with_key("POST", "/deploys$", 403)),
    Trouble(name="key, upload 500", codes=(5,), make=with_key("PUT", "^/blobs/", 400)),
    Trouble(name="key, echo 403", codes=(5, 9), make=echo_with_key),
    Trouble(name="API URL", codes=(2,), make=variables(ASTRO_API_URL=URL)),
    Trouble(name="domain", codes=(2,), make=variables(ASTRO_API_URL="", ASTRO_DOMAIN=URL)),
    Trouble(name="engine", codes=(4,), make=variables(DOCKER_HOST=ENGINE), arguments=("deploy",)),
    Trouble(
        name="proxy",
        codes=(5,),
        make=variables(HTTP_PROXY="http://me:{proxy_password}@127.0.0.1:1", NO_PROXY=""),
    ),
    Trouble(
        name="proxy that is none",
        codes=(5,),
        make=variables(HTTP_PROXY="me:{proxy_password}@[::1", NO_PROXY=""),
    ),
    Trouble(name="history", codes=(0,), make=lost_history, arguments=("plan", "--base=deployed")),
    Trouble(name="title", codes=(0,), make=said_by_the_user),
    Trouble(
        name="bug",
        codes=(1,),
        make=bug(_BUG.format(module="astro_ci.deployments.find", name="find_access")),
    ),
    Trouble(name="bug in a thread", codes=(1,), make=bug(_THREAD_BUG)),
    Trouble(
        name="usage",
        codes=(2,),
        make=variables(ASTRO_CI_TYPE="{index_password}", ASTRO_CI_WAIT_TIME="{proxy_password}"),
    ),
)
