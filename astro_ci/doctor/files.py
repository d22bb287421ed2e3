"""Check the files: `astro-ci.yaml` and the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astro_ci.bundle import has_dag_suffix, list_members
from astro_ci.ci import CIContext
from astro_ci.configuration.choice import Target, every_target
from astro_ci.configuration.config import Config
from astro_ci.configuration.keys import Settings
from astro_ci.doctor.check import Steps, ok, problem, warning
from astro_ci.errors import ProjectError
from astro_ci.model import Request
from astro_ci.project.dockerfile import BaseImage, base_image, needs_buildkit
from astro_ci.project.find import Project, dockerfile_text, find_project
from astro_ci.survey.targets import find_targets
from astro_ci.text import excerpt, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A project whose files are readable."""

    project: Project
    base: BaseImage | None
    needs_buildkit: bool


def configuration(
    given: Settings,
    env: Mapping[str, str],
    ci: CIContext,
    config_file: Path | None,
    directory: Path,
) -> Steps[list[Target]]:
    """Report the Deployments of this run; all of the file, when the run has none."""
    found = find_targets(given, env, ci, config_file=config_file, deploys=False)
    choice = found.choice
    if found.file is None:
        yield ok("configuration", "no astro-ci.yaml: only options and variables count")
        return list(choice.targets)
    names = listed([target.label for target in choice.targets])
    if choice.targets:
        by = f"{choice.ref} is for {names}" if choice.ref else f"this run is about {names}"
        yield ok("configuration", f"{found.file.name} is valid: {by}")
        return list(choice.targets)
    everything = every_target(found.file, given, directory)
    yield warning(
        "configuration",
        f"{found.file.name} is valid, and a deploy would skip: {choice.reason}",
        "This is right when the branch is not meant to deploy. "
        + (
            "The file's only Deployment is checked below."
            if len(everything) == 1
            else f"All {len(everything)} Deployments are checked below."
        ),
    )
    return everything


def project(config: Config, env: Mapping[str, str]) -> Steps[Files]:
    """Check the Dockerfile, the DAGs and .dockerignore."""
    is_image_alone = config.is_prebuilt and config.requested is Request.IMAGE
    found = find_project(
        config.project, config.dags_path, config.dockerfile, may_be_empty=is_image_alone
    )
    yield ok("project", str(found.root))
    if config.is_prebuilt:
        yield ok("Dockerfile", "not needed: the image of this deploy is built already")
        yield from _dags(found, config)
        return Files(project=found, base=None, needs_buildkit=False)
    content = found.read_dockerfile()
    text = "" if content is None else dockerfile_text(content)
    base = None
    if content is None:
        try:
            found.require_dockerfile()
        except ProjectError as error:
            yield problem("Dockerfile", error)
    else:
        base = base_image(text, _build_args(config, env), config.target)
        yield from _starts_from(base)
    yield from _dags(found, config)
    yield from _ignore_file(found)
    return Files(project=found, base=base, needs_buildkit=needs_buildkit(text))


def _ignore_file(found: Project) -> Steps[None]:
    """Check that .dockerignore can be read."""
    try:
        count = len(found.read_dockerignore().patterns)
    except ProjectError as error:
        yield problem(".dockerignore", error)
        return
    yield ok(".dockerignore", f"{count or 'no'} pattern{'' if count == 1 else 's'}")


def _starts_from(base: BaseImage | None) -> Steps[None]:
    if base is None:
        yield problem(
            "Dockerfile",
            ProjectError(
                "the Dockerfile has no FROM",
                hint="Start it FROM an Astro Runtime image, such as "
                "astrocrpublic.azurecr.io/runtime:VERSION.",
            ),
        )
    elif base.runtime_version:
        yield ok("Dockerfile", f"from Astro Runtime {base.runtime_version}")
    else:
        yield warning(
            "Dockerfile",
            f"from {excerpt(base.reference)}, whose name does not say that it is an Astro "
            "Runtime image",
            "Make sure that this image is built on Astro Runtime: Astro accepts no other images.",
        )


def _dags(found: Project, config: Config) -> Steps[None]:
    if not found.has_dags:
        yield problem(
            "DAGs",
            ProjectError(
                f"there is no directory {excerpt(config.dags_path)} in {found.root}",
                hint="Name the DAGs directory with --dags-path.",
            ),
        )
        return
    try:
        count = sum(has_dag_suffix(member.name) for member in list_members(found.dags))
    except ProjectError as error:
        yield problem("DAGs", error)
        return
    if count:
        files = "1 file" if count == 1 else f"{count} files"
        yield ok("DAGs", f"{files} in {excerpt(config.dags_path)}")
    else:
        yield problem(
            "DAGs",
            ProjectError(
                f"{excerpt(config.dags_path)} holds no DAG file",
                hint="Run the step that generates DAGs first, or correct --dags-path.",
            ),
        )


def _build_args(config: Config, env: Mapping[str, str]) -> dict[str, str]:
    parts = [argument.partition("=") for argument in config.build_args]
    return {name: value if equals else env.get(name, "") for name, equals, value in parts}
