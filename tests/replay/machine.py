"""Random histories of a project and its Deployments, checked against the oracle at every step."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from astro_ci.errors import (
    AstroCIError,
    CancelledError,
    ConfigurationError,
    ProjectError,
)
from astro_ci.model import Plan, Request
from astro_ci.reporting.documents import as_json, plan_document
from tests.replay.schema import PLAN
from tests.replay.world import Truth, World, cancel_at
from tests.repository import Repository, fingerprint

DAGS = (
    *("dags/a.py", "dags/b.py", "dags/sub/c.py", "dags/sub", "dags/conf.yaml"),
    *("dags/two words.py", "dags/new\nline.py", "dags/-dash.py", "dags/é.py", "dags/\udcff.py"),
    *("dags/README.md", "dags/tests/t.py", "dags/.airflowignore", "dags/gen_x.py"),
    *("dags/sub/gen_y.py", "dags/a.py/deep.py", "dags/config.log"),
)
IMAGE = (
    *("include/a.py", "include/lib/b.py", "include/lib", "plugins/p.py", "requirements.txt"),
    *("config/\udcfe.cfg", "-x", "dags2/a.py", "dags.py", "include/dags/a.py", "include/n.md"),
    *("include/secret.txt", "include/keep.tmp", "new\nline", "tests.py", "docs.txt", "a b/c"),
)
NOTHING = (
    *("README.md", "docs/a.md", "docs/dags/x.py", "tests/test_a.py", ".github/workflows/ci.yml"),
    *("LICENSE", "notes/n.txt", "build/out.txt", "debug.log", "include/debug.log"),
)
LEFTOVERS = (
    *("dags/__pycache__/a.pyc", "dags/b.pyc", "dags/.DS_Store", "dags/sub/__pycache__/c.pyc"),
    *("dags/venv/pyvenv.cfg", "dags/venv/lib/x.py", ".venv/pyvenv.cfg", ".venv/lib.py"),
    "include/__pycache__/a.pyc",
)
PATHS = st.one_of(*map(st.sampled_from, (DAGS, IMAGE, NOTHING, LEFTOVERS)))
SHIPPING = st.one_of(*map(st.sampled_from, (DAGS, IMAGE)))
CONTENTS = st.sampled_from(["0\n", "1\n", "22\n", ""])
DOCKERIGNORE_LINES = (
    *("notes", "*.log", "**/*.tmp", "!include/keep.tmp", "include/secret.txt", "/config"),
    *("# a comment", "", "dags", "include/*.md", "!include/n.md", "plugins/"),
)
GIT_IGNORE = "gen_*\n*.log\n/.venv/\n__pycache__/\nbuild/\n"
CLONES: tuple[tuple[str, ...], ...] = (
    (),
    ("--depth=1",),
    ("--depth=2",),
    ("--depth=5", "--no-single-branch"),
    ("--filter=blob:none",),
    ("--filter=tree:0",),
    ("--depth=1", "--filter=blob:none"),
)
NAMES = st.sampled_from(["production", "production", "classic", "development"])
COVERS = {"none": 0, "dags": 1, "image": 2, "image-and-dags": 3}
BY_HAND = st.sampled_from(["IMAGE_AND_DAG", "DAG_ONLY", "IMAGE_ONLY"])
_UNTRACK = ("rm", "--cached", "--sparse", "--quiet", "--ignore-unmatch", "--force", "--")


class ReplayMachine(RuleBasedStateMachine):
    """A project whose root is the repository's."""

    project: ClassVar[str] = ""
    dags: ClassVar[str] = "dags"
    image_paths: ClassVar[tuple[str, ...]] = ()
    taken: ClassVar[Counter[str]] = Counter()
    """Steps of all histories, and those of them that ended in a deploy or a plan checked."""

    def __init__(self) -> None:
        super().__init__()
        self._work_trees = self._steps = 0
        self._scratch = tempfile.TemporaryDirectory(prefix="astro-ci-replay-")
        self.world = World(
            Path(self._scratch.name),
            project=self.project,
            dags=self.dags,
            image_paths=self.image_paths,
        )

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.world.close()
        self._scratch.cleanup()

    @initialize(deployed=st.sampled_from([(), ("production",), ("production", "classic")]))
    def first_commit(self, deployed: tuple[str, ...]) -> None:
        """Start with a small project, which may run already."""
        self._write("Dockerfile", "FROM runtime\n")
        self._write(".gitignore", GIT_IGNORE)
        for name in ("dags/a.py", "dags/b.py", "include/a.py", "README.md"):
            self._write(name, "0\n")
        if self.project:
            self._write_at(self.world.work.root / "dags/elsewhere.py", "0\n")
            self._write_at(self.world.work.root / "shared/lib.py", "0\n")
        self.commit()
        self._git("push", "--quiet", "origin", "HEAD:main")
        for name in deployed:
            self.deploy(name)

    @invariant()
    def count(self) -> None:
        """Count the step that was taken."""
        self.taken["steps"] += 1

    # --- edits -----------------------------------------------------------------------------------

    @rule(path=PATHS, content=CONTENTS)
    def write(self, path: str, content: str) -> None:
        """Add or edit a file."""
        self._write(path, content)

    @rule(path=SHIPPING, content=CONTENTS)
    def write_what_ships(self, path: str, content: str) -> None:
        """Add or edit a file of consequence."""
        self._write(path, content)

    @rule(path=SHIPPING, to=st.sampled_from(["a.py", "../include/a.py", "/etc/x", "gone", "."]))
    def link(self, path: str, to: str) -> None:
        """Put a symbolic link there."""
        self._make_room(self._place(path)).symlink_to(to)

    @rule(number=st.integers(0, 50))
    def delete(self, number: int) -> None:
        """Remove a file."""
        if path := self._existing(number):
            path.unlink()

    @rule(number=st.integers(0, 50), to=SHIPPING)
    def rename(self, number: int, to: str) -> None:
        """Move a file, perhaps across the boundary between DAGs and image."""
        path, place = self._existing(number), self._place(to)
        if path and path != place and path not in place.parents and place not in path.parents:
            path.rename(self._make_room(place))

    @rule(number=st.integers(0, 50), program=st.booleans())
    def chmod(self, number: int, program: bool) -> None:
        """Change a file's mode."""
        path = self._existing(number)
        if path and not path.is_symlink():
            path.chmod(0o755 if program else 0o644)

    @rule(lines=st.lists(st.sampled_from(DOCKERIGNORE_LINES), max_size=4, unique=True))
    def edit_dockerignore(self, lines: list[str]) -> None:
        """Change what stays out of the image."""
        self._write(".dockerignore", "".join(f"{line}\n" for line in lines))

    @rule(number=st.integers(0, 2))
    def edit_dockerfile(self, number: int) -> None:
        """Change the Dockerfile."""
        self._write("Dockerfile", f"FROM runtime\n# {number}\n")

    @precondition(lambda self: self.project)
    @rule(path=st.sampled_from(["dags/elsewhere.py", "README.md", "other/x.py"]), text=CONTENTS)
    def write_outside(self, path: str, text: str) -> None:
        """Edit a file of another project in the same repository."""
        self._write_at(self.world.work.root / path, text)

    @precondition(lambda self: self.image_paths)
    @rule(
        path=st.sampled_from(["shared/lib.py", "shared/more.py", "shared/gen_z.py"]), text=CONTENTS
    )
    def write_shared(self, path: str, text: str) -> None:
        """Edit a file outside of the project that the image is made from."""
        self._write_at(self.world.work.root / path, text)

    # --- git -------------------------------------------------------------------------------------

    @rule()
    def commit(self) -> None:
        """Commit everything."""
        self._git("add", "--all", "--sparse")
        self._git("commit", "--quiet", "--allow-empty", "--message", "change")

    @rule()
    def commit_tracked(self) -> None:
        """Commit, and forget the new files."""
        self._git("commit", "--quiet", "--all", "--allow-empty", "--message", "tracked files only")

    @rule()
    def stage(self) -> None:
        """Stage everything and commit nothing."""
        self._git("add", "--all", "--sparse")

    @rule()
    def intend_to_add(self) -> None:
        """Stage the names of new files, without their content."""
        self._git("add", "--all", "--sparse", "--intent-to-add")

    @rule(number=st.integers(0, 50))
    def untrack(self, number: int) -> None:
        """Take a file out of git, and leave it on the disk."""
        if path := self._existing(number):
            self._git(*_UNTRACK, str(path))

    @rule()
    def push(self) -> None:
        """Push, by force if need be, as after an amend or a rebase."""
        self._git("push", "--quiet", "--force", "origin", f"HEAD:{self._branch()}")

    @rule()
    def amend(self) -> None:
        """Rewrite the last commit."""
        self._git("add", "--all", "--sparse")
        self._git("commit", "--quiet", "--amend", "--allow-empty", "--message", "amended")

    @rule(name=st.sampled_from(["feature", "fix"]))
    def branch_off(self, name: str) -> None:
        """Begin a branch here."""
        self._git("checkout", "--quiet", "-B", name)

    @rule(number=st.integers(0, 20))
    def check_out(self, number: int) -> None:
        """Go to another branch or commit, losing what is not committed."""
        found = self._git("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes")
        older = self._git("rev-list", "--max-count=10", "HEAD")
        commits = list(dict.fromkeys([*found.split(), *older.split()]))
        self._git("checkout", "--quiet", "--force", "--detach", commits[number % len(commits)])

    @rule(number=st.integers(0, 5))
    def merge(self, number: int) -> None:
        """Merge another branch."""
        found = self._git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
        refs = found.split()
        self._git("add", "--all", "--sparse")
        self._git("commit", "--quiet", "--allow-empty", "--message", "before the merge")
        other = refs[number % len(refs)]
        if not self._try_git("merge", "--quiet", "-X", "theirs", "--no-edit", other):
            self._git("reset", "--quiet", "--hard")

    @rule(
        command=st.sampled_from(
            [
                ("update-index", "--split-index"),
                ("update-index", "--index-version", "4"),
                ("update-index", "--untracked-cache"),
                ("config", "core.checkStat", "minimal"),
                ("config", "diff.renames", "copies"),
                ("config", "core.quotePath", "false"),
                ("config", "status.showUntrackedFiles", "no"),
            ]
        )
    )
    def set_git_up(self, command: tuple[str, ...]) -> None:
        """Set git up in some other way."""
        self._git(*command)

    @rule()
    def work_tree(self) -> None:
        """Go on in another work tree of the same clone."""
        self._work_trees += 1
        root = self.world.directory / f"work-tree-{self._work_trees}"
        self._git("worktree", "add", "--quiet", "--detach", str(root))
        self.world.work = Repository(root)

    @rule()
    def squash(self) -> None:
        """Replace all of history by one commit with the same content."""
        tree = self._git("rev-parse", "HEAD^{tree}")
        self._git("reset", "--soft", self._git("commit-tree", tree, "-m", "all in one"))

    @rule(options=st.sampled_from(CLONES))
    def clone(self, options: tuple[str, ...]) -> None:
        """Go on in a fresh clone of what was pushed, as the next job does."""
        self.world.clone(*options)

    @rule(options=st.sampled_from(CLONES))
    def push_and_clone(self, options: tuple[str, ...]) -> None:
        """Commit, push, and go on in a fresh clone."""
        self.commit()
        self._git("push", "--quiet", "--force", "origin", "HEAD:main")
        self.world.clone(*options)

    @rule(leave_out=st.sampled_from(["dags/sub", "include", "docs"]))
    def sparse_clone(self, leave_out: str) -> None:
        """Check out only a part, which is refused when that leaves out what ships."""
        self.world.clone("--no-checkout")
        self._git("sparse-checkout", "set", "--no-cone", "/*", f"!/{self._named(leave_out)}/")
        self._git("checkout", "--quiet")
        if leave_out != "docs" and self._git("ls-files", "--", self._named(leave_out)):
            with pytest.raises(ProjectError, match="the checkout is sparse"):
                self.world.plan("production")
            self._git("sparse-checkout", "disable")

    # --- deploys ---------------------------------------------------------------------------------

    @rule(name=NAMES)
    def deploy(self, name: str) -> None:
        """Deploy what is checked out; after that, it runs, and there is nothing left to do."""
        ship = self.world.ship()
        before = self._fingerprint()
        try:
            result = self.world.deploy(name)
        except AstroCIError as error:
            note(f"{type(error).__name__}: {error}")
            raise
        self._assert_untouched(before)
        assert result.outcome in ("deployed", "skipped")
        truth = self.world.truth(name, ship)
        assert (truth.image_same, truth.dags_same) == (True, True)
        again = self.world.plan(name)
        assert again.deploy_type == "none", again.reason
        self.taken["deploys that were read back"] += 1

    @rule(name=NAMES, requested=st.sampled_from(list(Request)), lazy=st.booleans())
    def deploy_explicitly(self, name: str, requested: Request, lazy: bool) -> None:
        """Deploy a side by request, or only if it changed."""
        ship = self.world.ship()
        enabled = self.world.astro.deployment(name).is_dag_deploy_enabled
        if not enabled and requested in (Request.DAGS, Request.IMAGE):
            with pytest.raises(ConfigurationError, match="needs DAG-only deploys"):
                self.world.deploy(name, requested=requested)
            return
        result = self.world.deploy(name, requested=requested, skip_unchanged=lazy)
        truth = self.world.truth(name, ship)
        assert result.outcome == "deployed" or lazy or requested == Request.AUTO
        assert truth.image_same or requested == Request.DAGS
        assert truth.dags_same or requested == Request.IMAGE

    @rule(name=NAMES, number=st.integers(0, 10), event=st.booleans())
    def deploy_from_a_base(self, name: str, number: int, event: bool) -> None:
        """Deploy what differs from a commit that the CI event or the user names."""
        commits = self._git("rev-list", "--max-count=10", "HEAD").split()
        base = commits[number % len(commits)]
        if not event:
            self.world.deploy(name, base=base)
            return
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            known = number < 8
            file.write(json.dumps({"before": base if known else "1" * 40}))
            file.flush()
            env = {
                "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": "push",
                "GITHUB_EVENT_PATH": file.name,
            }
            result = self.world.deploy(name, env, base="event")
            assert known or result.plan.deploy_type == "image-and-dags"

    @rule(
        name=NAMES,
        stage=st.sampled_from(
            ["build", "create", "upload", "push", "refused", "failed", "unhealthy", "lost"]
        ),
    )
    def deploy_in_trouble(self, name: str, stage: str) -> None:
        """Deploy while something fails; the next plan covers what this one would have."""
        if self.world.plan(name).deploy_type == "none":
            return
        faults = self.world.astro.faults
        if stage == "build":
            self.world.engine.fail_next_build = True
        elif stage == "failed":
            self.world.astro.fail_next_deploy(name)
        elif stage == "unhealthy":
            self.world.astro.fail_next_rollout(name)
        elif stage == "lost":
            faults.add("POST", "/finalize$", status=None, drop=True, after=True)
        else:
            method, path, status = {
                "create": ("POST", "/deploys$", 400),
                "upload": ("PUT", "^/blobs/", 403),
                "push": ("PUT", "/manifests/", 403),
                "refused": ("POST", "/finalize$", 400),
            }[stage]
            faults.add(method, path, status=status, times=None)
        self._deploy_and_fail(name)

    @rule(name=NAMES, line=st.integers(0, 8))
    def deploy_and_cancel(self, name: str, line: int) -> None:
        """Deploy, and cancel the job somewhere on its way."""
        self._deploy_and_fail(name, on_line=cancel_at(line))

    def _deploy_and_fail(self, name: str, **options: Any) -> None:
        plans: list[Plan] = []
        ship = self.world.ship()
        runs = self.world.astro.deployment(name)
        try:
            self.world.deploy(name, plans=plans, **options)
            is_done = True
        except CancelledError as error:
            is_done = "was finalized" in str(error)
        except AstroCIError as error:
            note(f"{type(error).__name__}: {error}")
            is_done = False
        finally:
            self.world.astro.faults.clear()
            self.world.engine.fail_next_build = False
        if is_done:
            truth = self.world.truth(name, ship)
            assert (truth.image_same, truth.dags_same) == (True, True)
            return
        now = self.world.astro.deployment(name)
        assert now.status == "UNHEALTHY" or (now.image_tag, now.desired_dag_tarball_version) == (
            runs.image_tag,
            runs.desired_dag_tarball_version,
        )
        wanted, again = COVERS[plans[0].deploy_type], COVERS[self.world.plan(name).deploy_type]
        assert wanted & again == wanted, (plans[0], self.world.plan(name))

    @rule(name=NAMES, kind=BY_HAND, toggle=st.booleans())
    def deploy_while_another_does(self, name: str, kind: str, toggle: bool) -> None:
        """Deploy, and meanwhile somebody else does, or switches DAG-only deploys."""
        ship = self.world.ship()

        def meddle(_number: int, text: str) -> None:
            if not text.startswith("created deploy"):
                return
            if toggle:
                self.toggle_dag_deploys(name)
            else:
                self.deploy_from_elsewhere_by_hand(name, kind, "no git")

        try:
            self.world.deploy(name, on_line=meddle)
        except AstroCIError as error:
            note(f"{type(error).__name__}: {error}")
            return
        truth = self.world.truth(name, ship)
        assert (truth.image_same, truth.dags_same) == (True, True)

    @rule(name=NAMES)
    def plan_out_of_reach(self, name: str) -> None:
        """Plan while the origin cannot be reached: less is known, and nothing is wrong."""
        away = self.world.origin.rename(self.world.directory / "away")
        try:
            plan = self.world.plan(name)
        finally:
            away.rename(self.world.origin)
        self._assert_right(plan, self.world.truth(name, self.world.ship()))

    @rule(name=NAMES)
    def toggle_dag_deploys(self, name: str) -> None:
        """Switch DAG-only deploys on or off."""
        enabled = self.world.astro.deployment(name).is_dag_deploy_enabled
        self.world.api.update(name, isDagDeployEnabled=not enabled)

    @rule(name=NAMES, number=st.integers(0, 10))
    def roll_back(self, name: str, number: int) -> None:
        """Roll back to an earlier deploy in the Astro UI."""
        deploys = [one for one in self.world.astro.deploys(name) if one.status == "DEPLOYED"]
        if deploys:
            self.world.roll_back(name, deploys[number % len(deploys)])

    @rule(name=NAMES, kind=BY_HAND, number=st.integers(0, 5))
    def deploy_a_commit_by_hand(self, name: str, kind: str, number: int) -> None:
        """Deploy a commit of ours with another tool, which says which it was."""
        commits = self._git("rev-list", "--max-count=5", "HEAD").split()
        commit = commits[number % len(commits)]
        self._by_hand(name, kind, commit, self._origin(), self.project, known_by="commit")

    @rule(
        name=NAMES,
        kind=BY_HAND,
        whence=st.sampled_from(["no git", "another repository", "another project"]),
    )
    def deploy_from_elsewhere_by_hand(self, name: str, kind: str, whence: str) -> None:
        """Deploy with another tool that does not say what, or from somewhere else."""
        url = "https://example.com/other.git" if whence == "another repository" else self._origin()
        path = "elsewhere" if whence == "another project" else self.project
        where = None if whence == "no git" else url
        self._by_hand(name, kind, self._head(), where, path, known_by="nothing")

    def _by_hand(
        self, name: str, kind: str, commit: str, url: str | None, path: str, *, known_by: str
    ) -> None:
        if kind == "DAG_ONLY" and not self.world.astro.deployment(name).is_dag_deploy_enabled:
            return
        git = {"provider": "GENERIC", "remoteUrl": url, "commitSha": commit}
        git |= {"path": path} if path else {}
        self.world.deploy_by_hand(
            name, kind, self.world.export(commit), git if url else None, known_by=known_by
        )

    # --- what holds at every step ----------------------------------------------------------------

    @invariant()
    def the_plan_is_right(self) -> None:
        """The plan says what the oracle says, twice, and touches nothing."""
        self._steps += 1
        name = ("production", "production", "classic")[self._steps % 3]
        before = self._fingerprint()
        plan = self.world.plan(name)
        document = plan_document(plan)
        PLAN.validate(json.loads(as_json(document)))
        assert plan_document(self.world.plan(name)) == document
        self._assert_untouched(before)
        truth = self.world.truth(name, self.world.ship())
        note(f"{name}: {plan.deploy_type}, {plan.reason}; truth: {truth}")
        self._assert_right(plan, truth)

    def _assert_right(self, plan: Plan, truth: Truth) -> None:
        if "unknown" in (plan.content.image, plan.content.dags):
            assert plan.deploy_type == "image-and-dags"
            assert truth.deploy_type == "image-and-dags" or not truth.is_certain
            return
        assert plan.deploy_type == truth.deploy_type, (plan.reason, truth)

    # --- small things ----------------------------------------------------------------------------

    def _git(self, *arguments: str) -> str:
        return self.world.work.git(*arguments)

    def _try_git(self, *arguments: str) -> bool:
        done = subprocess.run(["git", *arguments], cwd=self.world.work.root, capture_output=True)
        return done.returncode == 0

    def _head(self) -> str:
        return self._git("rev-parse", "HEAD")

    def _branch(self) -> str:
        name = self._git("rev-parse", "--abbrev-ref", "HEAD")
        return "main" if name == "HEAD" else name

    def _origin(self) -> str:
        return f"file://{self.world.origin}"

    def _place(self, path: str) -> Path:
        """Where a file of the project is; the names above are those of the usual DAGs directory."""
        if path.startswith("dags/"):
            return self.world.base / self.dags / path.removeprefix("dags/")
        return self.world.base / path

    def _named(self, path: str) -> str:
        """A path of the project as git names it."""
        return self._place(path).relative_to(self.world.work.root).as_posix()

    def _write(self, path: str, content: str) -> None:
        self._write_at(self._place(path), content)

    def _write_at(self, path: Path, content: str) -> None:
        self._make_room(path).write_text(content)

    def _make_room(self, path: Path) -> Path:
        """Make a path free, and its directories there."""
        for above in reversed(path.relative_to(self.world.work.root).parents):
            place = self.world.work.root / above
            if place.is_symlink() or place.is_file():
                place.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        return path

    def _existing(self, number: int) -> Path | None:
        """One of the project's files."""
        own = {self.world.base / name for name in ("Dockerfile", ".gitignore")}
        found = [
            path
            for path in sorted(self.world.base.rglob("*"))
            if path not in own
            and ".git" not in path.parts
            and (path.is_symlink() or path.is_file())
        ]
        return found[number % len(found)] if found else None

    def _fingerprint(self) -> Mapping[str, tuple[int, bytes]]:
        found = fingerprint(self.world.work.root)
        # With a fetched commit comes where history ends.
        return {name: value for name, value in found.items() if name != ".git/shallow"}

    def _assert_untouched(self, before: Mapping[str, tuple[int, bytes]]) -> None:
        after = self._fingerprint()
        changed = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
        assert not changed
