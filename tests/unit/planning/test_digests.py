from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_ci.ci.systems.index import FILES as CI_FILES
from astro_ci.model import NO_PARTS, Digests, Part
from astro_ci.paths import below
from astro_ci.planning.digests import digests
from astro_ci.planning.rules import Rules, default_ignore, parse_globs
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.leftovers import leftover_matcher
from tests.size import examples


def made(**facts: Any) -> Rules:
    """Rules with the default ignore list."""
    globs = parse_globs(default_ignore(CI_FILES), name="the default ignore list")
    return Rules(default_ignore=globs, **facts)


RULES = made(project="", dags=("dags",))
BELOW = made(project="astro", dags=("astro/dags",))


def line(path: str, content: str = "1", mode: str = "100644") -> str:
    return f"{mode} {content * 40} 0\t{path}"


def in_order(lines: Sequence[str]) -> list[str]:
    return sorted(lines, key=lambda line: os.fsencode(line.partition("\t")[2]))


FILES = in_order([line("dags/a.py"), line("requirements.txt"), line("README.md")])
README, DAG, REQUIREMENTS = FILES


def changed(before: Digests, after: Digests) -> set[Part]:
    return {part for part in Part if before[part] != after[part]}


def test_each_side_has_its_own_digest() -> None:
    before = digests(FILES, RULES)
    dag = digests([README, line("dags/a.py", "2"), REQUIREMENTS], RULES)
    image = digests([README, DAG, line("requirements.txt", "2")], RULES)
    readme = digests([line("README.md", "2"), DAG, REQUIREMENTS], RULES)
    assert (dag[Part.DAGS] == before[Part.DAGS], dag[Part.IMAGE] == before[Part.IMAGE]) == (
        False,
        True,
    )
    assert (image[Part.DAGS] == before[Part.DAGS], image[Part.IMAGE] == before[Part.IMAGE]) == (
        True,
        False,
    )
    assert readme == before
    assert len(before[Part.DAGS]) == len(before[Part.IMAGE]) == 16


def test_names_modes_and_contents_all_count() -> None:
    seen = {
        digests([line(path, content, mode)], RULES)[Part.DAGS]
        for path in ("dags/a.py", "dags/b.py")
        for content in "12"
        for mode in ("100644", "100755", "120000")
    }
    assert len(seen) == 12


def test_a_checkout_elsewhere_in_the_repository_is_the_same() -> None:
    below = [each.replace("\t", "\tastro/") for each in FILES]
    assert digests(below, BELOW) == digests(FILES, RULES)


def test_build_arguments_are_part_of_the_image() -> None:
    plain, built = digests(FILES, RULES), digests(FILES, RULES, image_inputs=["A=1", "B=2"])
    assert built[Part.DAGS] == plain[Part.DAGS]
    assert built[Part.IMAGE] != plain[Part.IMAGE]
    assert digests(FILES, RULES, image_inputs=["B=2", "A=1"]) == built


def test_files_from_outside_are_no_files_of_the_project() -> None:
    rules = made(
        project="astro",
        dags=("astro/dags",),
        image_paths=parse_globs(["shared/**"], name="image-paths"),
    )
    outside, inside = line("shared/x.py"), line("astro/shared/x.py")
    assert digests([outside], rules)[Part.IMAGE] != digests([inside], BELOW)[Part.IMAGE]


def test_what_shapes_both_counts_for_both() -> None:
    """Attributes change the bytes that git checks out; image-paths may lie among the DAGs."""
    rules = made(
        project="p",
        dags=("q/r/dags",),
        image_paths=parse_globs(["q/r/dags/req/**"], name="image-paths"),
    )
    both, dags, image = (
        ".gitattributes",
        ("q/.gitattributes", "q/r/.gitattributes"),
        "p/.gitattributes",
    )
    before = digests([], rules)
    for path in (both, "q/r/dags/req/x.txt"):
        after = digests([line(path)], rules)
        assert (after[Part.DAGS] != before[Part.DAGS], after[Part.IMAGE] != before[Part.IMAGE]) == (
            True,
            True,
        ), path
    for path in dags:
        after = digests([line(path)], rules)
        assert (after[Part.DAGS] != before[Part.DAGS], after[Part.IMAGE] != before[Part.IMAGE]) == (
            True,
            False,
        ), path
    after = digests([line(image)], rules)
    assert (after[Part.DAGS] != before[Part.DAGS], after[Part.IMAGE] != before[Part.IMAGE]) == (
        False,
        True,
    )


def test_the_layout_of_a_bundle_is_part_of_it() -> None:
    plain, at_root = digests(FILES, RULES), digests(FILES, RULES, layout="root")
    assert changed(plain, at_root) == {Part.DAGS}
    assert digests(FILES, RULES, layout="other") != at_root
    in_image = digests(FILES, RULES, dags_in_image=True)
    assert digests(FILES, RULES, dags_in_image=True, layout="root") == in_image, "no bundle"


