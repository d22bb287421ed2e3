"""Requests made up from the published API document: none breaks the sandbox or the document.

Schemathesis makes requests that the document allows and requests that it forbids, for every
operation that the sandbox offers. The examples are bounded, and the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import OPENAPI_VARIABLE, Client, openapi_path
from tests.integration.sandbox.test_openapi import OFFERED
from tests.size import examples

# One test process loads the document.
pytestmark = pytest.mark.xdist_group("schemathesis")

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
TEXT_LISTS = {"dagTags", "deploymentIds", "names", "workspaceIds"}
BOUNDED = settings(
    max_examples=examples(10),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    deadline=None,
    database=None,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(rollout_seconds=0) as astro:
        yield astro


@pytest.fixture(scope="module")
def schema(sandbox: Sandbox) -> Any:
    path = openapi_path()
    if path is None:
        pytest.skip(f"no API document: set {OPENAPI_VARIABLE} to astro-openapi-v1.yml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(path.read_text(), Loader=loader)  # noqa: S506, a safe one
    loaded = schemathesis.openapi.from_dict(document)
    loaded.config.update(base_url=f"{sandbox.api_url}/v1")
    return loaded


@pytest.fixture
def named(sandbox: Sandbox) -> dict[str, str]:
    """Make what paths name: a Deployment of its own, and a deploy of it."""
    made = sandbox.create_deployment(f"made-{len(sandbox.deployments)}", isDagDeployEnabled=True)
    client = Client(sandbox, None)
    deploy = client.create("DAG_ONLY", made.name)
    token = client.call("GET", client.org("/tokens"))["tokens"][0]
    user = client.call("GET", client.org("/users"))["users"][0]
    client.close()
    return {
        "organizationId": sandbox.organization_id,
        "workspaceId": sandbox.workspace_id,
        "deploymentId": made.id,
        "deployId": deploy["id"],
        "tokenId": token["id"],
        "userId": user["id"],
    }


def is_allowed_after_all(case: Case[Any], check: Any) -> bool:
    """Whether Astro takes a request that a check thinks forbidden.

    The Astro CLI sends null for no contact emails; and in a URL, whatever stands for an item of a
    list of strings is a string.
    """
    if check is not negative_data_rejection:
        return False
    has_null = isinstance(case.body, dict) and case.body.get("contactEmails", "") is None
    return has_null or bool(TEXT_LISTS & set(case.query or ()))


@pytest.mark.parametrize(
    ("method", "path"), sorted(OFFERED), ids=[" ".join(one) for one in sorted(OFFERED)]
)
def test_no_request_breaks_the_document(
    schema: Any, sandbox: Sandbox, named: dict[str, str], method: str, path: str
) -> None:
    operation = schema[path][method]
    in_path = {name: value for name, value in named.items() if f"{{{name}}}" in path}
    headers = {"Authorization": f"Bearer {sandbox.session_token}"}
    modes = [GenerationMode.POSITIVE]
    if len(operation.query) or len(operation.body):  # else there is nothing to get wrong
        modes.append(GenerationMode.NEGATIVE)

    @BOUNDED
    @given(data=st.data())
    def run(data: st.DataObject, mode: GenerationMode) -> None:
        strategy = operation.as_strategy(mode, path_parameters=in_path or None, headers=headers)
        case: Case[Any] = data.draw(strategy)
        checks = [check for check in CHECKS if not is_allowed_after_all(case, check)]
        case.validate_response(case.call(), checks=checks)

    for mode in modes:
        run(mode=mode)
