"""Make the files as text. Pure: inserted values are quoted for the language of the file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astro_ci.ci.systems import template_of
from astro_ci.configuration.file import parse
from astro_ci.configuration.refs import read_pattern
from astro_ci.configuration.scalar import yaml_text
from astro_ci.errors import ConfigurationError
from astro_ci.pipelines.predecessor import OldStep
from astro_ci.pipelines.systems import ACTION, CHECKOUT, GITLAB_TEMPLATE, PACKAGE, System
from astro_ci.text import Regex

CONFIG_FILE = "astro-ci.yaml"

_PLACE = Regex(r"@([a-z]+)@")
_SECRET = Regex(r"\$\{\{ *secrets\.\w+ *\}\}")
_WIDTH = 98
_FOR_ONE = (
    "an API token that may deploy to the Deployment (Astro UI > Deployment > Access > API Tokens)"
)
_FOR_SEVERAL = (
    "a Workspace API token, because a Deployment's token only sees this Deployment (Astro UI > "
    "Workspace Settings > Access Management > API Tokens)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTarget:
    """A project and its Deployment, with an id or a name."""

    project: str
    """The path from the repository's root, with `/`; empty for the root."""
    id: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """The key of the Deployment in the file."""
        return self.name or self.id


def config_text(entries: Sequence[ProjectTarget], branch: str) -> str:
    """Return the text of `astro-ci.yaml`. Raises ConfigurationError for impossible names."""
    check_branch(branch)
    lines = [
        "# Which Deployment the astro-ci command deploys to, and from which branch.",
        "# To see the options in effect and their sources: astro-ci config",
    ]
    if len(entries) == 1:
        (only,) = entries
        if only.project:
            lines.append(f"project: {yaml_text(only.project)}")
        lines += ["deployments:", *_entry(only, branch, "  ")]
    else:
        lines.append("projects:")
        for entry in entries:
            lines += [f"  {yaml_text(entry.project or '.')}:", "    deployments:"]
            lines += _entry(entry, branch, " " * 6)
    text = "\n".join([*lines, ""])
    parse(text, path=Path(CONFIG_FILE), name=f"the new {CONFIG_FILE}")
    return text


def pipeline_text(
    system: System,
    entries: Sequence[ProjectTarget],
    branch: str,
    *,
    is_default: bool = False,
    old: OldStep | None = None,
) -> str:
    """Return the text of the pipeline file. Raises ConfigurationError for an impossible branch.

    `is_default`: this is the CI system's default branch, which needs no condition.
    """
    check_branch(branch)
    pipeline = system.pipeline
    unfit = [text for text in pipeline.has_a_meaning_for if text in branch]
    if unfit:
        raise ConfigurationError(
            f"the branch {branch} contains {unfit[0]}, which has a special meaning in "
            f"{system.name}",
            hint="Write the pipeline file by hand, or deploy from another branch with --branch.",
        )
    name = slug(entries[0].key) if len(entries) == 1 else "deployments"
    quoted = groovy_text if pipeline.language == "groovy" else yaml_text
    values = {
        "branch": quoted(pipeline.escape(branch)),
        "group": f"astro-{name}",
        "environment": name,
        "condition": yaml_text(_condition(system, branch)),
        "package": PACKAGE,
        "action": ACTION,
        "checkout": CHECKOUT,
        "include": GITLAB_TEMPLATE,
        "inputs": _gitlab_inputs(name, "" if is_default else _condition(system, branch)),
        "with": _with(old),
        "env": _env(old),
        "token": _FOR_SEVERAL if len({one.key for one in entries}) > 1 else _FOR_ONE,
    }
    return _wrapped(fill(template_of(system.ci), values))


def _gitlab_inputs(environment: str, condition: str) -> str:
    """Return the inputs that differ from the template's defaults."""
    lines = []
    if environment != "production":
        lines.append(f"      environment: {yaml_text(environment)}")
    if condition:
        lines += ["      rules:", f"        - if: {yaml_text(condition)}"]
    return "".join(f"{line}\n" for line in (["    inputs:", *lines] if lines else []))


def _with(old: OldStep | None) -> str:
    kept = old.kept if old else {}
    lines = [f"          {name}: {yaml_text(text)}" for name, text in kept.items()]
    return "".join(f"{line}\n" for line in (["        with:", *lines] if lines else []))


def _env(old: OldStep | None) -> str:
    """Return the credentials: the old step's credentials if they are secrets, else the default."""
    found = old.env if old else {}
    secrets = {name: text for name, text in found.items() if _SECRET.fullmatch(text.strip())}
    given = secrets or {"ASTRO_API_TOKEN": "${{ secrets.ASTRO_API_TOKEN }}"}
    return "".join(f"          {name}: {text.strip()}\n" for name, text in given.items())


def _wrapped(text: str) -> str:
    """Wrap the long lines of the comment at the head of a text."""
    lines = text.splitlines()
    marks = {"#", "//"}
    for number, line in enumerate(lines):
        mark = line.partition(" ")[0]
        if mark not in marks:
            break
        if len(line) > _WIDTH:
            lines[number] = textwrap.fill(
                line,
                _WIDTH,
                subsequent_indent=f"{mark} ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join([*lines, ""])


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders by their values. Raises KeyError for an unknown placeholder."""
    return _PLACE.sub(lambda place: values[place[1]], template)


def setup_steps(pipeline: str) -> str:
    """Return the setup instructions in the head of a pipeline file, as one paragraph."""
    head = []
    for line in pipeline.splitlines():
        if not line.startswith(("#", "//")):
            break
        head.append(line.lstrip("#/ ").rstrip())
    found = " ".join(head).partition("Before the first run: ")[2]
    return found[:1].upper() + found[1:]


def check_branch(branch: str) -> None:
    """Refuse a name that is not a single branch. Raises ConfigurationError."""
    read_pattern("--branch", branch)
    if "*" in branch or branch.startswith("!"):
        raise ConfigurationError(
            f"--branch {branch} is a pattern, not a branch",
            hint=f"Name one branch; to use patterns, write them into {CONFIG_FILE} by hand.",
        )


def groovy_text(text: str) -> str:
    """Write a text as a Groovy string without interpolation."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def slug(text: str) -> str:
    """Return a name for a lock, an environment or a group that is valid in every CI system."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "deployment"


def _entry(entry: ProjectTarget, branch: str, margin: str) -> list[str]:
    return [
        f"{margin}{yaml_text(entry.key)}:",
        *([f"{margin}  id: {yaml_text(entry.id)}"] if entry.id else []),
        f"{margin}  branches: [{yaml_text(branch)}]",
    ]


def _condition(system: System, branch: str) -> str:
    """Return the condition for the branch; empty if the system needs none.

    The expressions have no escapes: raises ConfigurationError for a branch with both quotes.
    """
    pipeline = system.pipeline
    if not pipeline.compares:
        return ""
    quote = "'" if '"' in branch else '"'
    if quote in branch:
        raise ConfigurationError(
            f"{system.name} cannot compare with the branch {branch}, which contains both kinds of "
            "quotes",
            hint="Deploy from another branch with --branch.",
        )
    return f"{pipeline.compares} == {quote}{pipeline.escape(branch)}{quote}{pipeline.and_also}"
