"""Find other deploys to the Deployment during this run, and make the error that they cause."""

from __future__ import annotations

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.ci import CIContext
from astro_ci.deploying.order import Behind, Commits, Known, Verdict, order_of, stand
from astro_ci.errors import DeployFailedError
from astro_ci.model import Deploy, Deployment, Part, Request
from astro_ci.planning.running import Ours
from astro_ci.remote import repository_identity
from astro_ci.survey.survey import Survey
from astro_ci.text import short


class Rivals(Struct, frozen=True, kw_only=True):
    """The connection to read other deploys, and the facts about this run's deploy."""

    client: AstroClient
    survey: Survey
    deployment: Deployment
    known: Known
    allow_older: bool

    def stand(self, opened: Deploy) -> Verdict:
        """Compare this run's deploy with other deploys. Raises ApiError, AuthenticationError."""
        recent = self.known.recent(self.client.list_deploys(self.deployment.id))
        expected = self.known.deployed | {opened.id}
        if all(deploy.id in expected for deploy in recent if deploy.status == "DEPLOYED"):
            return Verdict()  # there was no other deploy
        brought = self.survey.plan.deploy_type.parts
        is_compared = self.survey.plan.requested is Request.AUTO
        return stand(
            opened,
            self.client.get_deployment(self.deployment.id),
            recent,
            self.known,
            brought=brought,
            claimed=frozenset(Part) if is_compared else brought,
            commits=self._commits(),
        )

    def failure(self, behind: Behind, opened: Deploy) -> DeployFailedError:
        """Make the error for a run that ends while an older commit than the newest is running."""
        newest, running = behind.newest, behind.running
        if newest.id == opened.id:
            return DeployFailedError(
                f"deploy {running.id} replaced deploy {opened.id} of commit "
                f"{short(self.survey.checkout.head.sha)} with an older commit, for the second time",
                hint=queue_hint("Run the job again", self.survey.checkout.ci),
            )
        commit = short(newest.git.commit_sha) if newest.git else ""
        replacing = f"deploy {running.id}"
        if running.id == opened.id:
            replacing = f"this deploy, {running.id},"
        return DeployFailedError(
            f"{replacing} replaced deploy {newest.id} of commit {commit}, which went live in the "
            "meantime, with an older commit",
            hint=queue_hint(f"Run the job of commit {commit} again", self.survey.checkout.ci),
        )

    def _commits(self) -> Commits:
        found = self.survey.checkout
        remote, prebuilt = found.remote_url, self.survey.shipping.prebuilt
        return Commits(
            heads={
                part: prebuilt.commit_here
                if prebuilt and part not in self.survey.shipping.parts
                else found.head.sha
                for part in Part
            },
            ours=Ours(
                repository=repository_identity(remote) if remote else None,
                project=found.layout.project,
            ),
            is_newer=order_of(found.repo, found.ci, found.head.sha, allow_older=self.allow_older),
        )


def queue_hint(first: str, ci: CIContext) -> str:
    """Make the hint for concurrent deploys, in the words of the CI system."""
    return f"{first}, and let deploys of one Deployment wait for each other. {ci.concurrency_hint}"
