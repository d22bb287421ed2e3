"""The guard against a deploy that removes the DAGs: what it refuses, in which words."""

from __future__ import annotations

import pytest

from astro_ci.errors import ProjectError
from astro_ci.planning.guards import DagFiles, refuse_wipe

NONE = DagFiles(shipped=3, dag_files=0, before=None)


@pytest.mark.parametrize(
    ("files", "image", "said", "hint"),
    [
        (
            NONE,
            "",
            "the deploy would contain no DAG file (.py, .zip or .yaml that .airflowignore does not "
            "exclude), and would remove every DAG from the Deployment",
            "Check --project, --dags-path and .airflowignore, and that the step that generates "
            "DAGs ran. To leave the running DAGs as they are, deploy the image alone with --image; "
            "to deploy anyway, use --allow-shrink.",
        ),
        (
            NONE,
            "etl:1",
            "the image etl:1 holds no DAG file under dags/, where a Deployment without DAG-only "
            "deploys has its DAGs: deploying it removes every DAG from the Deployment",
            "Build the image with the DAGs in it, or enable DAG-only deploys on the Deployment; to "
            "deploy anyway, use --allow-shrink.",
        ),
        (
            DagFiles(shipped=3, dag_files=0, before=None, left_out_by="dags/*.py"),
            "",
            "the image would contain no DAG file, as .dockerignore leaves them out with the line "
            "`dags/*.py`: deploying it would remove every DAG from the Deployment",
            "Remove this line from .dockerignore, or enable DAG-only deploys on the Deployment; to "
            "deploy anyway, use --allow-shrink.",
        ),
        (
            DagFiles(shipped=4, dag_files=4, before=9),
            "",
            "the deploy would contain 4 files under the DAGs directory, less than half of the 9 "
            "that are running",
            "If the files were removed on purpose, deploy with --allow-shrink.",
        ),
    ],
    ids=["none", "none-in-the-image", "left-out", "most-are-gone"],
)
def test_a_deploy_that_would_remove_the_dags(
    files: DagFiles, image: str, said: str, hint: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        refuse_wipe(files, **({"image": image} if image else {}))
    assert (caught.value.message, caught.value.hint) == (said, hint)


@pytest.mark.parametrize(
    "files",
    [
        DagFiles(shipped=1, dag_files=1, before=None),
        DagFiles(shipped=4, dag_files=1, before=8),
        DagFiles(shipped=9, dag_files=1, before=4),
        DagFiles(shipped=1, dag_files=1, before=None, left_out_by="dags/b.py"),
    ],
)
def test_a_deploy_that_leaves_them(files: DagFiles) -> None:
    refuse_wipe(files)
    refuse_wipe(files, image="etl:1")
