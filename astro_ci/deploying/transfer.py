"""Send the artifacts: push the image and upload the DAG bundle at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.astro.upload import Uploader
from astro_ci.bundle import Bundle
from astro_ci.deploying.side_by_side import Stop, run_side_by_side
from astro_ci.model import Deploy
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase

if TYPE_CHECKING:  # loaded when an image is built
    from astro_ci.deploying.artifacts import Artifacts
    from astro_ci.image.source import Destination, ReadyImage

OnBytes = Callable[[int, int], None]


class Transfer(Struct, kw_only=True):
    """The transfer of one deploy. `bundle_version` is set when the bundle is uploaded."""

    deploy: Deploy
    password: Callable[[], str]
    """Returns the registry's password."""
    uploader: Uploader
    sleep: Callable[[float], None]
    bundle_version: str = ""

    def send(self, made: Artifacts, console: Console, *, on_sent: Callable[[], None]) -> None:
        """Push and upload at the same time, because each mostly waits for its own server.

        `on_sent` is called after the last byte of the bundle, if one request sends the bundle.
        """
        with console.transfers() as transfer:
            jobs: list[Callable[[Stop], None]] = []
            if made.image:
                jobs.append(self._push_job(made.image, transfer(Phase.PUSH)))
            if made.bundle:
                report = transfer(Phase.UPLOAD)
                jobs.append(self._upload_job(made.bundle, report, on_sent))
            try:
                run_side_by_side(jobs)
            except BaseException:
                if made.image:  # a push that hangs cannot remove its own tag
                    made.image.withdraw(self._destination)
                raise
        if made.image:
            console.did(Phase.PUSH, f"pushed the image as tag {self.deploy.image_tag}")
        if made.bundle:
            console.did(Phase.UPLOAD, f"uploaded the DAG bundle as version {self.bundle_version}")

    @property
    def _destination(self) -> Destination:
        from astro_ci.image.source import Destination

        return Destination(self.deploy.image_repository, self.deploy.image_tag)

    def _push_job(self, image: ReadyImage, report: OnBytes) -> Callable[[Stop], None]:
        def push(stop: Stop) -> None:
            image.push(
                self._destination,
                password=self.password,
                on_progress=_stoppable(report, stop),
                sleep=self.sleep,
            )

        return push

    def _upload_job(
        self, bundle: Bundle, report: OnBytes, on_sent: Callable[[], None]
    ) -> Callable[[Stop], None]:
        def upload(stop: Stop) -> None:
            self.bundle_version = self.uploader.upload(
                self.deploy.dags_upload_url,
                bundle.path,
                md5=bundle.md5,
                on_progress=_stoppable(report, stop),
                on_sent=on_sent,
            )

        return upload


def _stoppable(report: OnBytes, stop: Stop) -> OnBytes:
    """Wrap a progress callback to end a transfer that is no longer wanted."""

    def report_or_stop(done: int, total: int) -> None:
        stop.check()
        report(done, total)

    return report_or_stop
