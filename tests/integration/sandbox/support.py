"""What the sandbox's tests share: a clock, a client that checks what it sees, tiny images."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import requests
import yaml

from astro_ci.sandbox import Sandbox

Json = dict[str, Any]

OPENAPI_VARIABLE = "ASTRO_CI_OPENAPI"
OPENAPI_BESIDE = Path(__file__).parents[4] / "shared" / "astro-openapi-v1.yml"

BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2023-11-03"}
MANIFEST_V2 = "application/vnd.docker.distribution.manifest.v2+json"
RUNTIME_LABEL = "io.astronomer.docker.runtime.version"


class Clock:
    """A clock that tests push forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


def openapi_path() -> Path | None:
    """Find the published API document, which is not part of this repository."""
    path = Path(os.environ.get(OPENAPI_VARIABLE, OPENAPI_BESIDE))
    return path if path.is_file() else None


FORMATS = jsonschema.FormatChecker([])


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


class Document:
    """The API document: validates bodies against the operation they belong to."""

    def __init__(self, path: Path) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(path.read_text(), Loader=loader)  # noqa: S506, a safe one
        self._paths: Json = document["paths"]
        self._root: Json = {"components": _strict(document["components"])}
        self.exercised: set[tuple[str, str, int]] = set()
        """Template, method and status of every exchange seen."""

    def check(self, method: str, path: str, sent: object, answer: requests.Response) -> None:
        """Assert that an exchange is one that the document allows."""
        template = self._template(path)
        operation = self._paths[template][method.lower()]
        status = answer.status_code
        self.exercised.add((template, method, status))
        if status < 300 and "requestBody" in operation:
            self._validate(operation["requestBody"]["content"]["application/json"]["schema"], sent)
        described = operation["responses"]
        assert str(status) in described or f"{status // 100}XX" in described, (template, status)
        response = described.get(str(status)) or described[f"{status // 100}XX"]
        if "content" not in response:
            assert answer.content == b""
            return
        assert answer.headers["content-type"] == "application/json"
        self._validate(response["content"]["application/json"]["schema"], answer.json())

    def accepts(self, schema: str, body: object) -> bool:
        """Whether a body is valid for a schema of the document."""
        try:
            self._validate({"$ref": f"#/components/schemas/{schema}"}, body)
        except jsonschema.ValidationError:
            return False
        return True

    def _validate(self, schema: Json, body: object) -> None:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name in ("CreateDeploymentRequest", "UpdateDeploymentRequest"):
            # Their variants are told apart by a discriminator, which JSON Schema does not have.
            kind = body.get("type", "STANDARD") if isinstance(body, dict) else "STANDARD"
            variant = name.replace("Deployment", f"{kind.capitalize()}Deployment")
            schema = {"$ref": f"#/components/schemas/{variant}"}
        jsonschema.Draft7Validator(self._root | schema, format_checker=FORMATS).validate(body)

    def _template(self, path: str) -> str:
        parts = path.split("/")
        for template in self._paths:
            names = template.split("/")
            if len(names) == len(parts) and all(
                name.startswith("{") or name == part
                for name, part in zip(names, parts, strict=True)
            ):
                return str(template)
        raise AssertionError(f"{path} is not in the document")


