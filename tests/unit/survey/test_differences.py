"""How a real checkout differs from what runs, part by part."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from astro_ci.ci import CIContext, detect
from astro_ci.configuration.config import Config
from astro_ci.errors import ProjectError
from astro_ci.image.facts import ImageFacts
from astro_ci.image.source import ReadyImage
from astro_ci.model import NO_PARTS, Part
from astro_ci.planning.guards import DagFiles
from astro_ci.planning.running import Running
from astro_ci.survey.asking import Connected
from astro_ci.survey.bases import Bases
from astro_ci.survey.checkout import Checkout, open_checkout
from astro_ci.survey.differences import Differences, digest_lines, find_differences
from astro_ci.survey.image import Origin, Prebuilt
from astro_ci.survey.shipping import Shipping
from astro_ci.survey.standing import Standing
from tests.repository import Repository

FILES = {
    "Dockerfile": "FROM scratch\n",
    "requirements.txt": "",
    "dags/a.py": "a = 1\n",
    "dags/b.py": "b = 1\n",
    "docs/x.md": "x\n",
}
CI = detect({})
BOTH = frozenset(Part)
DAGS, IMAGE = frozenset({Part.DAGS}), frozenset({Part.IMAGE})
ALL = Shipping(parts=BOTH, prebuilt=None, dags_in_image=False, layout="prefixed")
FACTS = ImageFacts(
    reference="app:1", id=f"sha256:{'3' * 64}", os="linux", architecture="amd64",
    runtime_version="13.1.0",
)  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "checkout", FILES)


def opened(repository: Repository, ci: CIContext = CI, **options: Any) -> Checkout:
    config = Config(project=repository.root, **options)
    return open_checkout(config, {"PATH": os.environ["PATH"]}, ci)


def standing(*, bases: Bases | None = None, runs: Mapping[Part, Running] | None = None) -> Standing:
    return Standing(
        connected=None,
        runs=runs or dict.fromkeys(Part, Running()),
        bases=bases or Bases.none("nothing runs"),
        assumptions=(),
    )


def prebuilt(*parts: Part, commit: str | None = None, in_image: bool = False, **image: Any) -> Any:
    """What ships when the image was built before; `parts` ship from the checkout."""
    names = image.pop("names", ["a.py", "q.sql"])
    found = SimpleNamespace(facts=FACTS, dag_files=lambda: names)
    return Shipping(
        parts=frozenset(parts),
        prebuilt=Prebuilt(
            image=cast(ReadyImage, found), origin=Origin(commit=commit, url="") if commit else None
        ),
        dags_in_image=in_image,
        layout="prefixed",
    )


def differ(
    checkout: Checkout,
    at: Standing,
    shipping: Shipping = ALL,
    *,
    digests: bool = False,
    ignored: Collection[str] = (),
) -> Differences:
    with checkout.snapshot() as snapshot:
        return find_differences(
            snapshot, checkout, at, shipping, needs_digests=digests, ignored=lambda: ignored
        )


def changed(found: Differences, part: Part) -> list[str] | None:
    changes = found.compared[part].changes
    return None if changes is None else [one.path for one in changes if part in one.parts]


class TestCompared:
    def test_each_part_with_its_base(self, repository: Repository) -> None:
        first = repository.head
        repository.write({"dags/a.py": "a = 2\n"})
        second = repository.commit()
        repository.write({"requirements.txt": "x\n"})
        repository.commit()
        bases = Bases(source="deployed", commits={Part.IMAGE: second, Part.DAGS: first})
        found = differ(opened(repository), standing(bases=bases))
        assert found.compared[Part.IMAGE].base == second
        assert found.compared[Part.DAGS].base == first
        assert changed(found, Part.IMAGE) == ["requirements.txt"]
        assert changed(found, Part.DAGS) == ["dags/a.py"]

    def test_without_a_base_nothing_is_compared(self, repository: Repository) -> None:
        found = differ(opened(repository), standing())
        assert changed(found, Part.DAGS) is None
        assert found.compared[Part.DAGS].unknown == "nothing runs"

    def test_a_base_that_git_cannot_compare_with_is_none(
        self, repository: Repository, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A damaged clone, or a partial one that cannot fetch what it lacks."""
        first = repository.head
        repository.write({"dags/c.py": "c = 1\n"})
        repository.commit()
        tree = repository.git("rev-parse", f"{first}^{{tree}}")
        (repository.root / ".git/objects" / tree[:2] / tree[2:]).unlink()
        found = differ(opened(repository), standing(bases=Bases.one("deployed", first)))
        compared = found.compared[Part.DAGS]
        assert (compared.base, compared.changes) == (None, None)
        assert compared.unknown == f"git could not compare with base commit {first[:7]}"
        told = caplog.messages[0]  # once for each part
        start = f"the plan cannot use its base commit {first}: "
        assert told.startswith(start)
        assert "unable to read tree" in told, "git says what it lacks"

    def test_digests_and_layouts_are_those_of_what_runs(self, repository: Repository) -> None:
        runs = dict.fromkeys(Part, Running(digest="d" * 16, layout="root"))
        base = repository.head
        running = differ(opened(repository), standing(bases=Bases.one("deployed", base), runs=runs))
        assert running.compared[Part.DAGS].digest == "d" * 16
        assert running.compared[Part.DAGS].layout == "root"
        deployment = SimpleNamespace(is_dag_deploy_enabled=False)
        without = replace(
            standing(bases=Bases.one("deployed", base), runs=runs),
            connected=cast(Connected, SimpleNamespace(deployment=deployment)),
        )
        assert differ(opened(repository), without).compared[Part.DAGS].layout == ""
        assert set(running.digests) == BOTH, "there is something to compare with"
        named = differ(opened(repository), standing(bases=Bases.one("ref", base), runs=runs))
        assert named.compared[Part.DAGS].digest is None


