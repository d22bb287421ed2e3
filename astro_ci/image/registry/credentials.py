"""Find the login that `docker login` stored in the job: a password, or a credential helper.

Source: the documentation of the docker command, "docker login", credential stores and helpers.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astro_ci.errors import RegistryError
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.reference import HUB
from astro_ci.image.user_config import auths_of_variable, config_directory, read_config
from astro_ci.text import Regex, printable

log = logging.getLogger(__name__)

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_HELPER_SECONDS = 60
_HELPER_NAME = Regex(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND = "credentials not found"
_IDENTITY = "<token>"


def login_for(host: str, env: Mapping[str, str], *, checkout: Path | None = None) -> Login | None:
    """Find the login for a registry; None for anonymous access.

    The variable DOCKER_AUTH_CONFIG comes first, as for docker. A configuration inside `checkout` is
    not read, because everyone who can write to the repository could choose the program that the
    configuration names. Raises RegistryError when a credential helper fails.
    """
    keys = _HUB_KEYS if host == HUB else (host, f"https://{host}", f"http://{host}")
    if login := _from_file(auths_of_variable(env), keys, host):
        return login
    directory = config_directory(env)
    if checkout and _is_within(directory, checkout):
        log.warning(
            "the Docker configuration in %s is part of the checkout, so its logins are not used",
            printable(str(directory)),
        )
        return None
    config = read_config(env)
    helpers = config.get("credHelpers")
    for key in keys:
        if isinstance(helpers, dict) and isinstance(name := helpers.get(key), str):
            return _from_helper(name, key, host, env)
    store = config.get("credsStore")
    if isinstance(store, str) and store:
        for key in keys:
            if login := _from_helper(store, key, host, env):
                return login
    auths = config.get("auths")
    return _from_file(auths if isinstance(auths, dict) else {}, keys, host)


def _is_within(directory: Path, checkout: Path) -> bool:
    return Path(os.path.realpath(directory)).is_relative_to(os.path.realpath(checkout))


def _from_file(auths: dict[str, Any], keys: tuple[str, ...], host: str) -> Login | None:
    for name, entry in auths.items():
        if not isinstance(entry, dict) or not (name in keys or _host_of(name) == host):
            continue
        if isinstance(token := entry.get("identitytoken"), str) and token:
            return _login("", token, host)
        user, password = entry.get("username"), entry.get("password")
        if isinstance(auth := entry.get("auth"), str) and auth:
            try:
                user, _, password = base64.b64decode(auth).decode().partition(":")
            except ValueError:
                continue
        if isinstance(user, str) and isinstance(password, str) and user:
            return _login(user, password.strip("\0"), host)
    return None


def _host_of(key: str) -> str:
    """Return the host of a key, which may be a URL: `https://host/v2/`."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _from_helper(name: str, key: str, host: str, env: Mapping[str, str]) -> Login | None:
    """Ask a credential helper, which is a program; None when it has no login."""
    program = _find_program(f"docker-credential-{name}", env) if _is_name(name) else None
    if program is None:
        raise RegistryError(
            f"the login for {host} is with the credential helper {printable(name)!r}, and there is "
            f"no docker-credential-{printable(name)} on PATH",
            hint="Install the helper in this job, or log in with `docker login`.",
        )
    try:
        done = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            env=dict(env),
            cwd="/",
            check=False,
        )
        told = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            if _NOT_FOUND in told:
                return None
            raise ValueError(f"it ended with {done.returncode}")
        found = json.loads(told)
        user, secret = found["Username"], found["Secret"]
        if not (isinstance(user, str) and isinstance(secret, str)):
            raise ValueError("it answered something else than a login")
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        # The output of a helper may contain the login.
        why = str(error) if type(error) is ValueError else type(error).__name__
        raise RegistryError(
            f"the credential helper {name} gave no login for {host}: {why}",
            hint=f"Run `echo {key} | docker-credential-{name} get` in the job to see what is wrong "
            "(it prints the password), or log in with `docker login`.",
        ) from None
    return _login("" if user == _IDENTITY else user, secret, host)


def _is_name(name: str) -> bool:
    return _HELPER_NAME.fullmatch(name) is not None


def _find_program(name: str, env: Mapping[str, str]) -> str | None:
    """Look for a program in the absolute directories of PATH."""
    directories = env.get("PATH", os.defpath).split(os.pathsep)
    path = os.pathsep.join(one for one in directories if Path(one).is_absolute())
    return shutil.which(name, path=path) if path else None


def _login(username: str, password: str, host: str) -> Login:
    return Login(
        username=username,
        password=lambda: password,
        hint=f"Check that the login for {host} of this job may do that, and has not expired: run "
        f"`docker login {host}` again earlier in the job.",
    )
