from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.commands.deploy import deploy
from astro_ci.configuration.choice import Choice, Ref, choose, every_target
from astro_ci.configuration.config import Config
from astro_ci.configuration.file import DEPLOYMENT_KEYS, PROJECT_KEYS, TOP_KEYS, ConfigFile, parse
from astro_ci.configuration.keys import Setting, Settings, keys
from astro_ci.configuration.locate import find_config_file, load
from astro_ci.configuration.refs import RefPatterns, read_pattern
from astro_ci.errors import ConfigurationError
from astro_ci.model import Request

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "astro_ci" / "astro-ci.schema.json").read_text())


def read(text: str, directory: Path = Path("/repo")) -> ConfigFile:
    return parse(text, path=directory / "astro-ci.yaml", name="astro-ci.yaml")


def refusal(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    return caught.value


def values(settings: Settings) -> dict[str, Any]:
    return {name: setting.value for name, setting in settings.items()}


def flags(**options: Any) -> dict[str, Setting]:
    return {name: Setting(value=v, source=f"--{name}") for name, v in options.items()}


class TestRead:
    def test_an_empty_file_is_one_project_with_nothing_set(self) -> None:
        for text in ("", "# nothing\n", "---\n", "{}\n"):
            (project,) = read(text).projects
            assert (project.path, project.settings, project.entries) == (None, {}, [])

    def test_every_option_reaches_its_field(self) -> None:
        text = """\
            dags-path: pipelines
            workspace-id: clw
            organization-id: clo
            type: dags-only
            base: event
            ignore: [notebooks/**, '*.ipynb']
            image-paths: libs/**
            build-args: [A=1, B]
            build-secrets: id=pip,env=PIP
            dockerfile: ./docker//Dockerfile
            target: final
            builder: team
            cache-from: [type=gha, 'type=registry,ref=r/c']
            cache-to: type=inline
            description: nightly
            redeploy: yes
            parse: no
            pytest: true
            pytest-file: tests/test_dags.py
            force: parse, pytest
            skip-unchanged: true
            allow-older: 1
            allow-shrink: no
            wait: False
            checks: {ignore: dag-none}
            wait-time: 1h30m
            wake: yes
            wake-time: 5m
            bundle-layout: root
            fast: off
            fast-max-age: 1d12h
            """
        text = "\n".join(line.strip() for line in text.splitlines())
        (project,) = read(text).projects
        assert Config(**values(project.settings)) == Config(
            dags_path="pipelines",
            workspace_id="clw",
            organization_id="clo",
            requested=Request.DAGS,
            base="event",
            ignore=("notebooks/**", "*.ipynb"),
            image_paths=("libs/**",),
            build_args=("A=1", "B"),
            build_secrets=("id=pip,env=PIP",),
            dockerfile="docker/Dockerfile",
            target="final",
            builder="team",
            cache_from=("type=gha", "type=registry,ref=r/c"),
            cache_to=("type=inline",),
            description="nightly",
            redeploy=True,
            parse=False,
            pytest="true",
            pytest_file="tests/test_dags.py",
            force=("parse", "pytest"),
            skip_unchanged=True,
            allow_older=True,
            allow_shrink=False,
            wait=False,
            ignore_findings=("dag-none",),
            wait_seconds=5400.0,
            wake=True,
            wake_seconds=300.0,
            bundle_layout="root",
            fast_max_age=129_600.0,
        )
        image = "image-name: app:1\nimage-is-checkout: yes"
        (prebuilt,) = read(image).projects
        assert Config(**values(prebuilt.settings)) == Config(
            image_name="app:1", image_is_checkout=True
        )
        assert len({**project.settings, **prebuilt.settings}) == len(keys())
        assert project.settings["wait_seconds"].source == "astro-ci.yaml line 26"

    def test_scalars_are_taken_as_written(self) -> None:
        """YAML would make 1.1 of 1.10, True of on, and 83 of 0123."""
        (project,) = read("deployments: {0123: {branches: [on, 1.10, 2026-01-01]}}").projects
        (entry,) = project.entries
        assert entry.branches.patterns == ("on", "1.10", "2026-01-01")
        assert values(entry.settings) == {"deployment_name": "0123"}

    def test_a_list_may_be_one_value_or_one_a_line(self) -> None:
        (project,) = read("ignore: |\n  a\n\n  b\nimage-paths: c\nbuild-args: []\n").projects
        found = values(project.settings)
        assert found == {"ignore": ("a", "b"), "image_paths": ("c",), "build_args": ()}

    def test_the_inner_one_wins_and_lists_replace(self) -> None:
        file = read(
            "wait-time: 1m\nignore: [a, b]\ntype: dags\n"
            "projects:\n"
            "  x:\n"
            "    ignore: [c]\n"
            "    wait-time: 2m\n"
            "    deployments:\n"
            "      prod: {branches: main, wait-time: 3m}\n"
            "      dev: {branches: dev}\n"
        )
        prod, dev = file.projects[0].entries
        common = {"requested": Request.DAGS, "ignore": ("c",)}
        assert values(prod.settings) == {
            **common, "wait_seconds": 180.0, "deployment_name": "prod",
        }  # fmt: skip
        assert values(dev.settings) == {**common, "wait_seconds": 120.0, "deployment_name": "dev"}
        assert prod.settings["requested"].source == "astro-ci.yaml line 3"
        assert dev.settings["wait_seconds"].source == "astro-ci.yaml line 7"

    @pytest.mark.parametrize(
        ("entry", "identity"),
        [
            ("{branches: x}", {"deployment_name": "prod"}),
            ("{branches: x, name: Our Prod}", {"deployment_name": "Our Prod"}),
            ("{branches: x, id: clx1}", {"deployment_id": "clx1"}),
        ],
    )
    def test_who_a_deployment_is(self, entry: str, identity: dict[str, str]) -> None:
        (found,) = read(f"deployments: {{prod: {entry}}}").projects[0].entries
        assert values(found.settings) == identity

    def test_anchors_are_understood(self) -> None:
        (project,) = read("deployments:\n  a: &a {branches: main, wait: false}\n  b: *a\n").projects
        assert [entry.settings["wait"].value for entry in project.entries] == [False, False]


PROBLEMS = [
    ("dags_path: x", 1, "not a key of the file (did you mean dags-path?)", "Correct its spelling"),
    ("\nbuild-arg: x", 2, "did you mean build-args?", "Correct its spelling"),
    ("api-token: hunter2", 1, "api-token is not a key of the file", "Use one of"),
    ("branches: main", 1, "branches is not a key of the file, but of a Deployment", ""),
    ("deployments: {p: {branch: x, tags: y}}", 1, "did you mean branches?", "Correct its spelling"),
    ("projects: {x: {project: y}}", 1, "project is not a key of the project x, but of", ""),
    ("deployments:\n  p:\n    id: clx", 2, "the Deployment p has neither branches", "branches: []"),
    ("deployments:\n  p:", 2, "the Deployment p has neither branches", "branches: []"),
    ("deployments: {p: main}", 1, "the Deployment p is a single value, not keys", "branches: main"),
    ("deployments: [p]", 1, "deployments is a list, not keys", "production: {branches: main}"),
    ("- a\n- b", 1, "the file is a list", ""),
    ("ignore: a\n\nignore: b", 3, "ignore is set twice in the file, first on line 1", "Remove"),
    ("ignore:", 1, "ignore has no value", "remove it"),
    ("ignore: [a, ~]", 1, "ignore has no value", "remove it"),
    ("ignore: [a, [b]]", 1, "ignore is a list, not a single value", ""),
    ("ignore: {a: b}", 1, "ignore is keys with values", ""),
    ("ignore: '['", 1, "ignore: the pattern '[' is not valid", "backslash"),
    ("wait: !ours yes", 1, "wait has the tag !ours", "'!ours yes'"),
    ("deployments:\n  p:\n    branches: !main", 3, "branches has the tag !main", "'!main'"),
    ("deployments:\n  p: {branches: *}", 2, "this is not YAML", "in quotes"),
    ("deployments:\n  p: {branches: *x}", 2, "this is not YAML", "in quotes"),
    ("ignore: @x", 1, "this is not YAML", "in quotes"),
    ("deployments:\n\tp: {branches: x}", 2, "this is not YAML", "does not allow tabs"),
    ("ignore: a: b", 1, "this is not YAML", "a text with a colon"),
    ("? [a]\n: b", 1, "a key of the file is a list", ""),
    ("wait: perhaps", 1, "wait is 'perhaps', which is neither true nor false", "yes"),
    ("wait: on", 1, "wait is 'on', which is neither true nor false", "yes"),
    ("wait-time: soon", 1, "wait-time: 'soon' is not a duration", "10m"),
    ("wait-time: 0", 1, "wait-time must be greater than 0", ""),
    ("type: everything", 1, "type is 'everything', which is not a deploy type", "dags-only"),
    ("base: --upload-pack=x", 1, "which is not a commit or ref", "deployed"),
    ("workspace-id: a/b", 1, "workspace-id is 'a/b', which is not an id", "Copy"),
    ("description: " + "x" * 501, 1, "it has 501 characters", "Shorten"),
    ("dags-path: ''", 1, "dags-path is empty", "remove it"),
    ("build-args: 1=2", 1, "build-args is not NAME=value or NAME", "NAME=value"),
    ("deployments: {p: {id: x y, tags: v*}}", 1, "id is 'x y', which is not an id", "name"),
    ("deployments: {p: {id: x, name: y, tags: v*}}", 1, "has an id and a name", "Remove the name"),
    ("deployments: {p: {branches: refs/heads/x}}", 1, "is a full ref", "Write 'x'"),
    ("deployments: {p: {branches: '!refs/tags/x'}}", 1, "is a full ref", "Write 'x'"),
    ("deployments: {p: {branches: 'a b'}}", 1, "no branch and no tag can match 'a b'", "**"),
    ("deployments: {p: {tags: 'v[0-9]'}}", 1, "no branch and no tag can match", "**"),
    ("deployments: {p: {branches: ['!main']}}", 1, "contains only exclusions", "'**'"),
    ("project: /abs", 1, "project is not a path relative to the file", "directory"),
    ("projects:", 1, "`projects` is empty", "Add"),
    ("projects: {x: }\nproject: y", 2, "project is not allowed beside projects", "Move"),
    ("projects: {x: }\ndeployments: {}", 2, "deployments is not allowed beside projects", "Move"),
    ("projects:\n  x:\n  y/../x/:", 3, "project x is listed twice, again as y/../x/", ""),
    ("a: [", 1, "this is not YAML", ""),
    ("a: 1\n---\nb: 2", 2, "this is not YAML", ""),
    ("ok: 1\na: \x01", 2, "this is not YAML", ""),
    ("a: *nowhere", 1, "this is not YAML", ""),
    ("[" * 3000, 1, "nested too deeply", ""),
]  # fmt: skip


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "line", "message", "hint"),
        PROBLEMS,
    )
    def test_one(self, text: str, line: int, message: str, hint: str) -> None:
        error = refusal(text)
        assert error.message.startswith(f"astro-ci.yaml line {line}: "), error.message
        assert message in error.message
        assert hint in error.hint
        assert "hunter2" not in error.message + error.hint

    def test_all_at_once_in_the_order_of_the_file(self) -> None:
        error = refusal(
            "waits: 1\n"
            "deployments:\n"
            "  prod:\n"
            "    id: a b\n"
            "    brances: main\n"
            "    wait: maybe\n"
            "ignore: ok\n"
            "ignore: again\n"
        )
        head, *lines = error.message.splitlines()
        assert head == "astro-ci.yaml has 5 problems:"
        numbers = [int(line.split(":")[0].removeprefix("astro-ci.yaml line ")) for line in lines]
        assert numbers == [1, 4, 5, 6, 8], "a misspelt key is not a missing one, too"
        assert "did you mean branches?" in lines[2]
        assert "Use one of true, yes" in lines[3]

    def test_names_cannot_break_the_line(self) -> None:
        assert "\n" not in refusal('"a\\n::error::b": 1').message

    @given(st.text(alphabet="abp:-#&*!|>[]{}'\",? \n~ \t", max_size=40))
    def test_any_text_is_read_or_refused_with_a_line(self, text: str) -> None:
        try:
            read(text)
        except ConfigurationError as error:
            assert "astro-ci.yaml line " in error.message  # noqa: PT017 - or it is read

    @pytest.mark.parametrize(
        ("first", "second", "is_shared"),
        [
            ("{id: clx, branches: a}", "{id: clx, branches: b}", True),
            ("{branches: a}", "{name: p, branches: a}", True),
            ("{branches: a}", "{branches: a, workspace-id: other}", False),
            ("{branches: a, type: dags}", "{branches: a, type: image}", False),
            ("{branches: a, type: dags}", "{branches: a, type: dags}", True),
            ("{id: clx, branches: a}", "{id: cly, branches: a}", False),
        ],
    )
    def test_two_projects_in_one_deployment(self, first: str, second: str, is_shared: bool) -> None:
        x, y = (f"{{deployments: {{p: {entry}}}}}" for entry in (first, second))
        text = f"projects:\n  x: {x}\n  y: {y}\n"
        if not is_shared:
            assert len(read(text).projects) == 2
            return
        error = refusal(text)
        assert "line 3: y and x (line 2) have the same Deployment" in error.message

    def test_one_project_may_name_a_deployment_twice(self) -> None:
        text = "deployments: {a: {id: c, branches: x}, b: {id: c, tags: v*, type: image-and-dags}}"
        assert len(read(text).projects[0].entries) == 2


