"""Which CI system a repository uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.errors import ConfigurationError
from astro_ci.pipelines.systems import detect_system


def test_a_directory_for_other_things_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "CODEOWNERS").write_text("")
    (tmp_path / "Jenkinsfile").write_text("")
    assert detect_system(tmp_path, "github.com").key == "jenkins"


def test_the_remote_decides_between_files(tmp_path: Path) -> None:
    (tmp_path / "Jenkinsfile").write_text("")
    (tmp_path / ".gitlab-ci.yml").write_text("")
    assert detect_system(tmp_path, "gitlab.com").key == "gitlab"
    with pytest.raises(ConfigurationError, match="gitlab, jenkins"):
        detect_system(tmp_path, "example.com")


@pytest.mark.parametrize("host", ["", "notgithub.com", "github-mirror", "example.com"])
def test_nothing_tells(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigurationError, match="neither the repository's files nor its remote"):
        detect_system(tmp_path, host)
