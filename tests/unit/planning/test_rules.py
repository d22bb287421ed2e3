from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from astro_ci.ci.systems.index import FILES
from astro_ci.errors import ProjectError
from astro_ci.model import NO_PARTS, Affects, Part, PathChange, Status
from astro_ci.planning.rules import Rules, default_ignore, parse_globs
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.leftovers import leftover_matcher


def rules(project: str = "", dags: str | tuple[str, ...] = "dags", **globs: list[str]) -> Rules:
    """Rules with the user's globs by option name, and `.dockerignore` as `dockerignore`."""
    return Rules(
        project=project,
        dags=(dags,) if isinstance(dags, str) else dags,
        default_ignore=parse_globs(default_ignore(FILES), name="the default ignore list"),
        dockerignore=DockerIgnore.parse("\n".join(globs.get("dockerignore", []))),
        ignore=parse_globs(globs.get("ignore", []), name="ignore"),
        image_paths=parse_globs(globs.get("image_paths", []), name="image-paths"),
        build_links=globs.get("build_links", []),
    )


AT_ROOT = rules(dockerignore=["include/scratch", "dags/"])
BELOW = rules("astro", "astro/dags")

TABLE: list[tuple[str, Rules, str, Affects, str]] = [
    # the project is the repository
    ("a DAG", AT_ROOT, "dags/a.py", "dags", "is under dags/"),
    ("a file beside a DAG", AT_ROOT, "dags/sql/q.sql", "dags", "is under dags/"),
    ("a DAG that .dockerignore names ships", AT_ROOT, "dags/x", "dags", "is under dags/"),
    ("a submodule at the DAGs path", AT_ROOT, "dags", "dags", "is under dags/"),
    ("requirements", AT_ROOT, "requirements.txt", "image", "is built into the image"),
    ("the Dockerfile", AT_ROOT, "Dockerfile", "image", "shapes the image"),
    (".dockerignore", AT_ROOT, ".dockerignore", "image", "shapes the image"),
    ("a plugin", AT_ROOT, "plugins/dags/x.py", "image", "is built into the image"),
    ("a name that starts like dags", AT_ROOT, "dags_old/a.py", "image", "is built into the image"),
    ("dags deeper down", AT_ROOT, "include/dags/a.py", "image", "is built into the image"),
    ("kept out of the image", AT_ROOT, "include/scratch/x", "nothing",
     "is left out by .dockerignore: include/scratch"),
    ("a readme", AT_ROOT, "README.md", "nothing", "is ignored by default: *.md"),
    ("a readme of a DAG", AT_ROOT, "dags/README.md", "dags", "is under dags/"),
    ("a readme that ships", AT_ROOT, "include/README.md", "image", "is built into the image"),
    ("tests", AT_ROOT, "tests/dags/test_x.py", "nothing", "is ignored by default: tests/**"),
    ("a workflow", AT_ROOT, ".github/workflows/x.yml", "nothing",
     "is ignored by default: .github/**"),
    ("our own file", AT_ROOT, "astro-ci.yaml", "nothing", "is ignored by default: astro-ci.yaml"),
    ("a name with a newline", AT_ROOT, "dags/a\nb.py", "dags", "is under dags/"),
    # the project is below
    ("a DAG below", BELOW, "astro/dags/a.py", "dags", "is under astro/dags/"),
    ("a sibling with the same prefix", BELOW, "astro2/dags/a.py", "nothing",
     "is outside the project"),
    ("dags elsewhere", BELOW, "dags/a.py", "nothing", "is outside the project"),
    ("a Dockerfile elsewhere", BELOW, "Dockerfile", "nothing", "is outside the project"),
    ("a readme below", BELOW, "astro/README.md", "nothing", "is ignored by default: *.md"),
    # the user's words
    ("image-paths, outside", rules("astro", "astro/dags", image_paths=["shared/**"]),
     "shared/x.py", "image", "matches image-paths: shared/**"),
    ("image-paths before ignore", rules(image_paths=["docs/x"], ignore=["docs"]),
     "docs/x", "image", "matches image-paths: docs/x"),
    ("image-paths within the DAGs", rules(image_paths=["dags/lib"]),
     "dags/lib/x.py", "image", "matches image-paths: dags/lib"),
    ("ignore within the DAGs", rules(ignore=["dags/**/*.md"]),
     "dags/x/README.md", "nothing", "matches ignore: dags/**/*.md"),
    ("ignore, relative to the project", rules("astro", "astro/dags", ignore=["include/sql"]),
     "astro/include/sql/q.sql", "nothing", "matches ignore: include/sql"),
    ("ignore, relative to the repository", rules("astro", "astro/dags", ignore=["astro/include"]),
     "astro/include/x", "nothing", "matches ignore: astro/include"),
    ("the Dockerfile cannot be ignored", rules(ignore=["**"]),
     "Dockerfile", "image", "shapes the image"),
    # unusual places
    ("a project under tests/", rules("tests/astro", "tests/astro/dags"),
     "tests/astro/requirements.txt", "image", "is built into the image"),
    ("DAGs under tests/", rules("", "tests/dags"), "tests/dags/a.py", "dags",
     "is under tests/dags/"),
    ("DAGs outside the project", rules("astro", "pipelines"),
     "pipelines/a.py", "dags", "is under pipelines/"),
    ("DAGs behind a link", rules("", ("shared/dags", "dags")),
     "shared/dags/a.py", "dags", "is under shared/dags/"),
    ("the link itself", rules("", ("shared/dags", "dags")), "dags", "image",
     "is the link to the DAGs, which the image leaves out"),
    ("an exception of the project", rules("p", "p/dags", ignore=["*", "!dags", "!include/x"]),
     "p/dags/a.py", "dags", "is under p/dags/"),
    ("an exception of the project, exactly", rules("p", "p/dags", ignore=["**/*.sql", "!q.sql"]),
     "p/q.sql", "image", "is built into the image"),
    ("an exception for elsewhere", rules("p", "p/dags", ignore=["**/*.sql", "!q.sql"]),
     "p/r/q.sql", "nothing", "matches ignore: **/*.sql"),
    ("a project whose name is a pattern", rules("[p]*", "[p]*/dags", ignore=["x"]),
     "[p]*/x", "nothing", "matches ignore: x"),
    ("its sibling", rules("[p]*", "[p]*/dags", ignore=["x"], image_paths=["**"]),
     "pp/x", "image", "matches image-paths: **"),
    ("attributes above the DAGs alone", rules("p", "q/dags"), "q/.gitattributes", "dags",
     "shapes every file that git checks out"),
    ("attributes above both", rules("p", "q/dags"), ".gitattributes", "image",
     "shapes every file that git checks out"),
    ("what makes a directory a virtual environment", AT_ROOT, "dags/v/pyvenv.cfg", "dags",
     "makes its directory a virtual environment, which never ships"),
    ("a name that ends like that file's", AT_ROOT, "dags/v/my_pyvenv.cfg", "dags",
     "is under dags/"),
    ("a repository that is all DAGs", rules("project", ""), "sub/a.py", "dags", "is under ./"),
    ("what the Dockerfile is a link to", rules("p", "p/dags", build_links=["docker/Dockerfile"]),
     "docker/Dockerfile", "image", "is what a file that shapes the image links to"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given_rules", "path", "affects", "because"),
    [pytest.param(*row[1:], id=row[0]) for row in TABLE],
)
def test_classify(given_rules: Rules, path: str, affects: Affects, because: str) -> None:
    found = given_rules.explain([PathChange(path=path, status=Status.ADDED)])
    assert [(change.affects, change.because) for change in found] == [(affects, because)]


def test_a_dockerfile_has_an_ignore_file_of_its_own() -> None:
    assert AT_ROOT.classify("Dockerfile.dockerignore")[0] == {Part.IMAGE}


def test_a_dockerfile_by_another_name_has_one_too() -> None:
    given = structs.replace(AT_ROOT, dockerfile="docker/Dockerfile.astro")
    assert given.build_files == (
        "docker/Dockerfile.astro",
        "docker/Dockerfile.astro.dockerignore",
        ".dockerignore",
    )
    assert given.classify("Dockerfile.dockerignore")[1] == "is built into the image"


def test_no_globs_match_nothing() -> None:
    bare = Rules(project="", dags=("dags",), default_ignore=parse_globs([], name="none"))
    for path in ("XXXX", "a", "x/y"):
        assert bare.classify(path) == (frozenset({Part.IMAGE}), "is built into the image")


def test_a_glob_that_cannot_be_read_is_told_by_its_option() -> None:
    with pytest.raises(ProjectError, match="image-paths line 2"):
        parse_globs(["a", "[x"], name="image-paths")


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("p/dags/generated.py", True),
        ("p/Dockerfile", True),
        ("p/.dockerignore", True),
        ("docker/Dockerfile", True),
        ("shared/made.whl", True),
        ("p/include/made.sql", False),
        ("Dockerfile", False),
        ("p/dags/venv/x.py", False),
    ],
)
def test_what_counts_although_git_ignores_it(path: str, counts: bool) -> None:
    given = structs.replace(
        rules("p", "p/dags", image_paths=["shared/**"], build_links=["docker/Dockerfile"]),
        is_leftover=lambda path: "/venv/" in path,
    )
    assert given.counts_although_ignored(path) is counts


