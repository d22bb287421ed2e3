"""Write the man pages from the command line: a page for each verb, in docs/man."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import click

from astro_ci.cli import cli
from astro_ci.commands import SUMMARIES
from astro_ci.configuration.option import Section

DIRECTORY = Path(__file__).parent.parent / "docs" / "man"
PROGRAM = "astro-ci"
Words = tuple[str, ...]
EXIT_STATUS = (
    ("0", "Done, or rightly nothing to do."),
    ("1", "A bug of ours; with plan --detailed-exitcode the plan failed."),
    ("2", "A bad or missing option; with plan --detailed-exitcode there is something to deploy."),
    ("3-9", "What failed: project, tool, API, check, deploy, wait, credentials, in this order."),
    ("10", "With --fail-on-skip: a Deployment was skipped."),
    ("11", "With deploy --plan: what was planned has changed since."),
    ("130, 143", "The run was cancelled."),
)


def _pages() -> dict[Path, Words]:
    """The file of each command, with the words that call it."""
    found: list[Words] = [()]
    for verb in SUMMARIES:
        found.append((verb,))
        command = getattr(importlib.import_module(f"astro_ci.commands.{verb}"), verb)
        if isinstance(command, click.Group):
            found += [(verb, inner) for inner in command.list_commands(click.Context(command))]
    return {DIRECTORY / f"{'-'.join((PROGRAM, *words))}.1": words for words in found}


PAGES = _pages()


def rendered(words: Words) -> str:
    """The page of a command."""
    command, context = _find(words)
    name = "-".join((PROGRAM, *words))
    summary, _, more = (command.help or "").partition("\n\n")
    lines = [
        f'.TH "{name.upper()}" "1" "" "{PROGRAM}" "User Commands"',
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{_text(name)} \\- {_text(_one_line(summary))}",
        ".SH SYNOPSIS",
        f"\\fB{_text(' '.join((PROGRAM, *words)))}\\fR "
        + _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        _text(_one_line(summary)),
        *(line for part in more.split("\n\n") if part for line in (".PP", _text(_one_line(part)))),
        *_options(command, context),
        *_commands(command, context, words),
        *_examples(command),
        ".SH EXIT STATUS",
        *(line for code, meaning in EXIT_STATUS for line in (".TP", code, _text(meaning))),
        ".SH SEE ALSO",
        ", ".join(f"\\fB{_text(other)}\\fR(1)" for other in _others(words)),
    ]
    return "\n".join(lines) + "\n"


def _find(words: Words) -> tuple[click.Command, click.Context]:
    command: click.Command = cli
    context = click.Context(cli, info_name=PROGRAM, **cli.context_settings)
    for word in words:
        assert isinstance(command, click.Group)  # noqa: S101
        found = command.get_command(context, word)
        assert found  # noqa: S101
        command, context = found, click.Context(found, info_name=word, parent=context)
    return command, context


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """The options, under the headings of the help."""
    sections: dict[str, list[tuple[str, str]]] = {section: [] for section in Section}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record and isinstance(param, click.Option):
            sections[getattr(param, "section", Section.OUTPUT)].append(record)
    yield ".SH OPTIONS"
    for section, records in sections.items():
        if records:
            yield f".SS {section}"
        for names, meaning in records:
            yield from (".TP", f"\\fB{_text(names)}\\fR", _text(meaning))


def _commands(command: click.Command, context: click.Context, words: Words) -> Iterator[str]:
    if not isinstance(command, click.Group):
        return
    yield ".SH COMMANDS"
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found  # noqa: S101
        page = "-".join((PROGRAM, *words, name))
        summary = (found.help or "").partition("\n\n")[0]
        yield from (".TP", f"\\fB{_text(page)}\\fR(1)", _text(_one_line(summary)))


def _examples(command: click.Command) -> Iterator[str]:
    examples = getattr(command, "examples", ())
    if examples:
        yield ".SH EXAMPLES"
    for line, meaning in examples:
        yield from (".PP", f"{_text(meaning)}:", ".PP", ".RS 4", ".nf", _text(line), ".fi", ".RE")


def _others(words: Words) -> list[str]:
    """The pages above, below and beside."""
    names = ["-".join((PROGRAM, *one)) for one in PAGES.values() if one != words]
    return [name for name in names if name.count("-") <= 2]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _text(text: str) -> str:
    """Without what roff obeys."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
