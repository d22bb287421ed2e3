"""Read `checks` of `astro-ci.yaml`: the findings to ignore."""

from __future__ import annotations

from collections.abc import Iterator

from astro_ci.configuration.nodes import Block
from astro_ci.configuration.values import read_silence_text
from astro_ci.errors import ConfigurationError

_IGNORE = "ignore"
_KEYS = ("rule", "paths")


def read_silences(block: Block, key: str) -> tuple[str, ...]:
    """Read the entries under `ignore` as texts: a rule, which a glob may follow.

    An invalid entry is noted as a problem of the file.
    """
    checks = Block(block.problems, key, block.node(key))
    checks.refuse_unknown((_IGNORE,), {})
    if _IGNORE not in checks:
        return ()
    found = []
    for entry in checks.entries(_IGNORE):
        for text in [entry] if isinstance(entry, str) else _texts(entry, checks.line(_IGNORE)):
            try:
                found.append(read_silence_text(f"{key}.{_IGNORE}", text))
            except ConfigurationError as error:
                block.problems.add(checks.line(_IGNORE), error.message, error.hint)
    return tuple(found)


def _texts(entry: Block, line: int) -> Iterator[str]:
    entry.refuse_unknown(_KEYS, {})
    rule = entry.text("rule")
    if rule is None:
        if "rule" not in entry:
            entry.problems.add(line, f"{entry.what} has no rule", "Write {rule: NAME}.")
        return
    if "paths" not in entry:
        yield rule
    for path in entry.texts("paths") or ():
        yield f"{rule} {path}"
