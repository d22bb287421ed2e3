"""Warn of variables that start with ASTRO_CI_ and that nothing reads, such as misspelled names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set

from astro_ci.configuration.config import options
from astro_ci.terminal.options import RUN_OPTIONS
from astro_ci.text import printable

_PREFIX = "ASTRO_CI_"
_OF_DEVELOPERS = ("ASTRO_CI_TEST_", "ASTRO_CI_BENCHMARK_")
_OF_VERBS = (
    *("BRANCH", "CI", "DAG_DEPLOY", "DATA", "DOTENV", "FORGE_TOKEN", "HEAD", "IMAGE_ARCHIVE"),
    *("LIMIT", "MAX_PARSE_SECONDS", "NO_COLOR", "OPENAPI", "PACKAGE", "PORT", "PR", "PYTEST_FILE"),
    *("PYTHON", "QUIET", "ROLLOUT_SECONDS", "RUNNER", "RUN_URL", "SET_VARIABLE", "VERBOSE"),
    *("ALLOW_NO_DAGS", "COMPLETE", "DAGS_IN_IMAGE", "ENV_FILE", "PUSH", "PYTEST_PATH"),
    *("SAVE_IMAGE", "STATIC"),
)
"""The names that are in no table: options of one verb, and variables of actions and templates."""


def known_variables() -> Set[str]:
    """Return the names of all variables that a part of astro-ci reads."""
    rows = (*options(), *RUN_OPTIONS)
    return {_PREFIX + stem for stem in _OF_VERBS} | {row.variable for row in rows}


def warn_of_unknown(env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Warn of each variable in the environment that nothing reads."""
    for sentence in unknown_variables(env):
        say(f"warning: {sentence}")


def unknown_variables(env: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that nothing reads, with the most similar known name."""
    ours = {
        name for name in env if name.startswith(_PREFIX) and not name.startswith(_OF_DEVELOPERS)
    }
    unknown = ours - (known := known_variables())
    if not unknown:
        return
    from difflib import get_close_matches

    for name in sorted(unknown):
        near = get_close_matches(name, known, n=1, cutoff=0.8)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield f"no option reads the variable {printable(name)}{meant}"
