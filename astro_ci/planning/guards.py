"""The guards: keep a deploy from undoing a newer one, and from removing the DAGs. Pure.

Each has an option that lifts it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from astro_ci.errors import ProjectError
from astro_ci.model import DeployType, Part
from astro_ci.planning.comparison import Comparison
from astro_ci.text import short


class DagFiles(Struct, frozen=True, kw_only=True):
    """How many files the DAGs directory ships; `before` is None when that is not known."""

    shipped: int
    dag_files: int
    before: int | None
    left_out_by: str = ""
    """The line of .dockerignore that keeps the DAG files out of the image, where one does."""


def find_newer(compared: Mapping[Part, Comparison], deploy_type: DeployType) -> str | None:
    """Find the running commit that this deploy would replace with an older one."""
    newer = (compared[part].newer for part in Part if part in deploy_type.parts)
    return next(filter(None, newer), None)


def stale_reason(newer: str, head: str) -> str:
    """Say why a deploy is skipped where a newer commit runs."""
    return (
        f"a newer commit is already running: {short(newer)} came after {short(head)} "
        "(to go back to it on purpose, use --allow-older, or roll back to an earlier deploy in "
        "Astro)"
    )


def refuse_wipe(files: DagFiles, *, image: str = "") -> None:
    """Raise ProjectError when the deploy would remove all DAG files, or most of them.

    `image` is the prebuilt image that the DAGs would ship in; empty where they do not.
    """
    if files.dag_files == 0 and image:
        raise ProjectError(
            f"the image {image} holds no DAG file under dags/, where a Deployment without DAG-only "
            "deploys has its DAGs: deploying it removes every DAG from the Deployment",
            hint="Build the image with the DAGs in it, or enable DAG-only deploys on the "
            "Deployment; to deploy anyway, use --allow-shrink.",
        )
    if files.dag_files == 0 and files.left_out_by:
        raise ProjectError(
            f"the image would contain no DAG file, as .dockerignore leaves them out with the line "
            f"`{files.left_out_by}`: deploying it would remove every DAG from the Deployment",
            hint="Remove this line from .dockerignore, or enable DAG-only deploys on the "
            "Deployment; to deploy anyway, use --allow-shrink.",
        )
    if files.dag_files == 0:
        raise ProjectError(
            "the deploy would contain no DAG file (.py, .zip or .yaml that .airflowignore does not "
            "exclude), and would remove every DAG from the Deployment",
            hint="Check --project, --dags-path and .airflowignore, and that the step that "
            "generates DAGs ran. To leave the running DAGs as they are, deploy the image alone "
            "with --image; to deploy anyway, use --allow-shrink.",
        )
    if files.before is not None and files.shipped * 2 < files.before:
        raise ProjectError(
            f"the deploy would contain {files.shipped} files under the DAGs directory, less than "
            f"half of the {files.before} that are running",
            hint="If the files were removed on purpose, deploy with --allow-shrink.",
        )
