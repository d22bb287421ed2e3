"""Make a deploy's image from the running image, for --fast. Imported only when needed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astro_ci.deploying.image import warn_of_dags
from astro_ci.deploying.provenance import commit_time, image_labels
from astro_ci.errors import AstroCIError, ProjectError
from astro_ci.image.checks import check_image
from astro_ci.image.fast.compare import (
    config_differences,
    replaced_stack,
    stack_of,
    tree_differences,
)
from astro_ci.image.fast.image import FastImage, ReplacedImage
from astro_ci.image.fast.layer import make_layer
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.replace import replace_code
from astro_ci.image.fast.running import read_running
from astro_ci.image.stored.config import facts_of
from astro_ci.model import Deploy
from astro_ci.project.context import left_out_of
from astro_ci.reporting.phases import Phase
from astro_ci.survey.fast import FastBase
from astro_ci.survey.survey import Survey
from astro_ci.text import size_text

if TYPE_CHECKING:  # which imports this module when it needs it
    from astro_ci.deploying.artifacts import ArtifactInputs

log = logging.getLogger(__name__)


@contextmanager
def replaced_image(given: ArtifactInputs) -> Iterator[FastImage]:
    """Make the image, check that the Deployment can run it, and give it to the block.

    Raises ProjectError for files that cannot be read.
    """
    survey, deployment, console = given.survey, given.deployment, given.console
    warn_of_dags(given.config, survey, deployment)
    base, plan = survey.fast, survey.plan.fast
    assert base is not None  # noqa: S101 - the plan says that it is possible
    assert plan is not None  # noqa: S101 - as above
    with console.phase(Phase.BUILD):
        image = make_image(survey, base, given.scratch)
    layer = image.layer
    console.did(
        Phase.BUILD,
        f"replaced the code layer of the running image: {layer.files} files, "
        f"{size_text(layer.size)}",
    )
    facts = facts_of(image.made.config, "made from the running one", ())
    supported = {release.version for release in given.client.list_runtimes(deployment.id)}
    check_image(facts, running=deployment.astro_runtime_version, supported=supported)
    made = FastImage(
        image=image,
        facts=facts,
        may_fall_back=plan.mode == "auto",
        connect_engine=lambda: given.connect_engine(given.env),
        password=given.password,
    )
    try:
        yield made
    finally:
        made.close()


def make_image(survey: Survey, base: FastBase, scratch: Path) -> ReplacedImage:
    """Make a layer from the checkout, and the manifest and configuration of the new image."""
    checkout = survey.checkout
    project = checkout.project
    try:
        layer = make_layer(
            project.root,
            ignore=project.read_dockerignore(),
            leave_out=left_out_of(
                project, dags_ship=survey.shipping.dags_in_image, written=checkout.written
            ),
            home=base.image.home,
            old=base.old,
            scratch=scratch,
        )
    except OSError as error:
        raise ProjectError(
            f"the code layer could not be written to {scratch}: {error.strerror or error}",
            hint="Make room in the temporary directory, or name another with TMPDIR.",
        ) from error
    made = replace_code(
        base.image,
        layer,
        labels=image_labels(checkout.head, checkout.remote_url, is_dirty=survey.plan.dirty),
        created=commit_time(checkout.head),
    )
    return ReplacedImage(running=base.image, layer=layer, made=made)


def compare_with_built(survey: Survey, pushed: Deploy, scratch: Path) -> list[str]:
    """List the differences between the pushed, built image and an image made without a build."""
    base = survey.fast
    assert base  # noqa: S101 - the caller checks
    source = base.image.source
    host, _, name = pushed.image_repository.partition("/")
    try:
        if host != source.host:
            raise NotFastError("the running image is in another registry")
        built = read_running(replace(source, name=name), pushed.image_tag)
        made = make_image(survey, base, scratch)
        stack = replaced_stack(base.image, made.layer)
        found = [
            *config_differences(built, made.made),
            *tree_differences(stack_of(built), stack, base.image.home),
        ]
    except NotFastError as error:
        found = [str(error).replace("the running image", "the built image")]
    except AstroCIError as error:
        found = [f"the built image could not be compared: {error.message}"]
    finally:
        source.close()
    if found:
        log.warning(
            "--fast verify: the built image differs from the one that would be made without a "
            "build: %s",
            "; ".join(found),
        )
    return found
