from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from astro_ci.classify import Rules, parse_globs
from astro_ci.content import digests
from astro_ci.model import TreeEntry

RULES = Rules(project="", dags=("dags",))
BELOW = Rules(project="astro", dags=("astro/dags",))


def entry(path: str, content: str = "1", mode: str = "100644") -> TreeEntry:
    return TreeEntry(path=path, mode=mode, object_id=content * 40)


FILES = [entry("dags/a.py"), entry("requirements.txt"), entry("README.md")]


def test_each_side_has_its_own_digest() -> None:
    before = digests(FILES, RULES)
    dag = digests([entry("dags/a.py", "2"), *FILES[1:]], RULES)
    image = digests([FILES[0], entry("requirements.txt", "2"), FILES[2]], RULES)
    readme = digests([*FILES[:2], entry("README.md", "2")], RULES)
    assert (dag.dags == before.dags, dag.image == before.image) == (False, True)
    assert (image.dags == before.dags, image.image == before.image) == (True, False)
    assert readme == before
    assert len(before.dags) == len(before.image) == 16


def test_names_modes_and_contents_all_count() -> None:
    seen = {
        digests([entry(path, content, mode)], RULES).dags
        for path in ("dags/a.py", "dags/b.py")
        for content in "12"
        for mode in ("100644", "100755", "120000")
    }
    assert len(seen) == 12


def test_a_checkout_elsewhere_in_the_repository_is_the_same() -> None:
    below = [entry(f"astro/{file.path}") for file in FILES]
    assert digests(below, BELOW) == digests(FILES, RULES)


def test_build_arguments_are_part_of_the_image() -> None:
    plain, built = digests(FILES, RULES), digests(FILES, RULES, image_inputs=["A=1", "B=2"])
    assert built.dags == plain.dags
    assert built.image != plain.image
    assert digests(FILES, RULES, image_inputs=["B=2", "A=1"]) == built


def test_files_from_outside_are_no_files_of_the_project() -> None:
    rules = Rules(
        project="astro",
        dags=("astro/dags",),
        image_paths=parse_globs(["shared/**"], name="image-paths"),
    )
    assert (
        digests([entry("shared/x.py")], rules).image
        != digests([entry("astro/shared/x.py")], BELOW).image
    )


@given(st.permutations([*FILES, entry("dags/\udcff\n.py"), entry("include/x")]))
def test_the_order_does_not_matter(files: list[TreeEntry]) -> None:
    assert digests(files, RULES) == digests(sorted(files, key=lambda f: f.path), RULES)
