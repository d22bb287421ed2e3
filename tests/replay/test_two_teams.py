"""Two teams and one Deployment: one has a repository of DAGs, the other one the image.

Whatever they do, and whatever fails, neither undoes the other, and each plans its own part alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from astro_ci.astro.upload import Uploader
from astro_ci.configuration.config import Config
from astro_ci.deploying.deploy import Tools, deploy
from astro_ci.errors import AstroCIError, ConfigurationError
from astro_ci.model import DeployResult, DeployType, Plan, Request
from astro_ci.sandbox import Sandbox
from astro_ci.survey.plan import plan
from astro_ci.web.session import Patience
from tests.integration.sandbox.support import Client
from tests.replay.engine import QuickEngine, pull_layer
from tests.replay.oracle import below, read_tar
from tests.replay.world import Clock, EventfulConsole
from tests.repository import Repository

EXAMPLES = int(os.environ.get("ASTRO_CI_TEST_EXAMPLES") or 4)
NAME = "production"
PARTS = st.sampled_from(["dags", "image"])
FAULTS = {
    "create": ("POST", "/deploys$"),
    "upload": ("PUT", "^/blobs/"),
    "push": ("PUT", "/manifests/"),
    "finalize": ("POST", "/finalize$"),
}
Running = tuple[str, str]
"""The image's tag and the bundle's version."""


class Team:
    """A repository, a token, and the options of its pipeline."""

    def __init__(self, root: Path, token: str, files: dict[str, str], **options: Any) -> None:
        self.work = Repository.create(root, files)
        self.work.git("remote", "add", "origin", f"https://git.example.com/acme/{root.name}.git")
        self.token = token
        self.options = options

    @property
    def config(self) -> Config:
        """The options of its job."""
        return Config(
            project=self.work.root,
            deployment_name=NAME,
            parse=False,
            allow_shrink=True,
            allow_older=True,
            **self.options,
        )

    def files(self) -> dict[str, bytes]:
        """What it ships."""
        found = (p for p in self.work.root.rglob("*") if p.is_file() and ".git" not in p.parts)
        return {p.relative_to(self.work.root).as_posix(): p.read_bytes() for p in found}


class TwoTeams(RuleBasedStateMachine):
    """Random histories of both."""

    taken: ClassVar[Counter[str]] = Counter()

    @initialize(layout=st.sampled_from([None, "root"]))
    def begin(self, layout: str | None) -> None:
        """Make both repositories, and deploy each once."""
        self.directory = Path(tempfile.mkdtemp())
        self.astro = Sandbox(rollout_seconds=0).start()
        self.api = Client(self.astro, None)
        self.engine = QuickEngine()
        self.clock = Clock()
        self.layout = layout or "prefixed"
        tokens = [self.astro.new_token(), self.astro.new_token()]
        dags = {"dags/a.py": "a = 1  # an Airflow DAG\n", "README.md": "DAGs\n"}
        image = {"Dockerfile": "FROM runtime\n", "requirements.txt": "", "include/q.sql": "1\n"}
        lazy = {"requested": Request.IMAGE, "skip_unchanged": True}
        self.teams = {
            "dags": Team(self.directory / "dags", tokens[0], dags),
            "image": Team(self.directory / "platform", tokens[1], image, **lazy),
        }
        self.deploy("image")
        self.teams["dags"].options["bundle_layout"] = layout
        self.deploy("dags")
        self.teams["dags"].options.pop("bundle_layout")

    def teardown(self) -> None:
        """Remove everything."""
        if hasattr(self, "astro"):
            self.api.close()
            self.astro.stop()
            shutil.rmtree(self.directory)

    # --- what happens ----------------------------------------------------------------------------

    @rule(part=PARTS, number=st.integers(0, 3))
    def edit(self, part: str, number: int) -> None:
        """Change a file that ships."""
        path = {"dags": f"dags/d{number}.py", "image": f"include/f{number}.sql"}[part]
        file = self.teams[part].work.root / path
        text = file.read_text() if file.is_file() else ""
        self.teams[part].work.write({path: f"{text}x = 1  # airflow DAG\n"})
        self.teams[part].work.commit(f"edit {path}")

    @rule(part=PARTS)
    def edit_nothing(self, part: str) -> None:
        """Change a file that does not ship."""
        self.teams[part].work.write({"README.md": os.urandom(4).hex()})
        self.teams[part].work.commit("a readme")

    @rule(part=PARTS)
    def deploy(self, part: str) -> None:
        """Deploy; the other part is as it was, and nothing is left to do."""
        if not self.enabled:
            with pytest.raises(ConfigurationError, match="DAG-only deploys"):
                self._deploy(part)
            return
        before, planned = self.running, self._plan(part).deploy_type
        result = self._deploy(part)
        note(f"{part}: {result.outcome}, {result.plan.reason}")
        assert result.plan.deploy_type is planned
        assert planned in (DeployType.NONE, DeployType(part)), "its own part, and nothing else"
        self._assert_other_untouched(part, before)
        assert self._shipped(part) == self._content(part)
        assert self._plan(part).deploy_type is DeployType.NONE
        self.taken[f"deploys of {part}: {result.outcome}"] += 1

    @rule(part=PARTS, fault=st.sampled_from(sorted(FAULTS)))
    def deploy_in_trouble(self, part: str, fault: str) -> None:
        """Deploy while something fails."""
        if not self.enabled or self._plan(part).deploy_type is DeployType.NONE:
            return
        before = self.running
        self.astro.faults.add(*FAULTS[fault], status=403, times=None)
        try:
            self._deploy(part)
        except AstroCIError as error:
            note(f"{part}: {error}")
            assert self.running == before
            self.taken["deploys that failed"] += 1
        finally:
            self.astro.faults.clear()
        self._assert_other_untouched(part, before)

    @rule(part=PARTS)
    def deploy_while_the_other_does(self, part: str) -> None:
        """Deploy, and the other team does so before it is done."""
        if not self.enabled or self._plan(part).deploy_type is DeployType.NONE:
            return
        other = "image" if part == "dags" else "dags"

        def meanwhile(_number: int, text: str) -> None:
            if text.startswith("created deploy"):
                self._deploy(other)

        self._deploy(part, on_line=meanwhile)
        for each in (part, other):
            assert self._shipped(each) == self._content(each)
            assert self._plan(each).deploy_type is DeployType.NONE
        self.taken["deploys at once"] += 1

    @rule()
    def toggle(self) -> None:
        """Switch DAG-only deploys."""
        self.api.update(NAME, isDagDeployEnabled=not self.enabled)

    @rule(number=st.integers(0, 5))
    def roll_back(self, number: int) -> None:
        """Go back to an earlier deploy in the Astro UI."""
        done = [one for one in self.astro.deploys(NAME) if one.status == "DEPLOYED"]
        chosen = done[number % len(done)]
        path = self.api.path(NAME, f"/deploys/{chosen.id}/rollback")
        self.api.call("POST", path, json={"description": "by hand"})

    # --- what always holds -----------------------------------------------------------------------

    @invariant()
    def each_plans_its_own_part(self) -> None:
        """A plan is none or its part; none exactly when what runs is what is checked out."""
        if not hasattr(self, "astro") or not self.enabled:
            return
        for part in self.teams:
            planned = self._plan(part)
            is_live = self._shipped(part) == self._content(part)
            wanted = DeployType.NONE if is_live else DeployType(part)
            # The first deploy after a switch may be one too many, and never one too few.
            assert planned.deploy_type in (wanted, DeployType(part)), planned.reason
            if not self._is_switched(part):
                assert planned.deploy_type is wanted, planned.reason
            self.taken["plans"] += 1

    def _is_switched(self, part: str) -> bool:
        """Whether what runs was deployed before DAG-only deploys were switched."""
        tag, version = self.running
        wanted = tag if part == "image" else version
        brought = [
            one
            for one in self.astro.deploys(NAME)
            if wanted and wanted in (one.image_tag, one.dag_tarball_version)
        ]
        return not all(one.is_dag_deploy_enabled for one in brought)

    # --- small things ----------------------------------------------------------------------------

    @property
    def enabled(self) -> bool:
        """Whether DAG-only deploys are."""
        return self.astro.deployment(NAME).is_dag_deploy_enabled

    @property
    def running(self) -> Running:
        """What runs."""
        found = self.astro.deployment(NAME)
        return found.image_tag, found.desired_dag_tarball_version

    def _assert_other_untouched(self, part: str, before: Running) -> None:
        index = 1 if part == "image" else 0
        assert self.running[index] == before[index]

    def _shipped(self, part: str) -> dict[str, bytes]:
        """What of a part runs, file by file."""
        tag, version = self.running
        if part == "dags":
            if not version:
                return {}
            files = read_tar(self.astro.bundle(NAME))
            files = below(files, "dags") if self.layout == "prefixed" else files
            return {f"dags/{name}": entry.content for name, entry in files.items()}
        repository = self.astro.deployment(NAME).image_repository.partition("/")[2]
        layer = read_tar(pull_layer(self.astro.api_url, repository, tag, ("cli", self.astro.token)))
        return {name: e.content for name, e in layer.items() if not name.startswith(".git/")}

    def _content(self, part: str) -> dict[str, bytes]:
        """What of a part is checked out."""
        files = self.teams[part].files()
        if part == "dags":
            return {name: text for name, text in files.items() if name.startswith("dags/")}
        runs = self._shipped("image")  # a readme in the image does not make it another one
        return {
            n: runs.get(n, b"") if n == "README.md" else text
            for n, text in files.items()
            if n != "README.md" or n in runs
        }

    def _env(self, part: str) -> dict[str, str]:
        return {
            "ASTRO_API_URL": self.astro.api_url,
            "ASTRO_API_TOKEN": self.teams[part].token,
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
        }

    def _plan(self, part: str) -> Plan:
        return plan(self.teams[part].config, self._env(part))

    def _deploy(
        self, part: str, on_line: Callable[[int, str], None] = lambda number, text: None
    ) -> DeployResult:
        env = self._env(part)
        return deploy(
            self.teams[part].config,
            env,
            console=EventfulConsole(env, on_line),
            tools=Tools(
                uploader=Uploader(sleep=self.clock.sleep),
                connect_engine=lambda _env: self.engine.engine(),
                patience=Patience(sleep=self.clock.sleep),
                now=self.clock.now,
            ),
        )


@pytest.mark.timeout(180 + 60 * EXAMPLES)
def test_neither_undoes_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    TwoTeams.taken = Counter()
    run_state_machine_as_test(
        TwoTeams,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            derandomize="ASTRO_CI_TEST_EXAMPLES" not in os.environ,
            database=None,
        ),
    )
    assert TwoTeams.taken["plans"] > EXAMPLES
    with capsys.disabled():
        counts = ", ".join(f"{count} {what}" for what, count in sorted(TwoTeams.taken.items()))
        print(f"\ntwo teams: {EXAMPLES} histories, {counts}")
