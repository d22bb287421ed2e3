"""Jobs that deploy to one Deployment at once: when all end green, the newest commit runs."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.deploying.second_look import FRESH_SECONDS
from astro_ci.model import Deploy, Request
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import Held, wait_until
from tests.integration.lanes import Done, Lane, Yard
from tests.integration.sandbox.support import Client
from tests.integration.stage import FILES
from tests.replay.oracle import read_tar


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Something is deployed already, so that a change of the DAGs is a DAG-only deploy."""
    with Sandbox(rollout_seconds=2) as astro:
        yard = Yard.create(tmp_path, astro, FILES)
        first = yard.lane(yard.origin.head).deploy()
        assert first.code == 0, first.text
        yield yard


def running_dag(yard: Yard, name: str = "dags/a.py") -> bytes:
    """A file of the bundle that runs."""
    with tarfile.open(fileobj=io.BytesIO(yard.astro.bundle("production"))) as archive:
        file = archive.extractfile(name)
        assert file
        return file.read()


def commits(yard: Yard, *, image: bool = False) -> tuple[str, str]:
    """Two commits after the first, parent and child; with `image` both change the image."""
    return tuple(
        yard.commit({"dags/a.py": f"{n}\n", **({"include/q.sql": f"{n}"} if image else {})})
        for n in ("old", "new")
    )  # type: ignore[return-value]


def held_finalize(yard: Yard, until: Callable[[], bool] = lambda: False) -> Held:
    """A finalize request that is under way until it is let go, or something is true."""
    return Held(yard.astro, "POST", "/finalize$", until=until)


def went_live(yard: Yard, number: int) -> Callable[[], bool]:
    """Whether so many deploys were finalized."""
    return lambda: sum(d.status == "DEPLOYED" for d in yard.astro.deploys("production")) >= number


def late(old: Lane, new: Lane, **options: Any) -> tuple[Done, Done]:
    """The job of the old commit finalizes after that of the new one is over."""
    held = Held(old.astro, "POST", "/finalize$")
    end = old.start(**options)
    held.wait()
    second = new.deploy(**options)
    held.let_go()
    return end(), second


@pytest.mark.parametrize("depth", [(), ("--depth=1",)], ids=["full-clone", "shallow-clone"])
@pytest.mark.parametrize("image", [False, True], ids=["dags", "image"])
@pytest.mark.parametrize("requested", [Request.AUTO, Request.IMAGE_AND_DAGS])
def test_the_newer_commit_comes_again_while_its_job_is_waiting(
    yard: Yard, image: bool, depth: tuple[str, ...], requested: Request
) -> None:
    old, new = commits(yard, image=image)
    held = held_finalize(yard, went_live(yard, 2))
    older = yard.lane(old, *depth)
    older.sleep = lambda seconds: time.sleep(min(seconds, 2))  # its grace lasts for seconds
    end = older.start(requested=requested)
    held.wait()
    second = yard.lane(new, *depth).deploy(requested=requested)
    first = end()
    assert running_dag(yard) == b"new\n"
    assert (first.code, second.code) == (0, 0), first.text + second.text
    replaced, newer = first.document, second.document
    assert replaced["replaced_by"] == newer["deploy_id"]
    assert f"replaced by deploy {newer['deploy_id']} since" in first.text
    assert newer["replaced_by"] == ""
    assert (
        f"deploy {replaced['deploy_id']} replaced it with an older commit; planning again"
        in second.said
    )


@pytest.mark.parametrize("image", [False, True], ids=["dags", "image"])
@pytest.mark.parametrize("wait", [True, False], ids=["wait", "no-wait"])
def test_the_older_commit_ends_red_when_the_newer_ones_job_is_over(
    yard: Yard, image: bool, wait: bool
) -> None:
    old, new = commits(yard, image=image)
    github = {"GITHUB_ACTIONS": "true"}
    first, second = late(yard.lane(old, **github), yard.lane(new), wait=wait)
    assert second.code == 0, second.text
    assert running_dag(yard) == b"old\n"
    assert first.code == 7, first.text
    assert str(first.error) == (
        f"this deploy, {first.document['deploy_id']}, replaced deploy "
        f"{second.document['deploy_id']} of commit {new[:7]}, which went live in the meantime, "
        "with an older commit"
    )
    assert first.error
    assert f"Run the job of commit {new[:7]} again" in first.error.hint
    assert "Give the job a concurrency group" in first.error.hint


