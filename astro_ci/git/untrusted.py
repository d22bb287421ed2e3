"""List the programs that git settings can name, and how each program is stopped. Pure.

A pull request controls every tracked file: `.gitattributes`, a script that `core.hooksPath` or
another setting names, a file that `include.path` adds to the configuration. A pull request does
not control files below a directory named `.git`, or files outside the checkout. Those files are
the job's own set-up, and a fetch needs some of them.

`TABLE` lists every setting of git-config(1), and every variable of git(1), that names a program.
Each row says how astro-ci stops the program:

- `OFF`: every git process of astro-ci gets a value that runs nothing.
- `EMPTIED`: where the setting is configured, a later setting has a value that runs nothing.
- `JOB`: a fetch may need the program. The setting is kept when the job made it: neither the file
  of the setting nor any word of its value is in the checkout. Otherwise the setting is emptied.
- `KNOWN`: the setting is kept when it names the program in the note, outside the checkout.
- `UNUSED`: no git command of astro-ci runs the program; the note says why.

git gets a `PATH` without the directories of the checkout, and `PYTHONSAFEPATH`, so that
`python -m` does not import a module of the checkout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from astro_ci.git.settings import Setting


class Closing(Enum):
    """How the programs of a row are stopped; see the module."""

    OFF = "off"
    EMPTIED = "emptied"
    JOB = "the job's"
    KNOWN = "known programs"
    UNUSED = "unused"


OFF, EMPTIED, JOB, KNOWN, UNUSED = Closing


class Row(Struct, frozen=True):
    """Settings that name a program, and how the program is stopped."""

    keys: str
    """Keys separated by spaces; `*` is a driver, a remote or a URL; `$` starts a variable."""
    closing: Closing
    note: str
    value: str = ""
    """A value that runs nothing, which `OFF` and `EMPTIED` configure."""


TABLE: Sequence[Row] = (
    Row("core.hookspath", OFF, "hooks: post-index-change, reference-transaction", "/dev/null"),
    Row(
        "core.fsmonitor", OFF, "git asks it for changed files whenever it reads the index", "false"
    ),
    Row("protocol.ext.allow", OFF, "URLs `ext::command`, also from url.*.insteadOf", "never"),
    Row("log.showsignature", OFF, "git log runs gpg.program for each commit", "false"),
    Row("gc.auto", OFF, "a fetch runs pre-auto-gc and gc.recentObjectsHook", "0"),
    Row("maintenance.auto", OFF, "as gc.auto", "false"),
    Row("hook.*.command", EMPTIED, "hooks in the configuration, since git 2.54", "true"),
    Row(
        "filter.*.clean filter.*.smudge filter.*.process",
        KNOWN,
        "git needs the filters git-lfs and git-crypt to find out whether a file differs from its "
        "commit; no other filter is needed, because the bytes on disk are deployed",
    ),
    Row("core.sshcommand $GIT_SSH_COMMAND $GIT_SSH", JOB, "fetches by SSH", "ssh"),
    Row("core.askpass $GIT_ASKPASS $SSH_ASKPASS", JOB, "prints a password for a fetch"),
    Row("credential.helper credential.*.helper", JOB, "prints a password for a fetch"),
    Row("core.gitproxy $GIT_PROXY_COMMAND", JOB, "connects to `git://` URLs"),
    Row("remote.*.uploadpack", EMPTIED, "runs on this machine if the remote is a local path"),
    Row("core.alternaterefscommand", EMPTIED, "a fetch runs it to list refs of alternates", "true"),
    Row("remote.*.vcs", UNUSED, "names a helper on PATH; the protocol `ext` is off"),
    Row("$GIT_EXEC_PATH", JOB, "the directory of git's own programs"),
    Row("diff.external diff.*.command $GIT_EXTERNAL_DIFF", UNUSED, "diffs only list names"),
    Row("diff.*.textconv", UNUSED, "diffs only list names"),
    Row("core.pager pager.* $GIT_PAGER $PAGER", UNUSED, "standard output is a pipe"),
    Row("interactive.difffilter add.interactive.*", UNUSED, "only for interactive `git add`"),
    Row(
        "core.editor sequence.editor $GIT_EDITOR $GIT_SEQUENCE_EDITOR $VISUAL $EDITOR",
        UNUSED,
        "no command opens an editor",
    ),
    Row("alias.*", UNUSED, "an alias cannot replace a built-in command of git"),
    Row("gpg.program gpg.*.program gpg.ssh.defaultkeycommand", UNUSED, "nothing is signed"),
    Row("merge.*.driver mergetool.*.cmd mergetool.*.path", UNUSED, "nothing is merged"),
    Row("difftool.*.cmd difftool.*.path", UNUSED, "only for `git difftool`"),
    Row("trailer.*.command trailer.*.cmd", UNUSED, "only for commits and their trailers"),
    Row("uploadpack.packobjectshook", UNUSED, "git reads it only from the user's own files"),
    Row("remote.*.receivepack", UNUSED, "nothing is pushed"),
    Row("submodule.*.update", UNUSED, "no submodule is updated"),
    Row("gc.recentobjectshook", UNUSED, "garbage collection is off; see gc.auto"),
    Row("tar.*.command", UNUSED, "only for `git archive`"),
    Row(
        "sendemail.tocmd sendemail.cccmd sendemail.smtpserver imap.tunnel",
        UNUSED,
        "no mail is sent",
    ),
    Row("browser.*.cmd browser.*.path man.*.cmd man.*.path", UNUSED, "only for `git help`"),
    Row("help.browser web.browser instaweb.browser instaweb.httpd", UNUSED, "only for browsers"),
    Row("guitool.*.cmd", UNUSED, "only for `git gui`"),
    Row("init.templatedir $GIT_TEMPLATE_DIR", UNUSED, "no repository is created"),
)

OFF_FLAGS = tuple(
    word for row in TABLE if row.closing is OFF for word in ("-c", f"{row.keys}={row.value}")
)
_ROWS = {key: row for row in TABLE for key in row.keys.split()}
_VARIABLES = tuple(
    key[1:] for key, row in _ROWS.items() if key.startswith("$") and row.closing is JOB
)
_KNOWN = ("git-lfs", "git-crypt")
_ONLY_BY_THE_MACHINE = ("core.askpass", "core.gitproxy")
"""No CI system writes these into the configuration of a checkout."""
_FILTERS = ("filter.*.clean", "filter.*.smudge", "filter.*.process")


class Closed(Struct, frozen=True, kw_only=True):
    """The settings that stop the programs of a configuration."""

    settings: Sequence[tuple[str, str]] = ()
    """Settings that git must read after all others."""
    variables: Mapping[str, str] = field(default_factory=dict)
    filters: frozenset[str] = frozenset()
    """The filter drivers that do not run."""
    has_upload_pack: bool = False
    """Whether a remote names its own upload-pack, which a later setting cannot replace."""


def close(settings: Sequence[Setting], checkout: Path, env: Mapping[str, str]) -> Closed:
    """Make the settings that stop each configured program that must not run."""
    has_upload_pack = any(s.shape == "remote.*.uploadpack" for s in settings)
    variables: dict[str, str] = {}
    if has_upload_pack:
        # A partial clone fetches missing objects by itself; allow only network protocols.
        variables["GIT_ALLOW_PROTOCOL"] = "git:http:https:ssh"
    found: dict[str, str] = {}
    for setting in settings:
        row = _ROWS.get(setting.shape)
        if row is None or _is_kept(setting, row, checkout, env):
            continue
        if setting.shape == "core.gitproxy":  # git uses the first setting, and prefers the variable
            variables["GIT_PROXY_COMMAND"] = ""
        elif row.closing in (EMPTIED, JOB, KNOWN) and "helper" not in setting.shape:
            found[setting.key] = row.value
    filters = _closed_filters(settings, found)
    for driver in filters:
        for name in ("clean", "smudge", "process"):
            found[f"filter.{driver}.{name}"] = ""
        found[f"filter.{driver}.required"] = "false"
    helpers = _helpers(settings, checkout, env)
    return Closed(
        settings=(*found.items(), *helpers),
        variables=variables,
        filters=filters,
        has_upload_pack=has_upload_pack,
    )


def environment(env: Mapping[str, str], checkout: Path) -> dict[str, str]:
    """Return the variables that git may inherit; none names a program of the checkout."""
    found = {
        name: value
        for name, value in env.items()
        if name not in _VARIABLES or not names_checkout(value, checkout, env)
    }
    if "PATH" in env:
        places = [p for p in env["PATH"].split(os.pathsep) if _is_outside(p, checkout)]
        del found["PATH"]
        if places:  # an empty PATH means the current directory; a missing PATH means the system's
            found["PATH"] = os.pathsep.join(places)
    if "GIT_ALLOW_PROTOCOL" in env:
        protocols = env["GIT_ALLOW_PROTOCOL"].split(":")
        found["GIT_ALLOW_PROTOCOL"] = ":".join(p for p in protocols if p != "ext")
    return {**found, "PYTHONSAFEPATH": "1"}


def names_checkout(command: str, checkout: Path, env: Mapping[str, str]) -> bool:
    """Whether a word of a command is a path in the checkout; a bare program name is not."""
    here = {**env, "PWD": str(checkout)}
    text = re.sub(r"\$\{?(\w+)\}?", lambda match: here.get(match[1], ""), command)
    words = [word for word in re.split(r"[\s'\"`;|&()<>=,!{}$\\]+", text) if word]
    return any(
        in_checkout(word, checkout)
        for number, word in enumerate(words)
        if "/" in word or (number and (checkout / word).is_file())
    )


def in_checkout(path: str, checkout: Path) -> bool:
    """Whether a path, or its target, may be a tracked file; files below `.git` are not tracked."""
    there = os.path.normpath(checkout / path)
    return any(_is_tracked(p, checkout) for p in (there, os.path.realpath(there)))


def _is_tracked(path: str, checkout: Path) -> bool:
    place = PurePosixPath(path)
    return place.is_relative_to(checkout) and ".git" not in place.relative_to(checkout).parts


def _is_outside(directory: str, checkout: Path) -> bool:
    return os.path.isabs(directory) and not in_checkout(directory, checkout)  # noqa: PTH117 - text


def _is_kept(setting: Setting, row: Row, checkout: Path, env: Mapping[str, str]) -> bool:
    if row.closing is KNOWN:
        return _is_known(setting.value, checkout)
    if row.closing is not JOB:
        return row.closing is UNUSED
    if setting.file and in_checkout(setting.file, checkout):
        return False
    if setting.scope in ("local", "worktree"):
        if setting.shape in _ONLY_BY_THE_MACHINE:
            return not setting.value
        if setting.shape == "core.sshcommand" and _program(setting.value) != "ssh":
            return False
    return not names_checkout(setting.value, checkout, env)


def _is_known(command: str, checkout: Path) -> bool:
    """Whether a filter is a known program, in a command without special characters of a shell."""
    if not re.fullmatch(r"\"?[\w./-]+\"?( [\w./%=-]+)*", command):
        return not command
    path = command.split(" ")[0].strip('"')
    return _program(command) in _KNOWN and not ("/" in path and in_checkout(path, checkout))


def _program(command: str) -> str:
    quoted = re.match(r"\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))", command)
    path = next(filter(None, quoted.groups()), "") if quoted else ""
    return path.rpartition("/")[2]


def _closed_filters(settings: Iterable[Setting], found: Mapping[str, str]) -> frozenset[str]:
    """Return the filter drivers that do not run. The extensions of git-lfs can name programs."""
    extends_lfs = False
    drivers = set()
    for setting in settings:
        if setting.shape in _FILTERS and setting.key in found:
            drivers.add(setting.subject)
        extends_lfs = extends_lfs or setting.key.startswith("lfs.extension.")
    if extends_lfs:
        drivers.add("lfs")
    return frozenset(drivers)


def _helpers(
    settings: Iterable[Setting], checkout: Path, env: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the job's credential helpers as settings; [] when all helpers are the job's."""
    row = _ROWS["credential.helper"]
    all_of_them = [s for s in settings if s.shape in row.keys.split()]
    kept = [s for s in all_of_them if _is_kept(s, row, checkout, env)]
    if len(kept) == len(all_of_them):
        return []
    # An empty helper clears all earlier helpers, whatever their URLs.
    return [("credential.helper", ""), *((s.key, s.value) for s in kept)]
