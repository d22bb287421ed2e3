from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def problems(tag: str, root: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("release", ROOT / "tools" / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.problems(tag, root))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "astro_ci/__init__.py": '__version__ = "1.2.3"\n',
        "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 1.2.3 (2026-12-01)\n",
        "examples/drone/.drone.yml": "- pip install astro-ci==1.2.3\n",
        "docs/a.md": "uses: astro-ci/astro_ci@v1, astro-ci/astro_ci@v1.2.3, ref: v1.2.3\n",
        "docs/b.md": "remote: https://x/astro-ci/astro_ci/v1/gitlab-templates/deploy.yml\n",
        "docs/c.md": "image: registry.example.com/ci/astro-ci:1.2.3, actions/checkout@v6\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def test_all_name_the_version(checkout: Path) -> None:
    assert problems("v1.2.3", checkout) == []


def test_each_that_does_not_is_named(checkout: Path) -> None:
    assert [problem.partition(":")[0] for problem in problems("v1.3.0", checkout)] == [
        "astro_ci/__init__.py",
        "CHANGELOG.md",
        "docs/a.md",
        "docs/a.md",
        "docs/c.md",
        "examples/drone/.drone.yml",
    ]


def test_the_next_major_version_is_named_everywhere(checkout: Path) -> None:
    found = [problem.partition(":")[0] for problem in problems("v2.0.0", checkout)]
    assert found.count("docs/a.md") == 3
    assert "docs/b.md" in found


def test_templates_and_examples_of_this_checkout_name_its_version() -> None:
    import astro_ci

    found = problems(f"v{astro_ci.__version__}", ROOT)
    assert [one for one in found if not one.startswith("CHANGELOG.md")] == []
