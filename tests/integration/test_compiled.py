"""The list of files that the actions compile while they install."""

from __future__ import annotations

import importlib.util

from tests.surfaces.github.runner import ROOT


def test_the_actions_compile_what_a_deploy_loads() -> None:
    """Else the first run of every job takes longer; `python tools/compiled.py` writes the list."""
    spec = importlib.util.spec_from_file_location("compiled", ROOT / "tools" / "compiled.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    loaded = tool.loaded()
    assert {"astro_ci/deploying/deploy.py", "requests/sessions.py"} <= loaded
    assert not loaded - set(tool.LIST.read_text().split())
