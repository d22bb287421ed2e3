"""The examples of the documentation are what they say: pipelines, a configuration file, Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from astro_ci.configuration.choice import Ref, choose
from astro_ci.configuration.file import parse
from tests.surfaces.documentation.conftest import Shell
from tests.surfaces.documentation.documents import ROOT, Block, blocks

CONFIG_FILES = [block for block in blocks("yaml") if block.text.startswith("# astro-ci.yaml")]
PYTHON = blocks("python")


def schema() -> dict[str, object]:
    found: dict[str, object] = json.loads((ROOT / "astro_ci" / "astro-ci.schema.json").read_text())
    return found


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_the_python_examples_run(block: Block, tmp_path: Path, shell: Shell) -> None:
    script = tmp_path / "example.py"
    script.write_text(block.text)
    assert shell(f"{sys.executable} {script}", cwd=tmp_path)


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.name)
def test_yaml_is_yaml(block: Block) -> None:
    """A whole file of one or more documents, or a list of steps to put into one."""
    documents = list(yaml.safe_load_all(block.text))
    assert documents
    assert all(isinstance(document, dict | list) for document in documents)


def test_pipelines_call_us() -> None:
    read = [(one, found) for one in blocks("yaml") for found in yaml.safe_load_all(one.text)]
    pipelines = [
        block
        for block, content in read
        if isinstance(content, dict) and {"on", True, "include"} & {*content}
    ]
    assert len(pipelines) > 4
    for block in pipelines:
        assert "uses: astro-ci/astro_ci@" in block.text or "gitlab-templates/" in block.text


def test_the_configuration_file_is_one() -> None:
    """Both the code and the schema take it; its Deployments are chosen as the text says."""
    (example,) = CONFIG_FILES
    assert len(example.text.splitlines()) < 20
    file = parse(example.text, path=ROOT / "astro-ci.yaml", name="astro-ci.yaml")
    jsonschema.validate(yaml.safe_load(example.text), schema())
    chosen = {
        ref: [
            target.entry
            for target in choose(file, {}, ROOT, lambda ref=ref: ref).targets  # type: ignore[misc]
        ]
        for ref in (Ref(branch="main"), Ref(branch="feature/x"), Ref(tag="v1"), Ref(branch="x"))
    }
    assert list(chosen.values()) == [
        ["sales-production"],
        ["sales-development"],
        ["production"],
        [],
    ]


def test_the_tables_are_the_codes_own() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "reference.py", "--check"])
    assert done.returncode == 0, "out of date: run `python tools/reference.py`"


def test_the_readme_is_short() -> None:
    """One screen and a half: who looks for more follows a link."""
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 90
