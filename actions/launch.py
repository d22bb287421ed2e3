"""Install what astro_ci needs into an environment of its own, and run it there.

Used by the composite actions, with the standard library alone. The packages come from the lock
file beside this one, checked against its hashes; the code comes from the action's own checkout,
so that one reference pins both. The job's PATH, variables and Python stay as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LOCK = HERE / "requirements.lock"
COMPILED = HERE / "compiled.txt"
_OURS = "astro_ci/"
_FROM_THE_LOCK = (
    *("--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
    *("--requirement", str(LOCK)),
)
# Where the job's own settings for pip would have it install somewhere else, or something else.
_NOT_FOR_US = (
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_CONSTRAINT", "PIP_REQUIREMENT"),
    *("PIP_NO_BINARY", "PIP_NO_DEPS", "PIP_DRY_RUN", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV"),
    *("UV_TARGET", "UV_PREFIX", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_NO_BINARY", "UV_SYSTEM_PYTHON"),
)
# The environment comes before pip's configuration files, which may say the same. An empty value
# would not.
_INSTEAD = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0", "PIP_CONSTRAINT": os.devnull}


class SetupError(Exception):
    """The packages could not be installed; the message says what was tried."""


def main(arguments: list[str], env: Mapping[str, str]) -> NoReturn:
    """Set up, then become astro_ci."""
    try:
        python = set_up(env)
    except SetupError as error:
        text = str(error).replace("%", "%25").replace("\r", "").replace("\n", "%0A")
        print(f"::error::{text}", file=sys.stderr)
        _set_outputs(env, verb=arguments[0] if arguments else "", reason=str(error))
        sys.exit(4)
    sys.stderr.flush()
    # -I: neither a module in the checkout nor the job's PYTHONPATH comes before our own.
    os.execv(python, [str(python), "-I", "-m", "astro_ci", *arguments])  # noqa: S606


def _set_outputs(env: Mapping[str, str], *, verb: str, reason: str) -> None:
    """Tell later steps, as astro_ci itself would."""
    path = env.get("GITHUB_OUTPUT")
    if path:
        with contextlib.suppress(OSError), Path(path).open("a", encoding="utf-8") as file:
            file.write(f"reason={reason.splitlines()[0]}\n")
            if verb == "deploy":
                file.write("outcome=failed\n")


def set_up(env: Mapping[str, str]) -> Path:
    """Make the environment, or find the one that an earlier step of the job has made.

    Gives its Python. Raises SetupError.
    """
    temporary = Path(env.get("RUNNER_TEMP") or tempfile.gettempdir())
    home = temporary / f"astro-ci-{_key()}"
    if (home / "ready").exists():
        return home / "bin" / "python"
    print("::group::Set up astro_ci", file=sys.stderr)
    try:
        _make(home, temporary, env)
    finally:
        print("::endgroup::", file=sys.stderr)
    return home / "bin" / "python"


def _make(home: Path, temporary: Path, env: Mapping[str, str]) -> None:
    started = time.monotonic()
    print(f"Python {sys.version.split()[0]}, {sys.executable}", file=sys.stderr)
    # Elsewhere at first: two steps may do this at the same time.
    made = Path(tempfile.mkdtemp(prefix="astro-ci-setup-", dir=temporary))
    try:
        with _timed("environment"):
            venv.create(made, symlinks=True)
        with _timed("packages"):
            ours, theirs = _loaded_files(made)
            # Ours are compiled while the packages come, which is waiting for other processes.
            meanwhile = threading.Thread(target=_compile, args=(ours,))
            meanwhile.start()
            try:
                _install(made, made / "bin" / "python", env)
                _compile(theirs)
            finally:
                meanwhile.join()
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    (_site_packages(made) / "astro_ci.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    (made / "ready").touch()
    _put_in_place(made, home)
    print(f"ready after {time.monotonic() - started:.2f} s", file=sys.stderr)


def _loaded_files(home: Path) -> tuple[list[Path], list[Path]]:
    """The files that a deploy loads: ours, and those of the packages."""
    names = COMPILED.read_text(encoding="utf-8").split()
    packages = _site_packages(home)
    ours = [ROOT / name for name in names if name.startswith(_OURS)]
    return ours, [packages / name for name in names if not name.startswith(_OURS)]


def _compile(paths: Sequence[Path]) -> None:
    """Write the bytecode of these files, so that the first deploy is as quick as the next.

    With several processors, another process takes half of them. Whatever cannot be compiled, or
    written, is compiled when it is loaded.
    """
    half = len(paths) // 2 if (os.cpu_count() or 1) > 1 else 0
    with _compiled_beside(paths[:half]):
        for path in paths[half:]:
            with contextlib.suppress(Exception):
                py_compile.compile(str(path), doraise=True)


@contextmanager
def _compiled_beside(paths: Sequence[Path]) -> Iterator[None]:
    """Have another process compile files meanwhile."""
    if not paths:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "py_compile", "-q", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin  # noqa: S101 - it was asked for
        with contextlib.suppress(OSError), process.stdin:
            process.stdin.write("".join(f"{path}\n" for path in paths))
        yield
    finally:
        process.wait()


def _put_in_place(made: Path, home: Path) -> None:
    """Let the environment be found by later steps; one that is there already is as good."""
    try:
        made.rename(home)
    except OSError:
        if (home / "ready").exists():
            shutil.rmtree(made, ignore_errors=True)
            return
        shutil.rmtree(home, ignore_errors=True)  # a part of one, which an earlier version left
        made.rename(home)


def _key() -> str:
    """Another one for each Python, lock file and checkout."""
    parts = (sys.version, sys.prefix, str(ROOT), LOCK.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _install(home: Path, python: Path, env: Mapping[str, str]) -> None:
    """With uv when it is there, else with pip."""
    said = []
    for command in _installers(home, python):
        try:
            done = subprocess.run(
                command,
                cwd=HERE,  # where no settings of the user's project are found
                env={n: v for n, v in env.items() if n not in _NOT_FOR_US} | _INSTEAD,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        except OSError as error:
            said.append(f"{command[0]}: {error}")
            continue
        if done.returncode == 0:
            return
        output = done.stdout.decode(errors="replace").strip()
        said.append(f"{' '.join(command[:5])} ...: exit code {done.returncode}\n{output[-1500:]}")
    tried = "\n".join(said)
    raise SetupError(
        f"astro_ci's packages could not be installed\n{tried}\n"
        "If no package index could be reached: PIP_INDEX_URL or UV_INDEX_URL names a mirror."
    )


def _installers(home: Path, python: Path) -> Iterator[list[str]]:
    """The commands to try, each after the one before it failed."""
    uv = shutil.which("uv")
    if uv:
        yield [uv, "pip", "install", "--python", str(python), *_FROM_THE_LOCK]
    pip = [sys.executable, "-I", "-m", "pip"]
    if importlib.util.find_spec("pip"):
        # Straight to its place: pip would be started twice for another Python.
        where = ["--target", str(_site_packages(home))]
    else:  # Debian's Python has its pip in a package of its own, and venv may still bring one
        with contextlib.suppress(subprocess.CalledProcessError):
            venv.create(home, symlinks=True, with_pip=True)
        pip[0], where = str(python), []
    yield [*pip, "install", "--disable-pip-version-check", "--no-input", "--no-compile", *where,
           *_FROM_THE_LOCK]  # fmt: skip


def _site_packages(home: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(home)}))


@contextmanager
def _timed(phase: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{phase}: {time.monotonic() - started:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