class TestNewer:
    """The running commit came after the one to deploy."""

    def newer(
        self, repository: Repository, commit: str | None, ci: CIContext = CI, shipping: Any = ALL
    ) -> tuple[str | None, str | None]:
        runs = dict.fromkeys(Part, Running(commit=commit, digest="d" * 16))
        found = differ(opened(repository, ci), standing(runs=runs), shipping)
        return found.compared[Part.IMAGE].newer, found.compared[Part.DAGS].newer

    def test_than_the_head(self, repository: Repository) -> None:
        first, second = repository.head, repository.commit("second")
        assert self.newer(repository, first) == (None, None)
        assert self.newer(repository, second) == (None, None)
        assert self.newer(repository, None) == (None, None)
        repository.git("checkout", "--quiet", first)
        assert self.newer(repository, second) == (second, second)

    def test_unless_a_push_moved_the_branch_back(self, repository: Repository) -> None:
        first, second = repository.head, repository.commit("second")
        repository.git("checkout", "--quiet", first)
        pushed = replace(CI, before=second)
        assert self.newer(repository, second, pushed) == (None, None)
        assert self.newer(repository, second, replace(pushed, head=first)) == (None, None)
        elsewhere = replace(pushed, head=second)
        assert self.newer(repository, second, elsewhere) == (second, second)
        repeated = replace(pushed, before_is_previous_run=True)
        assert self.newer(repository, second, repeated) == (second, second)
        other = replace(CI, before=first)
        assert self.newer(repository, second, other) == (second, second)

    def test_than_a_prebuilt_images_own_commit(self, repository: Repository) -> None:
        first, second = repository.head, repository.commit("second")
        old = prebuilt(Part.DAGS, commit=first)
        assert self.newer(repository, second, shipping=old) == (second, None)
        unknown = prebuilt(Part.DAGS)
        assert self.newer(repository, second, shipping=unknown) == (None, None)


class TestPrebuilt:
    def test_its_content_is_compared_and_not_commits(self, repository: Repository) -> None:
        bases = Bases.one("deployed", repository.head)
        runs = {
            Part.IMAGE: Running(deploy_id="d1", digest="3" * 16),
            Part.DAGS: Running(deploy_id="d2", digest="d" * 16),
        }
        found = differ(
            opened(repository), standing(bases=bases, runs=runs), prebuilt(Part.DAGS), digests=True
        )
        image = found.compared[Part.IMAGE]
        assert (image.base, image.changes, image.digest) == (None, None, "3" * 16)
        assert image.unknown == ""
        assert found.digests[Part.IMAGE] == "3" * 16, "its own"
        assert found.digests[Part.DAGS] != "3" * 16
        assert found.compared[Part.DAGS].base == repository.head

    def test_why_it_cannot_be_compared(self, repository: Repository) -> None:
        def unknown(running: Running, bases: Bases) -> str:
            runs = {Part.IMAGE: running, Part.DAGS: Running()}
            found = differ(
                opened(repository), standing(bases=bases, runs=runs), prebuilt(Part.DAGS)
            )
            return found.compared[Part.IMAGE].unknown

        told = Bases.one("deployed", repository.head)
        assert unknown(Running(deploy_id="d1"), told) == (
            "deploy d1 does not tell which image it brought"
        )
        assert unknown(Running(deploy_id="d1", unknown="no idea"), told) == "no idea"
        assert unknown(Running(), Bases.none("no history")) == "no history"

    def test_with_the_dags_in_it_they_are_its_own(self, repository: Repository) -> None:
        found = differ(opened(repository), standing(), prebuilt(in_image=True), digests=True)
        assert found.digests == dict.fromkeys(Part, "3" * 16)
        assert found.dag_files == DagFiles(shipped=2, dag_files=1, before=None)
        unread = differ(opened(repository), standing(), prebuilt(in_image=True, names=None))
        assert unread.dag_files is None