class TestPatterns:
    @pytest.mark.parametrize(
        ("patterns", "name", "decides"),
        [
            (["main"], "main", "main"),
            (["main"], "main2", None),
            (["main"], "x/main", None),
            (["MAIN"], "main", None),
            (["feature/*"], "feature/x", "feature/*"),
            (["feature/*"], "feature/x/y", None),
            (["feature/*"], "feature", None),
            (["release/**"], "release/1", "release/**"),
            (["release/**"], "release/1/hotfix", "release/**"),
            (["release/**"], "release", None),
            (["**/release"], "release", "**/release"),
            (["**/release"], "a/b/release", "**/release"),
            (["**/release"], "prerelease", None),
            (["v*"], "v1.2.3", "v*"),
            (["v*"], "v", "v*"),
            (["v*.*"], "v1", None),
            (["1.0"], "1x0", None),
            (["*"], "a/b", None),
            (["**"], "a/b", "**"),
            (["**", "!wip/*"], "wip/x", None),
            (["**", "!wip/*", "wip/keep"], "wip/keep", "wip/keep"),
            (["a", "*"], "a", "*"),
            ([], "main", None),
        ],
    )
    def test_what_matches(self, patterns: list[str], name: str, decides: str | None) -> None:
        assert RefPatterns(patterns).deciding(name) == decides

    @given(st.text(alphabet="ab/.+-(|", min_size=1), st.text(alphabet="ab/.+-(|", min_size=1))
    def test_without_wildcards_only_the_name_itself(self, pattern: str, name: str) -> None:
        assert (RefPatterns([pattern]).deciding(name) is not None) == (pattern == name)

    @given(st.text(alphabet="ab/.", min_size=1))
    def test_one_star_is_all_but_a_slash_and_two_are_all(self, name: str) -> None:
        assert (RefPatterns(["*"]).deciding(name) is None) == ("/" in name)
        assert RefPatterns(["**"]).deciding(name)

    @pytest.mark.parametrize("text", ["", "!", "a\nb", "a~1", "a..b", "x@{1}", "a:b", "a?"])
    def test_what_is_no_pattern(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match="no branch and no tag can match"):
            read_pattern("branches", text)


