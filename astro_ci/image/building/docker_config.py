"""Make a private configuration for the docker command, so that it cannot change the user's own.

The user's registry credentials, plugins, contexts and buildx builders are copied, so that docker
can pull base images and use a chosen builder. Files that docker writes there are deleted.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from astro_ci.image.user_config import config_directory, read_config

_CARRIED_OVER = (
    "auths",
    "cliPluginsExtraDirs",
    "credHelpers",
    "credsStore",
    "currentContext",
    "HttpHeaders",
    "proxies",
)
_BUILDX_STATE = ("current", "defaults", "instances")


@contextmanager
def private_config(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Make the configuration, yield the environment for `docker`, and delete the configuration.

    The directory is made in TMPDIR with mode 0700.
    """
    original = config_directory(env)
    with tempfile.TemporaryDirectory(prefix="astro-ci-docker-", dir=env.get("TMPDIR")) as made:
        private = Path(made)
        config = {key: value for key, value in read_config(env).items() if key in _CARRIED_OVER}
        file = private / "config.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(config), "utf-8")
        for name in ("cli-plugins", "contexts"):
            if (original / name).is_dir():
                (private / name).symlink_to((original / name).absolute())
        _copy_buildx_state(Path(env.get("BUILDX_CONFIG") or original / "buildx"), private)
        kept = {name: value for name, value in env.items() if name != "BUILDX_CONFIG"}
        yield kept | {"DOCKER_CONFIG": str(private)}


def _copy_buildx_state(source: Path, private: Path) -> None:
    """Copy buildx's files about its builders and the chosen builder, without other files."""
    for name in _BUILDX_STATE:
        if (source / name).is_dir():
            shutil.copytree(source / name, private / "buildx" / name)
        elif (source / name).is_file():
            (private / "buildx").mkdir(exist_ok=True)
            shutil.copy(source / name, private / "buildx" / name)
