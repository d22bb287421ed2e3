"""The reference of the command line: options of plan and deploy, and of each other verb."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator

import click

from astro_ci.cli import cli

SHARED = ("plan", "deploy")
"""Their options have a table of their own."""


def shared_table() -> Iterator[str]:
    """A row for each option of plan and deploy."""
    yield from ("| option | variable | default | meaning |", "|---|---|---|---|")
    options_of = {name: _options(_command(name)) for name in SHARED}
    names_of = {name: [one.name for one in found] for name, found in options_of.items()}
    alone = [one for one in options_of["plan"] if one.name not in names_of["deploy"]]
    for one in [*options_of["deploy"], *alone]:
        where = [name for name, names in names_of.items() if one.name in names]
        yield row(one, only="" if len(where) > 1 else f" ({where[0]})")


def reference() -> Iterator[str]:
    """A section for each verb but those of the shared table."""
    shared = {row(one) for name in SHARED for one in _options(_command(name))}
    for path, command in _verbs(cli, "astro-ci"):
        if path.partition(" ")[2] not in SHARED:
            yield from _section(path, command, shared)


def _verbs(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        names = group.list_commands(context)
        found = [(name, group.get_command(context, name)) for name in names]
    for name, command in found:
        if isinstance(command, click.Group):
            yield from _verbs(command, f"{path} {name}")
        elif command:
            yield f"{path} {name}", command


def _command(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command, name  # noqa: S101
    return command


def _section(path: str, command: click.Command, shared: Collection[str]) -> Iterator[str]:
    yield from ("", f"### `{path}`", "")
    summary = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
    arguments = [f"`{one.make_metavar(click.Context(command))}`" for one in _arguments(command)]
    yield summary + (f" Arguments: {', '.join(arguments)}." if arguments else "")
    options = _options(command)
    known = [one.opts[0] for one in options if row(one) in shared]
    own = [one for one in options if row(one) not in shared]
    if known:
        yield from ("", f"As above: {', '.join(f'`{flag}`' for flag in known)}.")
    if own:
        yield from ("", "| option | variable | default | meaning |", "|---|---|---|---|")
        yield from map(row, own)


def row(option: click.Option, *, only: str = "") -> str:
    """One row of a table of options."""
    names = " / ".join([*option.opts, *option.secondary_opts])
    variables = ", ".join(f"`{name}`" for name in _variables(option))
    help_text = (option.help or "").partition("  [env var")[0]
    return f"| `{names}` | {variables} | {_default(option)} | {help_text}{only} |"


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden]


def _arguments(command: click.Command) -> list[click.Argument]:
    return [one for one in command.params if isinstance(one, click.Argument)]


def _variables(option: click.Option) -> list[str]:
    if option.name == "base":
        return ["ASTRO_CI_BASE"]
    names = option.envvar or []
    return [names] if isinstance(names, str) else list(names)


def _default(option: click.Option) -> str:
    if (
        option.multiple
        or (option.is_flag and not option.secondary_opts)
        or option.default in (None, ())
    ):
        return ""
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    text = str(option.default)
    return f"`{text}`" if text and "UNSET" not in text.upper() else ""