MONOREPO = """
projects:
  teams/sales:
    deployments:
      sales-prod: {branches: main}
      sales-dev: {branches: [develop, feature/*]}
  teams/ml:
    deployments:
      ml-prod: {branches: main, tags: v*}
      ml-dev: {branches: develop, id: clxdev}
      ml-lab: {branches: [], name: The Lab}
"""


def asked_for_nothing() -> Ref:
    raise AssertionError("the branch does not matter here")


class TestChoice:
    def choose(
        self, text: str, ref: Ref | None = None, directory: str = "/repo", **options: Any
    ) -> Choice:
        find = asked_for_nothing if ref is None else lambda: ref
        return choose(read(text), flags(**options), Path(directory), find)

    def labels(self, *arguments: Any, **options: Any) -> list[str]:
        return [target.label for target in self.choose(*arguments, **options).targets]

    def test_without_a_file_the_options_alone(self) -> None:
        (target,) = choose(None, flags(deployment_name="x"), Path(), asked_for_nothing).targets
        assert target.config == Config(deployment_name="x")

    @pytest.mark.parametrize(
        ("ref", "directory", "labels"),
        [
            (Ref(branch="main"), "/repo", ["teams/sales: sales-prod", "teams/ml: ml-prod"]),
            (Ref(branch="main"), "/repo/teams", ["teams/sales: sales-prod", "teams/ml: ml-prod"]),
            (Ref(branch="main"), "/repo/teams/ml", ["teams/ml: ml-prod"]),
            (Ref(branch="develop"), "/repo", ["teams/sales: sales-dev", "teams/ml: ml-dev"]),
            (Ref(branch="feature/x"), "/repo", ["teams/sales: sales-dev"]),
            (Ref(branch="feature/x"), "/repo/teams/ml", []),
            (Ref(tag="v1"), "/repo", ["teams/ml: ml-prod"]),
            (Ref(tag="main"), "/repo", []),
            (Ref(branch="v1"), "/repo", []),
        ],
    )
    def test_by_branch_tag_and_place(self, ref: Ref, directory: str, labels: list[str]) -> None:
        assert self.labels(MONOREPO, ref, directory) == labels

    def test_what_a_target_is(self) -> None:
        sales, ml = self.choose(MONOREPO, Ref(branch="develop"), project=Path("/repo")).targets
        assert sales.config.project == Path("/repo/teams/sales")
        assert (sales.config.deployment_name, sales.config.deployment_id) == ("sales-dev", None)
        assert (ml.config.deployment_name, ml.config.deployment_id) == (None, "clxdev")
        assert ml.settings["project"].source == "astro-ci.yaml line 7"

    def test_the_reason_when_none_matches(self) -> None:
        found = self.choose(MONOREPO, Ref(branch="x"))
        assert found.targets == []
        assert "no Deployment of astro-ci.yaml has branches that match branch x" in found.reason
        assert "sales-dev (branches develop, feature/*; tags none)" in found.reason
        assert [candidate.pattern for candidate in found.candidates] == [None] * 5

    def test_a_refused_branch_chooses_nothing(self) -> None:
        found = self.choose(MONOREPO, Ref(branch="main", refusal="a pull request"))
        assert (found.targets, found.reason) == ([], "a pull request")

    def test_what_is_assumed_goes_along(self) -> None:
        found = self.choose(MONOREPO, Ref(branch="main", note="as if merged"))
        assert [target.note for target in found.targets] == ["as if merged"] * 2

    @pytest.mark.parametrize(
        ("options", "labels"),
        [
            ({"deployment_name": "ml-dev"}, ["teams/ml: ml-dev"]),
            ({"deployment_id": "clxdev"}, ["teams/ml: ml-dev"]),
            ({"deployment_name": "The Lab"}, ["teams/ml: ml-lab"]),
            ({"deployment_name": "ml-lab"}, ["teams/ml: ml-lab"]),
        ],
    )
    def test_named_ones_need_no_pattern(self, options: Any, labels: list[str]) -> None:
        assert self.labels(MONOREPO, **options) == labels

    def test_a_name_brings_its_settings_and_the_flags_win(self) -> None:
        text = "deployments: {p: {id: clx, branches: [], type: dags, wait: false}}"
        (target,) = self.choose(text, deployment_name="p", wait=True).targets
        assert target.config == Config(deployment_id="clx", requested=Request.DAGS, wait=True)
        assert target.settings["wait"].source == "--wait"
        assert target.settings["deployment_id"].source == "astro-ci.yaml line 1"

    def test_a_key_comes_before_a_name(self) -> None:
        text = "deployments: {a: {name: b, branches: []}, b: {name: c, branches: []}}"
        (target,) = self.choose(text, deployment_name="b").targets
        assert target.config.deployment_name == "c"

    def test_a_name_that_is_not_in_the_file_of_one_project(self) -> None:
        text = "type: dags\ndeployments: {p: {branches: main, wait: false}}"
        (target,) = self.choose(text, deployment_name="other").targets
        assert target.config == Config(deployment_name="other", requested=Request.DAGS)

    def test_one_project_without_deployments(self) -> None:
        (target,) = self.choose("project: airflow\nwait: false").targets
        assert target.config == Config(project=Path("/repo/airflow"), wait=False)

    def test_the_project_of_a_flag_comes_before_that_of_the_file(self) -> None:
        (target,) = self.choose("project: airflow", project=Path("x")).targets
        assert target.config.project == Path("x")

    @pytest.mark.parametrize(
        ("text", "directory", "options", "message", "hint"),
        [
            (MONOREPO, "/repo/other", {}, "is not a project in astro-ci.yaml", "teams/sales"),
            (MONOREPO, "/repo/teams/ml/dags", {}, "not a project in", "teams/ml"),
            (MONOREPO, "/repo", {"deployment_name": "x"}, "no project in", "ml-prod"),
            ("projects: {a: , b: }", "/repo", {}, "project a .* has no deployments", "--project"),
            ("{}", "/repo", {"deployment_id": "x y"}, "not an id", "Copy"),
            (
                MONOREPO, "/repo", {"deployment_id": "x", "deployment_name": "ml-dev"},
                "both set", "once",
            ),
            (
                "deployments: {a: {id: c, branches: x}, b: {id: c, branches: y}}",
                "/repo", {"deployment_id": "c"}, "several such entries: a, b", "by its key",
            ),
        ],
    )  # fmt: skip
    def test_refuses(
        self, text: str, directory: str, options: Any, message: str, hint: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=message) as caught:
            self.choose(text, Ref(branch="main"), directory, **options)
        assert hint in caught.value.hint