def test_twice_is_a_failure_that_names_the_other(yard: Yard) -> None:
    old, new = commits(yard)
    ends = []
    for number in (2, 4):  # the old commits and the new one take turns
        held = held_finalize(yard, went_live(yard, number))
        ends.append(yard.lane(old).start(allow_older=True))
        held.wait()
    second = yard.lane(new).deploy()
    for end in ends:
        assert end().code == 0
    assert running_dag(yard) == b"old\n"
    assert second.code == 7, second.text
    runs = newest(yard)
    assert f"deploy {runs.id} replaced deploy" in str(second.error)
    assert f"of commit {new[:7]} with an older commit, for the second time" in str(second.error)
    assert second.document["replaced_by"] == runs.id


def newest(yard: Yard) -> Deploy:
    """The deploy whose bundle runs."""
    version = yard.astro.deployment("production").desired_dag_tarball_version
    return next(d for d in yard.astro.deploys("production") if d.dag_tarball_version == version)


def test_a_deploy_of_somebody_else_is_only_said(yard: Yard) -> None:
    end = yard.lane(yard.commit({"dags/a.py": "old\n"})).start()
    wait_until(went_live(yard, 2))
    client = Client(yard.astro, None)
    other = client.deploy_dags(b"by hand")
    client.close()
    done = end()
    assert done.code == 0, done.text
    assert done.document["replaced_by"] == other["id"]
    assert yard.astro.bundle("production") == b"by hand"


def test_a_push_back_to_the_older_commit_is_meant(yard: Yard) -> None:
    """The branch was moved from the newer commit to the older one."""
    old, new = commits(yard)
    back = {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": new}
    first, second = late(yard.lane(old, **back), yard.lane(new))
    assert (first.code, second.code) == (0, 0), first.text + second.text
    assert running_dag(yard) == b"old\n"


def test_a_deploy_that_no_longer_fits_is_planned_again(yard: Yard) -> None:
    """The image changed in between, so that the DAGs alone are no longer enough."""
    old = yard.commit({"dags/a.py": "old\n"})
    lane = yard.lane(old)
    upload = yard.astro.faults.add("PUT", "^/blobs/", status=None, until=went_live(yard, 2))
    end = lane.start()
    wait_until(lambda: upload.hits > 0)
    yard.origin.git("checkout", "--quiet", "-b", "side", f"{old}~1")
    side = yard.commit({"include/q.sql": "select 2\n"})
    assert yard.lane(side).deploy().code == 0
    done = end()
    assert done.code == 0, done.text
    assert done.document["deploy_type"] == "image-and-dags"
    assert running_dag(yard) == b"old\n"
    deploys = yard.astro.deploys("production")
    assert [d.status for d in deploys if d.type == "DAG_ONLY"] == ["INITIALIZED"]


def test_dag_only_deploys_that_are_disabled_meanwhile(yard: Yard) -> None:
    """The same kind of deploy is needed, and yet this one does not fit: it has a bundle."""
    upload = yard.astro.faults.add("PUT", "^/blobs/", status=None, until=lambda: is_disabled(yard))
    end = yard.lane(yard.commit({"dags/a.py": "new\n"})).start(requested=Request.IMAGE_AND_DAGS)
    wait_until(lambda: upload.hits > 0)
    time.sleep(2 * FRESH_SECONDS)  # what was seen of the Deployment before counts no more
    client = Client(yard.astro, None)
    client.update("production", isDagDeployEnabled=False)
    client.close()
    done = end()
    assert done.code == 0, done.text
    assert done.document["bundle_version"] == ""
    image = read_tar(yard.astro.image_layers("production")[-1])
    assert image["dags/a.py"].content == b"new\n"


def is_disabled(yard: Yard) -> bool:
    return not yard.astro.deployment("production").is_dag_deploy_enabled


def test_what_goes_live_between_the_deploys_and_the_deployment_is_found(yard: Yard) -> None:
    """They are asked for at once, and the answers may come from before and after a deploy."""
    old, new = commits(yard)
    look = yard.astro.faults.add(
        "GET", "/deployments/[^/]+$", status=None, until=went_live(yard, 2)
    )
    end = yard.lane(old).start()
    wait_until(lambda: look.hits > 0)
    client = Client(yard.astro, None)
    source = {"provider": "GENERIC", "remoteUrl": f"file://{yard.origin.root}", "commitSha": new}
    newer = client.deploy_dags(b"newer", git=source)
    client.close()
    done = end()
    assert done.code == 0, done.text
    assert (done.document["outcome"], done.document["deploy_id"]) == ("skipped", "")
    assert f"{new[:7]}" in done.document["reason"]
    assert newest(yard).id == newer["id"]
