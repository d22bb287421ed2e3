"""The request bodies for deploys and hibernation.

Source: the schemas of the same names in the API document.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from astro_ci.model import ApiDeployType
from astro_ci.sandbox.platform.refusal import invalid

ShortText = Annotated[str, Meta(max_length=500)]
Optional = str | UnsetType


class CreateDeployGitRequest(Struct, kw_only=True, rename="camel"):
    """The commit and the repository of a deploy's code."""

    provider: Literal["GITHUB", "GENERIC"]
    commit_sha: str
    account: Optional = UNSET
    repo: Optional = UNSET
    remote_url: Optional = UNSET
    path: Optional = UNSET
    branch: Optional = UNSET
    author_name: Optional = UNSET
    author_url: Optional = UNSET
    author_username: Optional = UNSET
    commit_url: Optional = UNSET
    before_commit_sha: Optional = UNSET

    def check(self) -> None:
        """Refuse fields that do not belong to the provider."""
        needed, unwanted = ["account", "repo"], ["remoteUrl"]
        if self.provider == "GENERIC":
            needed, unwanted = unwanted, needed
        given: dict[str, object] = msgspec.to_builtins(self)
        for name in needed:
            if not given.get(name):
                raise invalid(f"git.{name}", f"required for provider {self.provider}", "required")
        for name in unwanted:
            if given.get(name):
                raise invalid(f"git.{name}", f"must be empty for provider {self.provider}")


class CreateDeployRequest(Struct, kw_only=True, rename="camel"):
    """The request for a new deploy."""

    type: ApiDeployType
    description: ShortText | UnsetType = UNSET
    git: CreateDeployGitRequest | UnsetType = UNSET
    bundle_mount_path: Optional = UNSET
    bundle_type: Optional = UNSET

    def check(self) -> None:
        """Refuse values that the schema allows and its descriptions forbid."""
        if self.git:
            self.git.check()
        if self.type != "BUNDLE":
            return
        for name, value in (
            ("bundleMountPath", self.bundle_mount_path),
            ("bundleType", self.bundle_type),
        ):
            if not value:
                raise invalid(name, "required for a deploy of type BUNDLE", "required")


class UpdateDeployRequest(Struct, kw_only=True):
    """The request for a new description of a deploy."""

    description: ShortText | UnsetType = UNSET


class DeployRollbackRequest(Struct, kw_only=True):
    """The request for a rollback, with the description of the deploy that the rollback makes."""

    description: ShortText | UnsetType = UNSET


class FinalizeDeployRequest(Struct, kw_only=True, rename="camel"):
    """The request to finalize a deploy, with the versions that were uploaded for it."""

    dag_tarball_version: Optional = UNSET
    bundle_tarball_version: Optional = UNSET


class OverrideDeploymentHibernationBody(Struct, kw_only=True, rename="camel"):
    """A hibernation override."""

    is_hibernating: bool | None
    override_until: Annotated[str, Meta(min_length=1)] | UnsetType | None = UNSET