def test_every_target_of_a_directory() -> None:
    file = read(
        "projects:\n  a: {deployments: {x: {branches: []}, y: {tags: v*}}}\n"
        "  b: {deployments: {z: {branches: main}}}\n"
    )
    found = {
        place: [target.entry for target in every_target(file, {}, Path("/repo") / place)]
        for place in ("", "a", "b")
    }
    assert found == {"": ["x", "y", "z"], "a": ["x", "y"], "b": ["z"]}


class TestLocate:
    def test_next_to_the_project_then_above_it(self, tmp_path: Path) -> None:
        inner = tmp_path / "repo" / "a" / "b"
        inner.mkdir(parents=True)
        (tmp_path / "repo" / ".git").mkdir()
        (tmp_path / "astro-ci.yaml").touch()
        assert find_config_file(inner) is None, "what is above the repository is not ours"
        for directory in (tmp_path / "repo", inner.parent, inner):
            (directory / "astro-ci.yml").touch()
            assert find_config_file(inner) == directory / "astro-ci.yml"

    def test_outside_a_repository_only_here(self, tmp_path: Path) -> None:
        inner = tmp_path / "a"
        inner.mkdir()
        (tmp_path / "astro-ci.yaml").touch()
        assert find_config_file(inner) is None
        assert find_config_file(tmp_path) == tmp_path / "astro-ci.yaml"

    def test_two_files_are_one_too_many(self, tmp_path: Path) -> None:
        (tmp_path / "astro-ci.yaml").touch()
        (tmp_path / "astro-ci.yml").touch()
        with pytest.raises(ConfigurationError, match="holds both") as caught:
            find_config_file(tmp_path)
        assert "Remove one" in caught.value.hint

    def test_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        assert find_config_file(tmp_path / "no" / "such") is None

    @pytest.mark.parametrize(
        ("content", "message"), [(None, "cannot be read: No such file"), (b"a: \xff", "not UTF-8")]
    )
    def test_what_cannot_be_read(self, tmp_path: Path, content: bytes | None, message: str) -> None:
        path = tmp_path / "x.yaml"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=f"ci/x.yaml .*{message}"):
            load(path, name="ci/x.yaml")

    def test_a_byte_order_mark_is_no_problem(self, tmp_path: Path) -> None:
        path = tmp_path / "astro-ci.yaml"
        path.write_bytes(b"\xef\xbb\xbfwait: no\n")
        assert load(path, name="x").projects[0].settings["wait"].value is False

    def test_without_a_file_no_yaml_is_loaded(self, tmp_path: Path) -> None:
        code = (
            "import sys; from astro_ci.ci import detect; "
            "from astro_ci.survey.targets import find_targets; "
            "find_targets({}, {}, detect({}), config_file=None, deploys=True); "
            "sys.exit('yaml' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


class TestSchema:
    """The schema and the code agree, but for what only the code can see."""

    VALID: Sequence[str] = (
        "",
        MONOREPO,
        "project: x\nwait: no\nwait-time: 90\nforce: 1",
        "wait-time: 1h30m\ntype: infer\nignore: a\nbuild-args: [A=1]",
        "deployments: {p: {branches: 1.10}, q: {tags: [v*]}, r: {branches: []}}",
        "deployments:",
        "projects: {a: }",
    )
    ONLY_CODE = (
        *("is set twice", "first on line", "the pattern", "has the tag", "a key of the file is"),
        *("which is not a commit", "too long", "is empty", "is not NAME", "is a full ref"),
        *(
            "no branch and no tag",
            "contains only",
            "not a path relative",
            "listed twice",
            "not YAML",
        ),
        *("too deeply", "wait is 'on'"),  # which PyYAML's loader takes for true
    )

    @pytest.mark.parametrize("text", VALID)
    def test_valid(self, text: str) -> None:
        read(text)
        jsonschema.validate(yaml.safe_load(text), SCHEMA)

    @pytest.mark.parametrize("text", [text for text, *_ in PROBLEMS])
    def test_invalid(self, text: str) -> None:
        message = refusal(text).message
        if any(only in message for only in self.ONLY_CODE):
            return
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(text), SCHEMA)

    def test_keys(self) -> None:
        parts = SCHEMA["definitions"]
        assert set(SCHEMA["properties"]) == set(TOP_KEYS)
        assert set(parts["project"]["properties"]) == set(PROJECT_KEYS)
        assert set(parts["deployment"]["properties"]) == set(DEPLOYMENT_KEYS)
        assert all(found["description"] for found in SCHEMA["properties"].values())

    def test_it_is_a_schema(self) -> None:
        jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_every_option_is_in_the_file_or_meant_for_one_run() -> None:
    named = {param.name for param in deploy.params}
    fields = {row.field for row in keys().values()}
    assert fields <= named
    assert named - fields == {
        *("project", "config_file", "deployment_id", "deployment_name", "dags", "image"),
        *("as_json", "comment", "dry_run", "fail_on_skip", "save"),
        *("sarif", "junit_xml", "code_quality", "image_archive", "plan_file"),
    }


