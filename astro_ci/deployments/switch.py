"""Switch DAG-only deploys of a Deployment on or off, and check that nothing else changed."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.astro.client import AstroClient
from astro_ci.deployments.settings import FLAG, Difference, Json, differences, update_request
from astro_ci.errors import ApiError, UnavailableError
from astro_ci.text import printable


def switch_dag_deploys(client: AstroClient, seen: Json, *, enable: bool) -> None:
    """Switch DAG-only deploys of a Deployment, unless the Deployment has changed since `seen`.

    Raises ApiError when another setting differs before or after the update, or when Astro refuses.
    """
    identity, name = str(seen["id"]), printable(str(seen["name"]))
    before = client.read_deployment(identity)
    if before.get(FLAG) != seen.get(FLAG) or differences(seen, before):
        changed = differences(seen, before) or [
            Difference(path=FLAG, before=seen.get(FLAG), after=before.get(FLAG))
        ]
        raise ApiError(
            f"the Deployment {name} was changed by somebody else in the meantime, so nothing was "
            f"updated: {_listed(changed)}",
            hint="Look at the change, and run the command again.",
        )
    _update(client, identity, update_request(before, enable=enable), name)
    after = client.read_deployment(identity)
    if after.get(FLAG) is not enable:
        raise ApiError(
            f"Astro accepted the update, but DAG-only deploys of {name} are still "
            f"{'disabled' if enable else 'enabled'}",
            hint="Switch DAG-only deploys in the Deployment's settings in Astro.",
        )
    if changed := differences(before, after):
        raise ApiError(
            f"DAG-only deploys of {name} are {'enabled' if enable else 'disabled'} now, but other "
            f"settings changed too: {_listed(changed)}",
            hint="Set them back in Astro, unless somebody else changed them at the same time.",
        )


def _update(client: AstroClient, identity: str, body: Json, name: str) -> None:
    try:
        client.update_deployment(identity, body)
    except UnavailableError:
        # The update may have taken effect although the answer was lost.
        if client.read_deployment(identity).get(FLAG) is not body[FLAG]:
            raise
    except ApiError as error:
        if error.status != 403:
            raise
        raise ApiError(
            f"the credentials may not change the Deployment {name}, which is unchanged: "
            f"{error.message}",
            hint="Use a token with the role Workspace Owner, or another role that may update the "
            "Deployment.",
            status=error.status,
        ) from error


def _listed(changed: Sequence[Difference], *, most: int = 5) -> str:
    more = [f"and {len(changed) - most} more"] if len(changed) > most else []
    return "; ".join([*map(str, changed[:most]), *more])
