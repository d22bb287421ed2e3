from __future__ import annotations

import os
from pathlib import Path

from astro_ci.ci import detect
from astro_ci.configuration.config import Config
from astro_ci.git import GitRepo
from astro_ci.model import Part
from astro_ci.survey.bases import find_bases
from tests.repository import Repository


def test_what_is_deployed_cannot_be_compared_with_unless_the_history_is_read(
    tmp_path: Path,
) -> None:
    Repository.create(tmp_path, {"a": "1"})
    found = find_bases(
        Config(base="deployed"), detect({}), GitRepo.open(tmp_path, env=os.environ), None
    )
    assert (found.source, set(found.commits.values())) == ("none", {None})
    assert set(found.unknown.values()) == {"the deploy history could not be read"}
    assert found.unknown.keys() == set(Part)