def test_the_command_line_and_the_library_have_the_same_defaults() -> None:
    with deploy.make_context("deploy", []) as ctx:
        options = {k: v for k, v in ctx.params.items() if k in Config.__dataclass_fields__}
    options = {k: v for k, v in options.items() if not (k == "base" and v is None)}
    assert Config(**options) == Config()


@pytest.mark.parametrize("key", [*TOP_KEYS, *DEPLOYMENT_KEYS, "an unknown key", "a" * 150])
@pytest.mark.parametrize("value", ["x" * 11_000, "'!x [y' " * 40, "!a" + "b" * 300])
def test_no_error_repeats_much_of_the_file(key: str, value: str) -> None:
    text = f"deployments: {{prod: {{branches: main, {key}: {value}}}}}\n{key}: {value}\n"
    with pytest.raises(ConfigurationError) as caught:
        parse(text, path=Path("astro-ci.yaml"), name="astro-ci.yaml")
    assert all(len(line) < 700 for line in str(caught.value).split("\n"))
    assert value[:100] not in str(caught.value)
    assert value[:100] not in caught.value.hint


@pytest.mark.parametrize("text", ['"a\\0b"', '"\\ud800"'])
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"line 1: .*(which is not text|invalid Unicode)"):
        parse(f"dags-path: {text}\n", path=Path("astro-ci.yaml"), name="astro-ci.yaml")
    with pytest.raises(ConfigurationError, match=r"line 1: .*(which is not text|invalid Unicode)"):
        parse(f"{text}: a\n", path=Path("astro-ci.yaml"), name="astro-ci.yaml")


def test_aliases_cannot_make_a_file_larger_than_files_are() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    for text in ("\n".join(lines), "a: &a [*a]", "? &a {*a : b}\n: c"):
        with pytest.raises(ConfigurationError, match=r"aliases expand to more|not YAML"):
            parse(text, path=Path("astro-ci.yaml"), name="astro-ci.yaml")


def test_a_list_has_an_end() -> None:
    text = "ignore:\n" + "- a\n" * 10_001
    with pytest.raises(ConfigurationError, match="line 2: ignore has more than 10,000 entries"):
        parse(text, path=Path("astro-ci.yaml"), name="astro-ci.yaml")


def test_many_problems_are_counted_and_the_first_are_told() -> None:
    text = "".join(f"key-{number}: a\n" for number in range(50))
    with pytest.raises(ConfigurationError) as caught:
        parse(text, path=Path("astro-ci.yaml"), name="astro-ci.yaml")
    lines = str(caught.value).split("\n")
    assert (lines[0], lines[-1]) == ("astro-ci.yaml has 50 problems:", "... and 30 more")
    assert len(lines) == 22
