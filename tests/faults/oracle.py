"""Whether what a job said is what happened: each sentence is a claim that can be checked."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.faults.world import Runs, World
from tests.integration.lanes import Done

_ID = r"(cl\w{20,})"
Claim = Callable[[World, Runs, Runs, "re.Match[str]"], bool]


def _status(index: int = 1, *allowed: str) -> Claim:
    return lambda world, before, after, said: after.statuses.get(said[index]) in allowed


def _as_it_was(world: World, before: Runs, after: Runs, said: re.Match[str]) -> bool:
    return (before.tag, before.version) == (after.tag, after.version)


def _none_created(world: World, before: Runs, after: Runs, said: re.Match[str]) -> bool:
    return after.statuses.keys() == before.statuses.keys()


def _none_live(world: World, before: Runs, after: Runs, said: re.Match[str]) -> bool:
    return {after.statuses[id_] for id_ in after.statuses.keys() - before.statuses.keys()} <= {
        "INITIALIZED"
    }


def _runs(world: World, before: Runs, after: Runs, said: re.Match[str]) -> bool:
    deploy = world.deploy_of(said[1])
    is_running = after.version == deploy.dag_tarball_version or after.tag == deploy.image_tag
    return deploy.status == "DEPLOYED" and is_running


CLAIMS: dict[str, Claim] = {
    r"the Deployment is unchanged": _as_it_was,
    r"no deploy was created, and": _none_created,
    r"no deploy was created, or one that stays unfinished": _none_live,
    rf"deploy {_ID} was left unfinished": _status(1, "INITIALIZED"),
    rf"deploy {_ID} stays unfinished": _status(1, "INITIALIZED"),
    rf"deploy {_ID} was being finalized, and may go live": _status(
        1, "INITIALIZED", "DEPLOYED", "FAILED"
    ),
    rf"finalizing deploy {_ID} was refused": _status(1, "INITIALIZED", "DEPLOYED", "FAILED"),
    rf"deploy {_ID} was already finalized, and goes live": _runs,
    rf"Astro reports that deploy {_ID} failed": _status(1, "FAILED"),
    rf"deploy {_ID} was accepted, but is not live": _runs,
    rf"turned UNHEALTHY after deploy {_ID}": _runs,
    rf"created deploy {_ID}": _status(1, "INITIALIZED", "DEPLOYED", "FAILED"),
    rf"finalized deploy {_ID}": _status(1, "DEPLOYED", "FAILED"),
    r"uploaded the DAG bundle as version (\S+)": lambda world, before, after, said: bool(
        world.astro.bundle("production", said[1])
    ),
    r"pushed the image as tag (\S+)": lambda world, before, after, said: (
        said[1] in world.astro.tags("production")
    ),
    rf"replaced by deploy {_ID} since": _runs,
}


def check_sentences(world: World, text: str, before: Runs, after: Runs) -> None:
    """Fail for any sentence that is not true."""
    for pattern, is_true in CLAIMS.items():
        for said in re.finditer(pattern, text):
            assert is_true(world, before, after, said), f"not true: {said[0]}\n{text}"


def check_outcome(world: World, done: Done, before: Runs, after: Runs) -> None:
    """Fail when the outcome is not what runs."""
    dags, image = world.ships()
    new_live = [
        i for i, s in after.statuses.items() if s == "DEPLOYED" and i not in before.statuses
    ]
    if done.error:
        told = f"{done.error.message}\n{done.said}"
        assert not new_live or re.search("go live|goes live|UNHEALTHY|not live after", told), told
        return
    assert done.result
    assert done.result.replaced_by == "", "nobody else is at it"
    if done.result.outcome == "skipped":
        assert new_live == []
    else:
        assert new_live == [done.result.deploy_id], done.text
        assert done.result.bundle_version in ("", after.version)
        assert done.result.image_tag in ("", after.tag)
    assert world.running_dags() == dags, done.text
    assert world.running_image() == image, done.text


def check_traces(world: World, done: Done, checkout: object) -> None:
    """Fail for anything that is left behind, or given away."""
    assert world.checkout() == checkout
    assert list(world.tmp.iterdir()) == []
    assert world.lane.engine.layers == {}, "names on the engine"
    for secret in (world.astro.token, world.astro.key_secret, "sig="):
        assert secret not in done.text
