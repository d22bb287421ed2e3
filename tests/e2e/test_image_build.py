"""Building real images: what is in them, what is said, what is left behind."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from astro_ci.errors import ConfigurationError, DockerError, ProjectError
from astro_ci.image.building.build import build_image
from astro_ci.image.building.builder import PLATFORM, find_builder
from astro_ci.image.building.spec import Build
from astro_ci.image.checks import check_image
from astro_ci.image.engine import Engine
from astro_ci.image.inspection import inspect_image
from tests.e2e.images import (
    make_runtime_image,
    read_image,
    read_image_files,
    unavailable,
    unique,
)

pytestmark = pytest.mark.docker

HOME = "usr/local/airflow"


@pytest.fixture(params=["buildkit", "classic"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a job, with or without a docker command to build with."""
    environment = dict(os.environ)
    environment["TMPDIR"] = str(tmp_path / "tmp")
    tmp_path.joinpath("tmp").mkdir()
    if request.param == "classic":
        environment["PATH"] = str(tmp_path)
    elif find_builder(environment) is None:
        unavailable("no docker command with BuildKit")
    return environment


@pytest.fixture
def buildkit_env() -> Mapping[str, str]:
    if find_builder(os.environ) is None:
        unavailable("no docker command with BuildKit")
    return os.environ


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    name = unique("build")
    yield name
    engine.remove_image(name)


@pytest.fixture
def project(tmp_path: Path, base: str) -> Path:
    """A project with one of each: files, links, modes, names, and an ignore file."""
    files = {
        "Dockerfile": f"FROM {base}\n",
        ".dockerignore": "\n.git\n**/*.pyc\nlogs/\ndocs/*\n!docs/keep.md\n# nothing\n",
        "packages.txt": "gcc\n",
        "requirements.txt": "pandas\n",
        "dags/example.py": "DAG\n",
        "dags/sub/other.py": "DAG\n",
        "include/sql/query.sql": "select 1\n",
        "include/cache.pyc": "compiled\n",
        "logs/today.log": "noise\n",
        "docs/keep.md": "kept\n",
        "docs/drop.md": "dropped\n",
        ".git/HEAD": "ref\n",
        "include/" + "long" * 60: "long\n",
        "include/with space and é": "accents\n",
        "my_dags/not_dags.py": "a prefix is not a parent\n",
    }
    root = tmp_path / "project"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    root.joinpath("include", "run.sh").write_text("#!/bin/sh\n")
    root.joinpath("include", "run.sh").chmod(0o755)
    root.joinpath("include", "private").write_text("x")
    root.joinpath("include", "private").chmod(0o600)
    root.joinpath("include", "link").symlink_to("sql/query.sql")
    root.joinpath("include", "dangling").symlink_to("/nowhere/at/all")
    root.joinpath("include", "directory-link").symlink_to("../plugins")
    root.joinpath("plugins", "empty").mkdir(parents=True)
    return root


def tree_digest(root: Path) -> str:
    """Digest everything below a directory that a build could change."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        digest.update(f"{path}\0{status.st_mode}\0{status.st_mtime_ns}\0".encode())
        if stat.S_ISREG(status.st_mode):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def airflow_home(engine: Engine, reference: str) -> dict[str, tuple[object, ...]]:
    """What is in the project's place of an image: type, mode, owner, link, size by path."""
    return {
        entry.name.removeprefix(f"{HOME}/"): (
            entry.type,
            oct(entry.mode),
            entry.uid,
            entry.gid,
            entry.linkname,
            entry.size,
        )
        for entry in read_image(engine, reference).values()
        if entry.name.startswith(f"{HOME}/")
    }