def test_a_leftover_among_the_dags_that_image_paths_names_is_in_the_image_alone() -> None:
    given = structs.replace(
        rules(image_paths=["dags/**"]), is_leftover=lambda path: path == "dags/x.pyc"
    )
    assert given.classify("dags/x.py")[0] == frozenset(Part)
    assert given.classify("dags/x.pyc")[0] == {Part.IMAGE}


def test_a_directory_whose_files_differ_is_not_judged_as_a_whole() -> None:
    """Where one list tells the files apart, the other one's being uniform helps nothing."""
    by_default = rules("p", "p/dags")
    assert by_default.parts_of_all_in("p") is None, "README.md is ignored"
    assert by_default.parts_of_all_in("p/include") == frozenset({Part.IMAGE})
    by_build = rules("p", "p/dags", dockerignore=["include/*.tmp"])
    assert by_build.parts_of_all_in("p/include") is None
    assert by_build.parts_of_all_in("include") == NO_PARTS


def test_a_directory_that_the_default_list_divides_is_not_judged_as_a_whole() -> None:
    divided = structs.replace(
        rules("p", "p/dags"), default_ignore=parse_globs(["include/*.md"], name="the default list")
    )
    assert divided.parts_of_all_in("p/include") is None
    assert divided.parts_of_all_in("p/plugins") == frozenset({Part.IMAGE})