def _strict(schema: Any) -> Any:
    """Translate OpenAPI's `nullable`, and forbid keys that the document does not have."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _strict(value) for key, value in schema.items()}
    if result.pop("nullable", False) is True:
        result["type"] = [result["type"], "null"]
    if result.get("type") == "object" and "properties" in result:
        result.setdefault("additionalProperties", False)
    return result


class Client:
    """Speaks the v1 API, as any client would; with a document, every exchange is checked."""

    def __init__(self, astro: Sandbox, document: Document | None, token: str | None = None) -> None:
        self.astro = astro
        self._document = document
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token or astro.token}"

    def close(self) -> None:
        self._session.close()

    def call(self, method: str, path: str, *, status: int = 200, **options: Any) -> Json:
        """Send a request to a path under /v1; assert the status, return the body."""
        answer = self._session.request(method, f"{self.astro.api_url}/v1{path}", **options)
        assert answer.status_code == status, answer.text
        if self._document:
            self._document.check(method, path, options.get("json"), answer)
        body: Json = answer.json() if answer.content else {}
        return body

    def org(self, path: str = "") -> str:
        return f"/organizations/{self.astro.organization_id}{path}"

    def path(self, name: str, rest: str = "") -> str:
        """Make the path of a Deployment, or of something of it."""
        found = next(one for one in self.astro.deployments if one["name"] == name)
        return self.org(f"/deployments/{found['id']}{rest}")

    def deployment(self, name: str = "production") -> Json:
        return self.call("GET", self.path(name))

    def create(
        self, kind: str, name: str = "production", *, status: int = 200, **body: Any
    ) -> Json:
        body = {"type": kind, **body}
        return self.call("POST", self.path(name, "/deploys"), json=body, status=status)

    def finalize(
        self, deploy: Json, name: str = "production", *, status: int = 200, **body: Any
    ) -> Json:
        path = self.path(name, f"/deploys/{deploy['id']}/finalize")
        return self.call("POST", path, json=body, status=status)

    def deploy_dags(self, content: bytes, name: str = "production", **body: Any) -> Json:
        """Do a whole DAG-only deploy."""
        deploy = self.create("DAG_ONLY", name, **body)
        return self.finalize(deploy, name, dagTarballVersion=upload(deploy, content))

    def deploy_image(
        self, name: str = "production", *, dags: bytes | None = None, runtime: str = "13.1.0"
    ) -> Json:
        """Do a whole image deploy; with `dags`, of both."""
        deploy = self.create("IMAGE_ONLY" if dags is None else "IMAGE_AND_DAG", name)
        push(self.astro, deploy, runtime)
        body: Json = {} if dags is None else {"dagTarballVersion": upload(deploy, dags)}
        return self.finalize(deploy, name, **body)

    def update(self, name: str, /, *, status: int = 200, **changes: Any) -> Json:
        """Send the whole Deployment back with some changes."""
        keys = (
            "type name workspaceId executor schedulerSize isHighAvailability isCicdEnforced "
            "isDagDeployEnabled isDevelopmentMode environmentVariables"
        )
        old = self.deployment(name)
        variables = [
            {k: v for k, v in variable.items() if k != "updatedAt"}
            for variable in old["environmentVariables"]
        ]
        body = {key: old[key] for key in keys.split()} | {"environmentVariables": variables}
        return self.call("POST", self.path(name), json=body | changes, status=status)


def upload(deploy: Json, content: bytes) -> str:
    """Put a bundle where a deploy says; return its version."""
    url = deploy.get("dagsUploadUrl") or deploy["bundleUploadUrl"]
    answer = requests.put(url, content, headers=BLOCK_BLOB, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.headers["x-ms-version-id"]


def basic(astro: Sandbox, token: str | None = None, user: str = "cli") -> dict[str, str]:
    """Make the header of a registry login."""
    pair = base64.b64encode(f"{user}:{token or astro.token}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push(astro: Sandbox, deploy: Json, runtime: str = "13.1.0", layer: bytes = b"layer") -> str:
    """Push an image of one layer to where a deploy says, by hand; return its digest."""
    name = deploy["imageRepository"].partition("/")[2]
    config = json.dumps({"config": {"Labels": {RUNTIME_LABEL: runtime}}}).encode()
    for blob in (layer, config):
        put_blob(astro, name, blob)
    answer = put_manifest(astro, name, deploy["imageTag"], image_manifest(config, layer))
    assert answer.status_code == 201, answer.text
    return answer.headers["docker-content-digest"]


def put_blob(astro: Sandbox, name: str, blob: bytes) -> None:
    url = f"{astro.api_url}/v2/{name}/blobs/uploads/?digest={sha256(blob)}"
    answer = requests.post(url, blob, headers=basic(astro), timeout=30)
    assert answer.status_code == 201, answer.text


def image_manifest(config: bytes, *layers: bytes) -> bytes:
    """Make a manifest in Docker's schema 2."""

    def descriptor(kind: str, data: bytes) -> Json:
        media_type = f"application/vnd.docker.{kind}"
        return {"mediaType": media_type, "size": len(data), "digest": sha256(data)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_V2,
            "config": descriptor("container.image.v1+json", config),
            "layers": [descriptor("image.rootfs.diff.tar.gzip", layer) for layer in layers],
        }
    ).encode()


def put_manifest(
    astro: Sandbox, name: str, reference: str, raw: bytes, media_type: str = MANIFEST_V2
) -> requests.Response:
    headers = basic(astro) | {"Content-Type": media_type}
    url = f"{astro.api_url}/v2/{name}/manifests/{reference}"
    return requests.put(url, raw, headers=headers, timeout=30)