@pytest.mark.smoke
def test_the_image_is_what_docker_build_makes_but_for_the_dags(
    engine: Engine, project: Path, env: dict[str, str], tag: str
) -> None:
    lines: list[str] = []
    image = build_image(
        engine,
        Build(root=project, tag=tag, leave_out={"dags"}.__contains__),
        env=env,
        on_line=lines.append,
    )
    reference = unique("reference")
    command = find_builder(os.environ)
    if command is None:
        unavailable("no docker command with BuildKit")
    subprocess.run(
        [*command.arguments, "--platform", PLATFORM, "--tag", reference, str(project)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        check=True,
        capture_output=True,
    )
    try:
        expected = airflow_home(engine, reference)
    finally:
        engine.client.images.remove(reference, force=True)
    got = airflow_home(engine, tag)
    assert {"dags", "dags/sub/other.py", "docs/keep.md"} <= set(expected)
    assert got == {path: facts for path, facts in expected.items() if path.split("/")[0] != "dags"}
    files = read_image_files(engine, tag)
    assert files[f"{HOME}/include/sql/query.sql"] == b"select 1\n"
    assert files["packages-installed"] == b"gcc\n"
    assert image.id == engine.client.images.get(tag).id
    assert any("FROM" in line for line in lines)


def test_nothing_is_left_in_the_checkout_the_home_or_the_temporary_directory(
    engine: Engine, project: Path, env: dict[str, str], tag: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.joinpath(".docker").mkdir(parents=True)
    home.joinpath(".docker", "config.json").write_text('{"auths": {"example.com": {}}}')
    before = tree_digest(project), tree_digest(home)
    build_image(
        engine,
        Build(root=project, tag=tag, leave_out={"dags"}.__contains__),
        env={**env, "HOME": str(home)},
        on_line=lambda line: None,
    )
    assert (tree_digest(project), tree_digest(home)) == before
    assert list(Path(env["TMPDIR"]).iterdir()) == []


def test_an_excluded_dockerfile_builds_and_stays_out_of_the_image(
    engine: Engine, project: Path, env: dict[str, str], tag: str
) -> None:
    project.joinpath(".dockerignore").write_text("Dockerfile\n.dockerignore\nlogs\n!dags\n")
    build_image(
        engine,
        Build(root=project, tag=tag, leave_out={"dags"}.__contains__),
        env=env,
        on_line=lambda line: None,
    )
    found = airflow_home(engine, tag)
    assert not {"Dockerfile", ".dockerignore", "logs", "dags"} & set(found)
    assert {"docs/drop.md", "my_dags/not_dags.py"} <= set(found)


def test_an_ignore_file_named_after_the_dockerfile_comes_first(
    engine: Engine, project: Path, env: dict[str, str], tag: str
) -> None:
    project.joinpath("Dockerfile").rename(project / "Dockerfile.prod")
    project.joinpath("Dockerfile.prod.dockerignore").write_text("include\n")
    build_image(
        engine,
        Build(root=project, tag=tag, dockerfile="Dockerfile.prod"),
        env=env,
        on_line=lambda line: None,
    )
    found = airflow_home(engine, tag)
    assert "include" not in found
    assert {"logs/today.log", "dags/example.py"} <= set(found)


def test_labels_and_build_arguments_arrive(
    engine: Engine, project: Path, base: str, env: dict[str, str], tag: str
) -> None:
    # Some of these names mean something to the docker command itself.
    arguments = {
        "PLAIN": "one two",
        "DOCKER_HOST": "tcp://nowhere.invalid:1",
        "PATH_LIKE": "/a:/b",
        "TMPDIR": "/nowhere",
        "EQUALS": "a=b",
    }
    project.joinpath("Dockerfile").write_text(
        f"FROM {base}\n"
        + "".join(f"ARG {name}\nRUN echo ${name} >> /arguments\n" for name in arguments)
    )
    labels = {"org.opencontainers.image.source": "https://example.com/a?b=c&d", "quote": '"$x"'}
    build_image(
        engine,
        Build(root=project, tag=tag, labels=labels, build_args=arguments),
        env=env,
        on_line=lambda line: None,
    )
    expected = "".join(f"{value}\n" for value in arguments.values())
    assert read_image_files(engine, tag)["arguments"].decode() == expected
    found = engine.client.images.get(tag).labels
    assert found.items() >= labels.items()
    assert found["io.astronomer.docker.runtime.version"] == "13.1.0"


def test_secrets_reach_the_step_and_neither_the_image_nor_the_output(
    engine: Engine,
    project: Path,
    base: str,
    buildkit_env: Mapping[str, str],
    tag: str,
    tmp_path: Path,
) -> None:
    project.joinpath("Dockerfile").write_text(
        f"FROM {base}\n"
        "RUN --mount=type=secret,id=pip --mount=type=secret,id=netrc,target=/netrc \\\n"
        "  cat /run/secrets/pip /netrc | md5sum > /seen\n"
    )
    netrc = tmp_path / "netrc"
    netrc.write_text("from-a-file")
    lines: list[str] = []
    build_image(
        engine,
        Build(root=project, tag=tag, secrets=["id=pip,env=PIP_TOKEN", f"id=netrc,src={netrc}"]),
        env={**buildkit_env, "PIP_TOKEN": "from-a-variable"},
        on_line=lines.append,
    )
    files = read_image_files(engine, tag)
    expected = hashlib.md5(b"from-a-variablefrom-a-file", usedforsecurity=False).hexdigest()
    assert files["seen"].decode().split()[0] == expected
    everything = b"".join(files.values()) + str(lines).encode()
    everything += str(engine.client.images.get(tag).history()).encode()
    assert b"from-a-" not in everything


def test_secrets_are_refused_where_they_cannot_be_given(
    engine: Engine, project: Path, tmp_path: Path, tag: str
) -> None:
    build = Build(root=project, tag=tag, secrets=["id=pip,env=PIP_TOKEN"])
    with pytest.raises(DockerError, match="need BuildKit") as caught:
        build_image(
            engine,
            build,
            env={"PATH": str(tmp_path), "PIP_TOKEN": "x"},
            on_line=lambda line: None,
        )
    assert "buildx" in caught.value.hint
    with pytest.raises(ConfigurationError, match="PIP_TOKEN, which is not set"):
        build_image(engine, build, env={"PATH": str(tmp_path)}, on_line=lambda line: None)


def test_a_failing_step_is_quoted_at_the_end_and_no_image_is_left(
    engine: Engine, project: Path, base: str, env: dict[str, str], tag: str
) -> None:
    project.joinpath("Dockerfile").write_text(
        f"FROM {base}\n"
        "RUN echo an earlier step is fine\n"
        "RUN echo no matching distribution found >&2 && exit 7\n"
        "RUN echo never reached\n"
    )
    with pytest.raises(DockerError, match=r"the image was not built") as caught:
        build_image(engine, Build(root=project, tag=tag), env=env, on_line=lambda line: None)
    said = str(caught.value)
    assert said.splitlines()[-1].endswith("no matching distribution found")
    assert "7" in said
    assert "never reached" not in said
    assert tag not in all_tags(engine)


def test_output_is_shown_while_the_build_runs(
    engine: Engine, project: Path, base: str, env: dict[str, str], tag: str
) -> None:
    project.joinpath("Dockerfile").write_text(
        f"FROM {base}\nRUN echo before-$((40+2)) && sleep 2 && echo after-$((40+2))\n"
    )
    seen: dict[str, float] = {}

    def on_line(line: str) -> None:
        for word in ("before-42", "after-42"):
            if word in line:
                seen.setdefault(word, time.monotonic())

    build_image(engine, Build(root=project, tag=tag), env=env, on_line=on_line)
    assert seen["after-42"] - seen["before-42"] > 1.5


def test_an_interruption_stops_the_build_and_leaves_nothing(
    engine: Engine, project: Path, base: str, env: dict[str, str], tag: str
) -> None:
    marker = unique("marker").partition(":")[2]
    project.joinpath("Dockerfile").write_text(
        f"FROM {base}\nRUN echo started-{marker}-$((40+2)) && sleep 300\n"
    )

    def on_line(line: str) -> None:
        if f"started-{marker}-42" in line:
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        build_image(engine, Build(root=project, tag=tag), env=env, on_line=on_line)
    assert time.monotonic() - started < 120
    assert list(Path(env["TMPDIR"]).iterdir()) == []
    assert tag not in all_tags(engine)
    deadline = time.monotonic() + 60
    while running := [*traces(marker), *traces(tag), *containers(engine, marker)]:
        assert time.monotonic() < deadline, running
        time.sleep(0.2)


def test_an_interruption_at_the_very_end_takes_the_name_back(
    engine: Engine, project: Path, env: dict[str, str], tag: str
) -> None:
    named = []

    def on_line(line: str) -> None:
        if tag in line and (line.endswith(" done") or line.startswith("Successfully tagged")):
            named.extend(engine.client.images.list(tag))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_image(engine, Build(root=project, tag=tag), env=env, on_line=on_line)
    assert len(named) == 1
    assert engine.client.images.list(tag) == []


def all_tags(engine: Engine) -> str:
    """Every name of an image, from one answer: other tests remove images at the same time."""
    return str(engine.client.api.images())


def traces(word: str) -> list[str]:
    """The processes that have a word on their command line, in containers as well."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            found.append(directory.joinpath("cmdline").read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in found if word in line]


def containers(engine: Engine, word: str) -> list[str]:
    """The containers that have a word in their description."""
    listed = engine.client.containers.list(all=True, ignore_removed=True)
    return [str(found.id) for found in listed if word in str(found.attrs)]


def test_what_is_wrong_with_the_project_is_said_before_or_by_the_build(
    engine: Engine, project: Path, env: dict[str, str], tag: str
) -> None:
    build = Build(root=project, tag=tag)
    project.joinpath(".dockerignore").write_text("fine\n[a\n")
    with pytest.raises(ProjectError, match=r"\.dockerignore line 2"):
        build_image(engine, build, env=env, on_line=lambda line: None)
    project.joinpath(".dockerignore").unlink()
    project.joinpath("Dockerfile").write_text("FORM nothing\n")
    with pytest.raises(DockerError, match=r"(?i)unknown instruction: FORM"):
        build_image(engine, build, env=env, on_line=lambda line: None)
    project.joinpath("Dockerfile").unlink()
    with pytest.raises(ProjectError, match="there is no Dockerfile in"):
        build_image(engine, build, env=env, on_line=lambda line: None)


def test_an_image_for_another_platform_or_without_label_is_refused(
    engine: Engine, tag: str
) -> None:
    make_runtime_image(engine, tag, version=None)
    with pytest.raises(ProjectError, match="not built from Astro Runtime"):
        check_image(inspect_image(engine, tag), running="", supported=None)
    engine.remove_image(tag)
    name, _, version = tag.partition(":")
    engine.client.api.import_image_from_data(
        b"\0" * 10240, repository=name, tag=version, changes=["LABEL a=b"]
    )
    assert inspect_image(engine, tag).runtime_version is None
    with pytest.raises(DockerError, match="has no image"):
        inspect_image(engine, unique("missing"))
