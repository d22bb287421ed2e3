"""The pages for a Plan, a deploy, a failure, and a run without a Deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from astro_ci.errors import AstroCIError, CommandError
from astro_ci.model import DeployResult, DeployType, Outcome, Plan
from astro_ci.remote import commit_page
from astro_ci.reporting.built import BuiltImage, next_command
from astro_ci.reporting.markdown.blocks import (
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    assumptions,
    changes,
    checks,
    commit_rows,
    facts,
    place_rows,
    result_rows,
)
from astro_ci.reporting.markdown.escaping import code, escape, link, quoted
from astro_ci.reporting.text import DEPLOY_TYPE_WORDS, result_reason
from astro_ci.reporting.verb import Verb
from astro_ci.text import sentence, shorten

SYMBOLS: Mapping[Outcome | str, str] = {
    "deployed": "\N{HEAVY CHECK MARK}",
    "skipped": "\N{CIRCLED DIVISION SLASH}",
    "failed": "\N{HEAVY BALLOT X}",
    "planned": "\N{LOWER RIGHT PENCIL}",
}
"""Each of another form, for those who see no colours, and in every font."""
_PARTS: Mapping[DeployType, str] = {
    DeployType.NONE: "nothing",
    DeployType.DAGS: "the DAGs",
    DeployType.IMAGE_AND_DAGS: "the image and the DAGs",
    DeployType.IMAGE: "the image",
}


class Setting(Struct, frozen=True, kw_only=True):
    """The place where people read a page."""

    run_url: str = ""
    is_merge: bool = False
    """Whether the run is about a pull request, which is to be merged."""
    is_public: bool = False
    """Whether the page is read by more people than the log."""


ANYWHERE = Setting()


def plan_markdown(plan: Plan, *, title: str = "", setting: Setting = ANYWHERE) -> str:
    """Make the page of a Plan: the decision, its reason, the base, and the changes."""
    heading = _heading("planned", f"Plan: {DEPLOY_TYPE_WORDS[plan.deploy_type]}", plan, title)
    reason = escape(sentence(plan.reason))
    if setting.is_merge:
        reason = f"**Merging this will deploy {_PARTS[plan.deploy_type]}.** {reason}"
    rows = [*place_rows(plan, page="", run_url=setting.run_url), *commit_rows(plan)]
    return _page(heading, reason, facts(rows), *_details(plan))


def result_markdown(result: DeployResult, *, title: str = "", setting: Setting = ANYWHERE) -> str:
    """Make the page of a deploy: the outcome, the deployed parts, and the changes."""
    plan = result.plan
    is_deployed = result.outcome == "deployed"
    words = f"Deployed: {DEPLOY_TYPE_WORDS[plan.deploy_type]}" if is_deployed else "Skipped"
    rows = [
        *place_rows(plan, page=result.url, run_url=setting.run_url),
        *commit_rows(plan),
        *result_rows(result),
    ]
    reason = escape(sentence(result_reason(result)))
    heading = _heading(result.outcome, words, plan, title)
    return _page(heading, reason, facts(rows), *_details(plan))


def built_markdown(built: BuiltImage, setting: Setting = ANYWHERE) -> str:
    """Make the page of a built image: its name, its origin, and the findings of the checks."""
    rows = [
        ("Image", code(built.reference) if built.reference else ""),
        ("Archive", code(built.archive) if built.archive else ""),
        ("Content", code(built.image_id)),
        (
            "Commit",
            code(built.commit) + (", with uncommitted changes" if built.uncommitted else ""),
        ),
        ("Astro Runtime", escape(built.runtime_version)),
        ("Forced past", escape(", ".join(built.overridden))),
        ("Run", link("run", setting.run_url) if setting.run_url else ""),
    ]
    deploy = f"Deploy it with {code(next_command(built))}."
    return _page(
        f"### {SYMBOLS['deployed']} Image built", deploy, facts(rows), *checks(built.checks)
    )


def error_markdown(
    error: AstroCIError,
    plan: Plan | None,
    *,
    verb: Verb,
    title: str = "",
    setting: Setting = ANYWHERE,
) -> str:
    """Make the page of a failure: the error, the remedy, and the Plan if one was made.

    The output of tools is left out of comments, because more people may read comments than logs.
    """
    hint = f"**What to do:** {escape(sentence(error.hint))}" if error.hint else ""
    told = _told(error, setting)
    heading = _heading("failed", verb.failed_heading, plan, title)
    blocks = [heading, escape(sentence(error_reason(error))), told, hint]
    if plan:
        page = error.result.url if error.result else ""
        rows = [*place_rows(plan, page=page, run_url=setting.run_url), *commit_rows(plan)]
        rows += result_rows(error.result) if error.result else ()
        blocks += [facts(rows), *_details(plan)]
    elif setting.run_url:
        blocks.append(link("The run", setting.run_url))
    return _page(*blocks)


def skipped_markdown(reason: str, *, verb: Verb) -> str:
    """Make the page of a run without a Deployment."""
    heading = f"### {SYMBOLS['skipped']} {verb.skipped_heading}"
    return _page(heading, escape(sentence(reason)))


def error_reason(error: AstroCIError) -> str:
    """Return the message in one line, without the lines of a tool."""
    first, *others = error.message.split("\n")
    if _is_of_a_tool(error) or not others:
        return first.rstrip(":")
    return shorten(f"{first} {'; '.join(filter(None, map(str.strip, others)))}", LONGEST_MESSAGE)


def name_of(plan: Plan | None) -> str:
    """Return the Deployment's name; empty when it is unknown."""
    return plan.deployment.name if plan and plan.deployment else ""


def _heading(outcome: str, words: str, plan: Plan | None, title: str) -> str:
    """Return the heading: the outcome's symbol and word, the Deployment, and the commit's title."""
    name = title or name_of(plan)
    to = f" - {code(name)}" if name else ""
    about = ""
    if plan and plan.title:
        shown = shorten(plan.title, LONGEST_TITLE)
        about = f": {link(shown, commit_page(plan.repository, plan.head))}"
    return f"### {SYMBOLS[outcome]} {words}{to}{about}"


def _told(error: AstroCIError, setting: Setting) -> str:
    """Return the lines of a tool, if the page may show them."""
    _, _, told = error.message.partition("\n")
    if not told or not _is_of_a_tool(error):
        return ""
    return "The rest of the message is in the log." if setting.is_public else quoted(told)


def _is_of_a_tool(error: AstroCIError) -> bool:
    return isinstance(error, CommandError)


def _details(plan: Plan) -> Sequence[str]:
    return [*checks(plan.checks), assumptions(plan), *changes(plan)]


def _page(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"
