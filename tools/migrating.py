"""The table of deploy-action's inputs and what they are here, checked against our own inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

ACTION = Path(__file__).parent.parent / "actions" / "deploy" / "action.yml"

PREVIEWS, BUNDLES = "previews", "dbt and other bundles"
NOT_YET = (PREVIEWS, BUNDLES)


class Row(NamedTuple):
    """An input of deploy-action."""

    theirs: str
    ours: str = ""
    """Our input; empty where there is none."""
    note: str = ""
    missing: str = ""
    """What is not there yet; empty where there is a counterpart, or no need for one."""


ROWS = (
    Row("action: deploy", note="the action itself"),
    Row("deploy-type", "deploy-type", "the same words"),
    Row("root-folder", "root-folder"),
    Row("deployment-id", "deployment-id"),
    Row("deployment-name", "deployment-name", "one of the two; the name has to be unique"),
    Row("workspace", "workspace"),
    Row("description", "description", "the commit's title without it"),
    Row("parse", "parse", "on without it, where an image is built or at hand"),
    Row("pytest", "pytest"),
    Row("pytest-file", "pytest-file"),
    Row("force", "force", "the checks that may fail; true for all of them, as there"),
    Row("image-name", "image-name", "checked, and compared by its digest"),
    Row("build-secrets", "build-secrets"),
    Row("deploy-image", "deploy-type", "`deploy-type: image-and-dags`"),
    Row("dag-deploy-enabled", note="not needed: the Deployment is asked"),
    Row("dags-path", "dags-path"),
    Row("no-dags-base-dir", "bundle-layout", "`bundle-layout: root`, and kept from then on"),
    Row("image-trigger-paths", "image-paths", "globs in place of prefixes: `libs/**`"),
    Row("skip-unchanged: false", "redeploy", "`redeploy: true`"),
    Row("wait", "wait", "on without it"),
    Row("wait-time", "wait-time", "`10m`, or seconds"),
    Row("wake-on-deploy", "wake", "the same; what hibernated before hibernates again"),
    Row("cli-version", note="not needed: no other tool is installed"),
    Row("checkout", note="not needed: use actions/checkout before the step, as deep as you like"),
    Row("checkout-submodules", note="`submodules` of actions/checkout"),
    Row("sparse-checkout", note="`sparse-checkout` of actions/checkout"),
    Row("action: create-, deploy-, delete-deployment-preview", missing=PREVIEWS),
    Row("preview-name, output preview-id", missing=PREVIEWS),
    Row("copy-connections, copy-airflow-variables, copy-pools", missing=PREVIEWS),
    Row("worker-max-count, worker-concurrency, worker-type", missing=PREVIEWS),
    Row("deploy-type: dbt, non-dags", missing=BUNDLES),
    Row("dag-bundle-name, bundle-type, mount-path, bundle-trigger-paths", missing=BUNDLES),
)


def migration_table() -> Iterator[str]:
    """A row for each input of deploy-action."""
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    yield "| deploy-action | here | note |"
    yield "|---|---|---|"
    for row in ROWS:
        if row.ours and row.ours not in inputs:
            raise ValueError(f"the deploy action has no input {row.ours}")
        if row.missing not in ("", *NOT_YET):
            raise ValueError(f"{row.missing} is not among what is known to be missing")
        here = f"not yet: {row.missing}" if row.missing else f"`{row.ours}`" if row.ours else ""
        yield f"| `{row.theirs}` | {here} | {row.note} |"
