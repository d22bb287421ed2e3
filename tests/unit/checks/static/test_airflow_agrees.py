"""Real Airflow and the static check name the same files: `.airflowignore`, links, safe mode."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro_ci.checks.static import worker
from astro_ci.checks.static.request import Request
from tests.real_airflow import RealAirflow
from tests.size import examples

# One test process starts the three that have Airflow loaded.
pytestmark = pytest.mark.xdist_group("airflow-agrees")

SETTINGS = settings(
    max_examples=examples(15),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DAG = "import airflow  # dag\n"
STOPS = {"airflowignore-pattern", "dag-encoding", "dag-link-loop"}
"""Rules whose errors are about Airflow stopping altogether."""

NAMES = ["a.py", "b.py", "test_a.py", "a.b.py", "x y.py", "data.csv", "A.PY", "é.py"]
DIRECTORIES = ["", "sub", "sub/deep", "other", "a.py.d", "sub/sub"]
PATHS = [f"{directory}/{name}".lstrip("/") for directory in DIRECTORIES for name in NAMES]

GLOB_PARTS = ["*", "?", "**", "a", "sub", "deep", "/", ".py", "test_", "[ab]", "!", "#", " ", "\\"]
GLOB = st.lists(st.sampled_from(GLOB_PARTS), min_size=1, max_size=5).map("".join)
REGEXP_PARTS = ["a", "sub", "/", r"\.", ".", "*", "+", "?", "^", "$", "|", "(", ")", "(?i)", "[ab]",
                "[^a]", r"\d", r"\w", r"\b", "{2}", "{,2}", "(?:", "(?!", "(?P<n>", r"\1", r"\Z",
                r"\z", "[[:alpha:]]", "py", "#", " ", r"\Qa.\E", "*+", "[", "]", "\\"]  # fmt: skip
REGEXP = st.lists(st.sampled_from(REGEXP_PARTS), min_size=1, max_size=6).map("".join)


def project(root: Path, ignore_files: dict[str, str]) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(DAG)
    (root / "plain.py").write_text("x = 1\n")
    (root / "asset.py").write_text("import airflow.sdk  # Asset\n")
    for directory, text in ignore_files.items():
        (root / directory / ".airflowignore").write_text(text)
    return root


def ours(root: Path, airflow: tuple[int, int], syntax: str = "") -> list[str] | str:
    name = str(root)
    answer = worker.look(
        Request(root=name, dags=name, repository=name, airflow=airflow, ignore_syntax=syntax),
        lambda path: None,
    )
    if any(found.rule in STOPS and found.severity == "error" for found in answer.problems):
        return "stops"
    if answer.not_checked:
        return "unknown"
    return sorted(answer.parsed)


def agree(real: list[str] | str, own: list[str] | str) -> None:
    if own == "unknown":
        return
    assert ("stops" if isinstance(real, str) else real) == own


@pytest.fixture(scope="module")
def regexps_of_2(
    airflow_2: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealAirflow]:
    with RealAirflow(airflow_2, tmp_path_factory.mktemp("airflow")) as real:
        yield real


@pytest.fixture(scope="module")
def globs_of_2(airflow_2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    home = tmp_path_factory.mktemp("airflow")
    with RealAirflow(airflow_2, home, ignore_syntax="glob") as real:
        yield real


@pytest.fixture(scope="module")
def globs_of_3(airflow_3: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    with RealAirflow(airflow_3, tmp_path_factory.mktemp("airflow")) as real:
        yield real


IGNORE_FILES = ["sub/\n", "/sub\n", "sub/*.py\n!sub/a.py\n", "*\n!a.py\n!sub/\n", "a.py # all\n",
                "**/deep/\n", "deep\n", "a.py/\n!/a.py\n", "# only a comment\n\n", "\\#x\n",
                "a.py\r\nsub\r\n", "*.py\n!*.py\n*.py\n", "!a.py\n", "sub/**\n", "x y.py\n", "/\n",
                "!\n", "//\n", "[a\n", "é.py\n", "*.csv\n", "plain\n"]  # fmt: skip


@pytest.mark.parametrize("text", IGNORE_FILES)
def test_globs(globs_of_2: RealAirflow, globs_of_3: RealAirflow, tmp_path: Path, text: str) -> None:
    root = project(tmp_path / "dags", {"": text, "sub": "!deep\na.py\n"})
    agree(globs_of_3.dag_files(root), ours(root, (3, 3)))
    agree(globs_of_2.dag_files(root), ours(root, (2, 11), "glob"))


@SETTINGS
@given(st.lists(GLOB, max_size=4), st.lists(GLOB, max_size=3))
def test_any_globs(
    globs_of_2: RealAirflow,
    globs_of_3: RealAirflow,
    tmp_path: Path,
    top: list[str],
    inner: list[str],
) -> None:
    root = project(tmp_path / "dags", {"": "\n".join(top), "sub": "\n".join(inner)})
    agree(globs_of_3.dag_files(root), ours(root, (3, 3)))
    agree(globs_of_2.dag_files(root), ours(root, (2, 11), "glob"))


@pytest.mark.parametrize(
    "text",
    ["sub\n", "^a\n", "a\\.py$\n", ".*\n", "*.py\n", "(?!a)\n", "sub/deep/a # x\n", "(a|b)\\.py",
     "[[:digit:]]|é\n", "\\Ax\\s", "test_\\w+\n", "a{,3}\n", "(?i)a\\.py", "a{1001}\n"],
)  # fmt: skip
def test_regexps(regexps_of_2: RealAirflow, tmp_path: Path, text: str) -> None:
    root = project(tmp_path / "dags", {"": text, "sub": "deep\n"})
    own = ours(root, (2, 11))
    assert own != "unknown"
    agree(regexps_of_2.dag_files(root), own)


@SETTINGS
@given(st.lists(REGEXP, max_size=3), st.lists(REGEXP, max_size=2))
def test_any_regexps(
    regexps_of_2: RealAirflow, tmp_path: Path, top: list[str], inner: list[str]
) -> None:
    root = project(tmp_path / "dags", {"": "\n".join(top), "sub": "\n".join(inner)})
    agree(regexps_of_2.dag_files(root), ours(root, (2, 11)))


def test_links(regexps_of_2: RealAirflow, globs_of_3: RealAirflow, tmp_path: Path) -> None:
    root = project(tmp_path / "dags", {})
    (root / "link.py").symlink_to("sub/a.py")
    (root / "dangling.py").symlink_to("nowhere.py")
    agree(regexps_of_2.dag_files(root), ours(root, (2, 11)))
    agree(globs_of_3.dag_files(root), ours(root, (3, 3)))
    (root / "again").symlink_to("sub")
    assert globs_of_3.dag_files(root) == "RuntimeError"
    assert ours(root, (3, 3)) == "stops"
    (root / ".airflowignore").write_text("again\n")
    agree(regexps_of_2.dag_files(root), ours(root, (2, 11)))
    agree(globs_of_3.dag_files(root), ours(root, (3, 3)))


def test_an_ignore_file_that_is_not_utf_8(
    regexps_of_2: RealAirflow, globs_of_3: RealAirflow, tmp_path: Path
) -> None:
    root = project(tmp_path / "dags", {})
    (root / ".airflowignore").write_bytes(b"\xe4\n")
    assert globs_of_3.dag_files(root) == "UnicodeDecodeError"
    agree(globs_of_3.dag_files(root), ours(root, (3, 3)))
    agree(regexps_of_2.dag_files(root), ours(root, (2, 11)))
