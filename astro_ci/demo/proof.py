"""The proof of the demo: compare the running files with the checkout, byte for byte."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from astro_ci.demo.stage import DEPLOYMENT, HOME
from astro_ci.errors import ProjectError
from astro_ci.sandbox import Sandbox


def what_runs(astro: Sandbox, project: Path) -> str:
    """Say whether the running bundle and image equal the checkout."""
    try:
        bundle = _bundle_files(astro)
    except LookupError:
        return "nothing"
    dags = "these DAGs" if bundle == _checked_out_dags(project) else "older DAGs"
    image = _image_files(astro)
    if not image:
        return f"{dags}, no image of ours"
    same = all((project / name).read_bytes() == data for name, data in image.items())
    return f"{dags}, {'this image' if same else 'an older image'}"


def compare(astro: Sandbox, project: Path, *, with_image: bool) -> None:
    """Raise when the running files differ from the checkout."""
    require(_bundle_files(astro) == _checked_out_dags(project), "the bundle should be dags/")
    if not with_image:
        return
    image = _image_files(astro)
    require("requirements.txt" in image, "the image should hold the project")
    require(not any(name.startswith("dags/") for name in image), "the image should hold no dags/")
    for name, data in image.items():
        require((project / name).read_bytes() == data, f"{name} should be the checked-out one")


def _checked_out_dags(project: Path) -> dict[str, bytes]:
    files = sorted(path for path in (project / "dags").rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def _bundle_files(astro: Sandbox) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(astro.bundle(DEPLOYMENT))) as archive:
        return _files(archive)


def _image_files(astro: Sandbox) -> dict[str, bytes]:
    """The project's files in the image that runs, read from the registry layer by layer."""
    found: dict[str, bytes] = {}
    for layer in astro.image_layers(DEPLOYMENT):
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            found |= _files(archive)
    home = f"{HOME}/"
    # The README changes nothing that runs, so the running README may be older.
    return {
        name.removeprefix(home): data
        for name, data in found.items()
        if name.startswith(home) and name != f"{home}README.md"
    }


def _files(archive: tarfile.TarFile) -> dict[str, bytes]:
    found = {}
    for member in archive:
        file = archive.extractfile(member) if member.isfile() else None
        if file:
            found[member.name] = file.read()
    return found


def require(holds: bool, what: str) -> None:
    """Raise ProjectError when a step had another result than the story says."""
    if not holds:
        raise ProjectError(f"the demo did not go as it should: {what}")