def test_dags_in_the_image_are_where_they_are() -> None:
    here, there = [line("dags/a.py")], [line("pipelines/a.py")]
    elsewhere = made(project="", dags=("pipelines",))
    assert digests(here, RULES) == digests(there, elsewhere)
    moved = digests(there, elsewhere, dags_in_image=True)
    assert digests(here, RULES, dags_in_image=True)[Part.DAGS] != moved[Part.DAGS]


# --- directories as a whole, against a file at a time --------------------------------------------


def one_by_one(lines: Sequence[str], rules: Rules, *, dags_in_image: bool) -> Digests:
    """What the digests are by definition."""
    sides = {part: hashlib.sha256() for part in Part}
    for each in lines:
        meta, _, path = each.partition("\t")
        parts, _ = rules.classify(path)
        if rules.is_leftover(path):
            parts -= {Part.DAGS}  # what makes a virtual environment does not ship itself
        for part in parts:
            is_bundled = part is Part.DAGS and not dags_in_image
            roots = rules.dags if is_bundled else (rules.project,)
            inner = next(
                (name for root in roots if (name := below(path, root)) is not None), f"/{path}"
            )
            sides[part].update(os.fsencode(f"{meta}\t{inner}") + b"\0")
    return {part: side.hexdigest()[:16] for part, side in sides.items()}


ALL_NAMES = (
    *("a", "b", "ab", "dags", "tests", "docs", "astro", "x.py", "x.md", "README.md", "a b"),
    *(".gitattributes", "Dockerfile", ".dockerignore", "__pycache__", "x.pyc", ".git", ".venv"),
    "pyvenv.cfg",
    *("\udcff", "é", "tab\tdags/x", "new\nline", "{", "|", "^a", "[a]", "*"),
)
NAMES = st.sampled_from(ALL_NAMES)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
GLOBS = st.sampled_from(
    [
        *(
            "*",
            "**",
            "a",
            "b",
            "ab",
            "*.md",
            "**/*.py",
            "a/**",
            "a/b",
            "*/b",
            "a/*",
            "**/b",
            "dags",
        ),
        *("dags/**", "astro", "docs/**", "tests", "[^a]", "a?", "?", "a|b", "x{0}b", r"\D", "^a"),
        *(
            "z|b*",
            "q{0}a*",
            "^z*",
            "q{0,9}*b",
            "astro/a/*.py",
            "a/**/b",
            "**a",
            "**/a/b",
            "a*",
            "*a/b",
            "a/[b-x]*",
            r"a/\*",
            "a b",
        ),
    ]
)
PATTERNS = st.lists(
    st.tuples(st.booleans(), GLOBS).map(lambda pair: ("!" if pair[0] else "") + pair[1]), max_size=4
)
ROOTS = st.sampled_from(["", "astro", "a", "a/b"])
VENVS = {"a/.venv", ".venv", "dags/.venv"}
WITH_LEFTOVERS = made(project="", dags=("dags",), is_leftover=leftover_matcher(VENVS.__contains__))


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    project = draw(ROOTS)
    inside = f"{project}/" if project else ""
    dags = draw(st.sampled_from([f"{inside}dags", f"{inside}a/b", "other/dags", project or "dags"]))
    linked = draw(st.sampled_from([(), (f"{inside}link",)]))
    sets: dict[str, Any] = {
        name: DockerIgnore.parse("\n".join(draw(PATTERNS)))
        for name in ("dockerignore", "ignore", "image_paths")
    }
    leftovers = leftover_matcher(VENVS.__contains__)
    return made(project=project, dags=(dags, *linked), is_leftover=leftovers, **sets)


@settings(max_examples=examples(100))
@given(st.sets(PATHS, max_size=30), rules(), st.booleans())
@example({"dags/a.py", "dags/x/b.py"}, RULES, False)
@example({"a/dags/x"}, made(project="a", dags=("a/dags",)), False)
@example({"dags/a\tdags/b.py", "dags/a\tdags/c\tdags", "dags\tdags/d"}, RULES, False)
@example({"dags/a.py", "dags/a.pyc", "dags/b/x.py", "dags/.venv/x.py"}, WITH_LEFTOVERS, False)
@example({"dags/a.py", "dags/a.pyc", "dags/.git/x", "dags/.venv/pyvenv.cfg"}, WITH_LEFTOVERS, True)
@example({"dags/.venv/pyvenv.cfg", "dags/__pycache__/a", "x.pyc"}, WITH_LEFTOVERS, False)
def test_directories_as_a_whole_make_no_difference(
    paths: set[str], rules: Rules, in_image: bool
) -> None:
    lines = in_order([line(path, str(number % 10)) for number, path in enumerate(sorted(paths))])
    expected = one_by_one(lines, rules, dags_in_image=in_image)
    assert digests(lines, rules, dags_in_image=in_image) == expected