class TestDigests:
    def test_are_made_where_they_are_needed(self, repository: Repository) -> None:
        assert differ(opened(repository), standing()).digests == {}
        assert set(differ(opened(repository), standing(), digests=True).digests) == BOTH

    def test_hold_what_the_build_is_given(self, repository: Repository) -> None:
        plain = opened(repository)
        lines = [f"100644 {'1' * 40} 0\tdags/a.py"]
        before = digest_lines(lines, plain, ALL)
        for options in ({"build_args": ("A=1",)}, {"target": "slim"}):
            after = digest_lines(lines, opened(repository, **options), ALL)
            assert after[Part.IMAGE] != before[Part.IMAGE], options
            assert after[Part.DAGS] == before[Part.DAGS]
        one, two = (
            digest_lines(lines, opened(repository, build_args=(given,)), ALL)[Part.IMAGE]
            for given in ("A=1", "A=2")
        )
        assert one != two
        repository.git("config", "core.autocrlf", "true")
        repository.remove("dags/a.py")
        repository.git("checkout", "--quiet", "dags/a.py")
        converted = digest_lines(lines, opened(repository), ALL)
        assert converted[Part.DAGS] != before[Part.DAGS], "git checks out other bytes"
        at_root = digest_lines(lines, plain, replace(ALL, layout="root"))
        assert at_root[Part.DAGS] != before[Part.DAGS]
        in_image = digest_lines(lines, plain, replace(ALL, dags_in_image=True))
        assert in_image[Part.DAGS] != before[Part.DAGS]


class TestFiles:
    def test_dag_files_are_counted(self, repository: Repository) -> None:
        repository.write({"dags/.airflowignore": "b.py\n", "dags/q.sql": ""})
        repository.commit()
        found = differ(opened(repository), standing(), ignored={"b.py"})
        assert found.dag_files == DagFiles(shipped=4, dag_files=1, before=None)
        repository.write({".dockerignore": "dags/a.py\ndags/b.py\n"})
        in_image = replace(ALL, dags_in_image=True)
        counted = differ(opened(repository), standing(), in_image).dag_files
        assert counted == DagFiles(shipped=2, dag_files=0, before=None, left_out_by="dags/a.py")

    def test_leftovers_that_were_committed_are_not(self, repository: Repository) -> None:
        repository.write({"dags/x.pyc": "", "dags/__pycache__/y.py": ""})
        repository.commit()
        found = differ(opened(repository), standing())
        assert found.dag_files == DagFiles(shipped=2, dag_files=2, before=None)

    def test_before_are_those_of_the_base(self, repository: Repository) -> None:
        base = repository.head
        repository.remove("dags/b.py")
        repository.commit()
        found = differ(opened(repository), standing(bases=Bases.one("deployed", base)))
        assert found.dag_files == DagFiles(shipped=1, dag_files=1, before=2)
        bases = Bases.one("deployed", repository.head)
        same = differ(opened(repository), standing(bases=bases)).dag_files
        assert same == DagFiles(shipped=1, dag_files=1, before=None), "nothing was taken away"

    def test_uncommitted_ones_are_named_with_their_parts(self, repository: Repository) -> None:
        checkout = opened(repository)
        assert differ(checkout, standing()).uncommitted == {}
        repository.write(
            {"dags/a.py": "a = 2\n", "new.txt": "", "docs/x.md": "y\n", ".gitignore": "*.log\n"}
        )
        repository.write({"made.log": ""})
        both = differ(opened(repository), standing())
        assert both.uncommitted == {
            ".gitignore": NO_PARTS, "dags/a.py": DAGS, "docs/x.md": NO_PARTS, "new.txt": IMAGE,
        }  # fmt: skip
        beside = differ(opened(repository), standing(), prebuilt(Part.DAGS))
        assert beside.uncommitted == {"dags/a.py": DAGS}
        nothing = differ(opened(repository), standing(), prebuilt(in_image=True))
        assert nothing.uncommitted == {}

    def test_a_sparse_checkout_that_lacks_some_is_refused(self, repository: Repository) -> None:
        repository.git("sparse-checkout", "set", "--no-cone", "/*", "!/dags/b.py")
        with pytest.raises(ProjectError) as caught:
            differ(opened(repository), standing())
        assert caught.value.message == (
            "the checkout is sparse and leaves out files of the project: dags/b.py"
        )
        assert caught.value.hint == "Add the whole project directory to the sparse checkout."
        differ(opened(repository), standing(), prebuilt(in_image=True))

    def test_submodules_that_were_not_checked_out(self, repository: Repository) -> None:
        for path in ("dags/lib", "include/lib", "docs/theme"):
            repository.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},{path}")
            (repository.root / path).mkdir(parents=True)
        repository.git("commit", "--quiet", "--message", "submodules")
        found = differ(opened(repository), standing())
        assert found.empty_submodules == {
            "dags/lib": DAGS, "docs/theme": NO_PARTS, "include/lib": IMAGE,
        }  # fmt: skip
        beside = differ(opened(repository), standing(), prebuilt(Part.DAGS))
        assert beside.empty_submodules["include/lib"] == NO_PARTS
