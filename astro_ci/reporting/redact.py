"""Cross out secrets in text that leaves the log, whose masks CI systems apply nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_CROSSED_OUT = "***"
# Shorter words would be found in the middle of others.
_SHORTEST = 8
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|KEYS?(?=_|\d|$)"
    r"|(?:^|_)(?:PASS|PAT|AUTH)(?=_|\d|$)|_(?:PWD|PW)(?=_|\d|$)",
    re.IGNORECASE,
)
# Of a URL: the user and the password, or a token in place of both. A try for each scheme alone, as
# lines may be long. `git` is no secret.
_USER_IN_URL = re.compile(
    r"((?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://)(?!git@)[^/\s@]+@(?:[^/\s@]*@)*", re.IGNORECASE
)


# What says how to act on the job or on Astro, whatever it is called.
_OF_THE_JOB = ("ASTRO_", "ASTRONOMER_", "GITHUB_", "ACTIONS_", "BUILDKITE_", "CI_JOB_")
# What the user means for Airflow: its configuration, Variables and Connections.
_FOR_AIRFLOW = "AIRFLOW_"


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables that code of the checkout must not see.

    Those are ours, the CI system's own, and those whose names say secret, but for Airflow's.
    """
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(_FOR_AIRFLOW)
        or not (name.startswith(_OF_THE_JOB) or _SECRET_NAME.search(name))
    }


def redact(text: str, variables: Mapping[str, str], others: Iterable[str] = ()) -> str:
    """Cross out who a URL logs in as, `others`, and the variables whose names say secret.

    A secret of several words is looked for word by word, as a tool may show one of its lines.
    """
    secrets = [value for name, value in variables.items() if _SECRET_NAME.search(name)]
    words = {word for text in (*secrets, *others) for word in text.split()}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST:
            text = text.replace(word, _CROSSED_OUT)
    return _USER_IN_URL.sub(rf"\1{_CROSSED_OUT}@", text)
