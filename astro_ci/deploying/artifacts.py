"""Make the artifacts of a deploy: the image and the DAG bundle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.bundle import Bundle, Member, check_links, list_members, write_bundle
from astro_ci.configuration.config import Config
from astro_ci.deploying.workshop import Workshop
from astro_ci.errors import DockerError, ProjectError
from astro_ci.model import Deployment, Part
from astro_ci.paths import join
from astro_ci.planning.marker import ROOT_LAYOUT
from astro_ci.project.runtime import RuntimeVersion
from astro_ci.reporting.console import Console
from astro_ci.survey.checkout import Checkout
from astro_ci.survey.survey import Survey
from astro_ci.text import listed, sentence, size_text

log = logging.getLogger(__name__)

if TYPE_CHECKING:  # loaded when an image is built
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ReadyImage


# Not for a changed image: the DAGs must not ship without the new image.
_WITHOUT_ENGINE = (
    "The image is unchanged: a deploy of the DAGs alone (--type dags) needs no Docker."
)


class Artifacts(Struct, frozen=True, kw_only=True):
    """The finished image and bundle; None for an artifact that this deploy does not ship."""

    image: ReadyImage | None = None
    bundle: Bundle | None = None


class ArtifactMaker(Struct, frozen=True, kw_only=True):
    """Makes the artifacts of one deploy. `workshop` keeps a built image until the run ends."""

    config: Config
    env: Mapping[str, str]
    survey: Survey
    deployment: Deployment
    client: AstroClient
    connect_engine: Callable[[Mapping[str, str]], Engine]
    password: Callable[[], str]
    """The password for the Deployment's registry."""
    workshop: Workshop
    scratch: Path
    console: Console

    def __repr__(self) -> str:
        """Show the maker without the environment."""
        return f"ArtifactMaker(deployment={self.deployment!r})"

    @contextmanager
    def make(self) -> Iterator[Artifacts]:
        """Build and check the artifacts of the Plan. All checks without Docker come first."""
        survey, plan = self.survey, self.survey.plan
        with_bundle = plan.deploy_type.has_dags and self.deployment.is_dag_deploy_enabled
        if plan.deploy_type.has_image and survey.shipping.prebuilt is None:
            survey.checkout.project.require_dockerfile()
        refuse_empty_submodules(survey.differences.empty_submodules, plan.deploy_type.parts)
        members: Sequence[Member] = ()
        if with_bundle and survey.checkout.project.has_dags:
            members = _members(survey.checkout)
        bundle = _bundle(survey, members, self.scratch, self.console) if with_bundle else None
        without = _WITHOUT_ENGINE if with_bundle and plan.content.image == "same" else ""
        with self._image(without) as image:
            runs = self.deployment.astro_runtime_version
            _check_links(survey, members, (image.facts.runtime_version if image else runs) or "")
            yield Artifacts(image=image, bundle=bundle)

    @contextmanager
    def _image(self, without: str) -> Iterator[ReadyImage | None]:
        """Take the prebuilt image, replace the code layer of the running one, or build the image.

        Yields None when the Plan has no image. `without` is a hint for users without an engine.
        """
        plan, prebuilt = self.survey.plan, self.survey.shipping.prebuilt
        if not plan.deploy_type.has_image:
            yield None
        elif prebuilt:
            yield prebuilt.image
        elif plan.fast and plan.fast.is_chosen:
            from astro_ci.deploying.fast import replaced_image

            with replaced_image(
                self.config,
                self.survey,
                self.deployment,
                self.client,
                env=self.env,
                connect_engine=self.connect_engine,
                password=self.password,
                scratch=self.scratch,
                console=self.console,
            ) as replaced:
                yield replaced
        else:
            yield self._built(without)

    def _built(self, without: str) -> ReadyImage:
        # Imported here, because most deploys ship only DAGs.
        from astro_ci.deploying.image import built_once

        builder = self.workshop.builder(self.env, self.config.builder)
        engine = find_engine(
            self.config, self.workshop, self.env, self.connect_engine, without=without
        )
        return built_once(
            self.config,
            self.env,
            self.survey,
            self.deployment,
            self.client,
            engine,
            builder,
            self.console,
            self.workshop,
        )


def find_engine(
    config: Config,
    workshop: Workshop,
    env: Mapping[str, str],
    connect_engine: Callable[[Mapping[str, str]], Engine],
    *,
    without: str = "",
) -> Engine | None:
    """Connect to the engine; None when no engine answers and a named builder needs none.

    `without` is a hint for users without an engine. Raises DockerError.
    """
    try:
        return workshop.engine(env, connect_engine)
    except DockerError as error:
        if config.builder:
            log.info("%s; the image of builder %s is sent without one", error, config.builder)
            return None
        error.hint = " ".join(filter(None, (sentence(error.hint), without)))
        raise


def refuse_empty_submodules(
    submodules: Mapping[str, frozenset[Part]], shipped: frozenset[Part]
) -> None:
    """Raise ProjectError when a submodule ships and was not checked out."""
    empty = [path for path, parts in submodules.items() if parts & shipped]
    if empty:
        raise ProjectError(
            f"submodules of the project were not checked out: {listed(sorted(empty))}",
            hint="Check them out before the deploy: `git submodule update --init --recursive`, "
            "`submodules: recursive` on actions/checkout, or GIT_SUBMODULE_STRATEGY: recursive.",
        )


def _members(checkout: Checkout) -> Sequence[Member]:
    """List the files of the bundle, without files that this run writes."""
    rules, dags = checkout.rules, checkout.layout.dags[0]
    members = list_members(checkout.project.dags)
    if not rules.written:
        return members
    return [one for one in members if not rules.is_written(join(dags, one.name))]


def _bundle(survey: Survey, members: Sequence[Member], scratch: Path, console: Console) -> Bundle:
    # With uncommitted changes, the commit's time could make Python use stale bytecode.
    mtime = int(time.time()) if survey.plan.dirty else survey.checkout.head.time
    bundle = write_bundle(members, scratch / "dags.tar.gz", mtime=mtime, prefix=_prefix(survey))
    console.say(f"DAG bundle: {_files_text(bundle, survey)}, {size_text(bundle.size)}")
    return bundle


def _prefix(survey: Survey) -> str:
    """Return the directory that holds the files in the bundle; empty for its root."""
    return "" if survey.shipping.layout == ROOT_LAYOUT else "dags"


def _files_text(bundle: Bundle, survey: Survey) -> str:
    """Describe the bundle: the number of files that Airflow loads, and of other files."""
    counted = survey.differences.dag_files
    dags = min(counted.dag_files, bundle.files) if counted else bundle.files
    others = bundle.files - dags
    text = f"{dags} DAG file{'' if dags == 1 else 's'}"
    return f"{text} and {others} other{'' if others == 1 else 's'}" if others else text


def _check_links(survey: Survey, members: Sequence[Member], runtime: str) -> None:
    version = RuntimeVersion.parse(runtime)
    is_refused = version is not None and version.airflow >= 3
    dags = survey.checkout.project.dags
    check_links(members, dags, refuse=is_refused, prefix=_prefix(survey))