@settings(max_examples=examples(200))
@given(PATTERNS, PATHS)
@example(["[^a][^a]b*"], "b")
@example([r"\D\Db"], "b")
@example(["z|b*"], "docs")
def test_patterns_that_tell_no_files_apart(patterns: list[str], directory: str) -> None:
    ignore = DockerIgnore.parse("\n".join(patterns))
    if ignore.is_uniform_in(directory):
        names = [*ALL_NAMES, "Ab", "z", "za", "zb", "some file"]
        assert len({ignore.excludes(f"{directory}/{name}") for name in names}) == 1


@settings(max_examples=examples(100))
@given(PATHS, st.sets(NAMES, min_size=1), rules())
def test_what_a_directory_affects_holds_for_each_file(
    directory: str, names: set[str], rules: Rules
) -> None:
    parts = rules.parts_of_all_in(directory)
    leftover = leftover_matcher(lambda _path: False)
    for name in names:
        if parts is not None and "/" not in name and not leftover(name):
            assert rules.classify(f"{directory}/{name}")[0] == parts


def test_files_of_a_directory_are_not_judged_one_by_one() -> None:
    """There may be a hundred thousand."""
    asked: list[str] = []

    def is_leftover(path: str) -> bool:
        asked.append(path)
        return False

    rules = made(project="", dags=("dags",), is_leftover=is_leftover)
    digests([line(f"dags/x/{number}.py") for number in range(9)], rules)
    assert asked
    assert all(path.endswith("/some file") for path in asked), asked


def test_leftovers_among_the_dags_do_not_count() -> None:
    expected = digests([DAG], RULES)
    for leftover in ("dags/x/.DS_Store", "dags/x/y/b.pyc"):
        rules = made(project="", dags=("dags",), is_leftover=leftover_matcher(lambda _path: False))
        beside = [DAG, line(leftover), line("dags/x/z.py")]
        assert digests(beside, rules) == digests([DAG, beside[-1]], rules), leftover
        assert digests([DAG, line(leftover)], rules) == expected


def test_what_makes_a_directory_a_virtual_environment_does_not_count_either() -> None:
    """Neither where the files of a directory are judged one by one."""
    rules = made(
        project="",
        dags=("dags",),
        ignore=parse_globs(["dags/**/*.md"], name="ignore"),
        is_leftover=leftover_matcher({"dags/venv"}.__contains__),
    )
    assert rules.parts_of_all_in("dags/venv") is None
    assert digests([DAG, line("dags/venv/pyvenv.cfg")], rules) == digests([DAG], rules)


def test_most_directories_are_seen_as_a_whole() -> None:
    usual = made(
        project="astro",
        dags=("astro/dags",),
        dockerignore=DockerIgnore.parse("astro\n.git\n.env\nlogs/\n.venv\nairflow.db\n*.log\n"),
    )
    directories = ["astro/dags", "astro/dags/x", "astro/include", "astro/plugins/y", "astro/docs/a"]
    found = [usual.parts_of_all_in(directory) for directory in [*directories, "other/x"]]
    dags, image = {Part.DAGS}, {Part.IMAGE}
    assert found == [dags, dags, image, image, NO_PARTS, NO_PARTS]


def test_a_tab_in_a_name_is_part_of_the_name() -> None:
    """Paths count relative to the DAGs directory; what looks like one inside a name stays."""
    assert digests([line("dags/a\tdags/b.py")], RULES) != digests([line("dags/a\tb.py")], RULES)


def test_digests_are_those_of_the_markers_that_are_out_there() -> None:
    """A marker of an earlier version is compared with today's digest: neither may ever change."""
    rules = made(
        project="astro",
        dags=("astro/dags",),
        image_paths=parse_globs(["shared/**"], name="image-paths"),
        is_leftover=leftover_matcher({"astro/dags/venv"}.__contains__),
    )
    paths = [
        *("README.md", "astro/Dockerfile", "astro/dags/a.py", "astro/dags/lib/b\tc.py"),
        *("astro/dags/lib/__pycache__/b.pyc", "astro/dags/venv/lib.py"),
        *("astro/dags/venv/pyvenv.cfg", "astro/include/\udcff.sql", "shared/x/y.py"),
    ]
    lines = in_order([line(path, str(number)) for number, path in enumerate(paths)])
    assert digests(lines, rules) == {
        Part.IMAGE: "eb16f9cdfd3e44e4",
        Part.DAGS: "db95aa54f24857fa",
    }
    inputs = ["target=x", "A=1"]
    built = digests(lines, rules, image_inputs=inputs, line_ends="crlf", dags_in_image=True)
    assert built == {
        Part.IMAGE: "91d41f7db92923c7",
        Part.DAGS: "ffe75fd72976dc08",
    }
    kept = [each for each in lines if "pycache" not in each and "venv" not in each]
    assert digests(kept, rules) == digests(lines, rules), "leftovers never ship"
