"""Read `checks.ignore`, and drop the findings that it silences by rule and path. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from astro_ci.checks.rules import RULES
from astro_ci.errors import ConfigurationError
from astro_ci.finding import Checked, Finding
from astro_ci.planning.rules import parse_globs
from astro_ci.project.dockerignore import DockerIgnore


class Silence(Struct, frozen=True, kw_only=True):
    """One entry of `checks.ignore`: a rule, and the paths where the rule is silenced."""

    rule: str
    """A rule's name, or a pattern for several names, such as `airflow-AIR3*`."""
    paths: DockerIgnore | None
    """Globs in the syntax of the `ignore` option; None covers every path."""

    def covers(self, finding: Finding) -> bool:
        """Whether this entry silences a finding.

        Only an entry without paths silences a finding without a path.
        """
        if not fnmatchcase(finding.rule, self.rule):
            return False
        return self.paths is None or (bool(finding.path) and self.paths.excludes(finding.path))


def read_silence(rule: str, paths: Sequence[str] = (), *, project: str = "") -> Silence:
    """Read one entry. Globs are relative to the repository root or to the project.

    Raises ConfigurationError for a rule that does not exist, ProjectError for a bad glob.
    """
    if not any(fnmatchcase(name, rule) for name in RULES):
        near = get_close_matches(rule, RULES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"The rules are: {', '.join(RULES)}."
        raise ConfigurationError(f"checks.ignore names the unknown rule {rule!r}", hint=hint)
    globs = parse_globs(paths, name="checks.ignore").also_within(project) if paths else None
    return Silence(rule=rule, paths=globs)


def read_silences(texts: Iterable[str], *, project: str = "") -> tuple[Silence, ...]:
    """Read entries of the configuration, each `RULE` or `RULE GLOB`.

    Raises the errors of `read_silence`.
    """
    parts = (text.partition(" ") for text in texts)
    return tuple(
        read_silence(rule, [glob] if glob else [], project=project) for rule, _, glob in parts
    )


def silence(checked: Checked, entries: Iterable[Silence]) -> Checked:
    """Remove the silenced findings; a failed check passes when no error remains."""
    entries = tuple(entries)
    left = [f for f in checked.findings if not any(entry.covers(f) for entry in entries)]
    silenced = len(checked.findings) - len(left)
    if not silenced:
        return checked
    is_passed = checked.status == "failed" and all(f.severity != "error" for f in left)
    return replace(
        checked,
        findings=tuple(left),
        status="passed" if is_passed else checked.status,
        silenced=checked.silenced + silenced,
    )