def test_leftovers_of_tools_never_ship() -> None:
    tools = structs.replace(AT_ROOT, is_leftover=leftover_matcher(lambda _path: False))
    assert tools.never_ships("dags/__pycache__/a.py")
    assert not tools.never_ships("dags/a.py")
    assert tools.classify("dags/a.pyc") == (NO_PARTS, "is a leftover of tools, which never ships")


def test_explain_sorts_by_path() -> None:
    paths = ["requirements.txt", "dags/a.py", "README.md"]
    changes = [PathChange(path=path, status=Status.MODIFIED) for path in paths]
    assert {c.status for c in AT_ROOT.explain(changes)} == {Status.MODIFIED}
    assert [(c.path, c.affects) for c in AT_ROOT.explain(changes)] == [
        ("README.md", "nothing"),
        ("dags/a.py", "dags"),
        ("requirements.txt", "image"),
    ]


PARTS = st.lists(st.sampled_from(["dags", "tests", "docs", "a.py", "x.md"]), min_size=1, max_size=4)


@given(PARTS)
def test_every_path_below_the_dags_is_a_dag(parts: list[str]) -> None:
    assert AT_ROOT.classify("/".join(["dags", *parts]))[0] == {Part.DAGS}


@given(PARTS)
def test_nothing_outside_the_project_matters_unless_named(parts: list[str]) -> None:
    assert BELOW.classify("/".join(parts))[0] == NO_PARTS


def test_the_default_list_can_be_read() -> None:
    globs = default_ignore(FILES)
    assert len(parse_globs(globs, name="x").patterns) == len(globs)


def test_files_of_the_run_itself_are_no_part_of_the_project() -> None:
    own = structs.replace(AT_ROOT, written={"plan.json", "dags/plan.json", "image"})
    for path in ("plan.json", "dags/plan.json", "image/index.json", "image/blobs/sha256/0"):
        assert own.classify(path) == (NO_PARTS, "is a file of this run")
        assert own.never_ships(path)
    for path in ("plan.json.bak", "dags/a.py", "images/x", "include/plan.json"):
        assert own.classify(path) == AT_ROOT.classify(path)
        assert not own.never_ships(path)
    assert own.parts_of_all_in("image/blobs") == NO_PARTS
    assert own.parts_of_all_in("dags") is None
