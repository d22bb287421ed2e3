"""Untrusted text never becomes a command: every dialect against a parser of its runner's grammar.

The parsers accept any command name, so they see commands that the real runners do not know. Those
of the two runners written in .NET search by culture, where invisible characters count for nothing.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_ci.ci import Dialect, dialect_for
from tests.size import examples

# --- the runners' grammars ----------------------------------------------------------------------


def github_obeys(line: str) -> bool:
    """The runner: `::name args::data` after white space, or `##[name args]data` anywhere."""
    seen = _by_culture(line)
    trimmed = seen.lstrip()
    if trimmed.startswith("::") and trimmed.find("::", 2) >= 0:
        return True
    start = seen.find("##[")
    return start >= 0 and seen.find("]", start) >= 0


def azure_obeys(line: str) -> bool:
    """The agent: `##vso[area.event args]data` anywhere; its viewer: `##[format]` at the start."""
    seen = _by_culture(line)
    start = seen.lower().find("##vso[")
    return (start >= 0 and seen.find("]", start) >= 0) or seen.lstrip().startswith("##[")


def teamcity_obeys(line: str) -> bool:
    """The agent: `##teamcity[` anywhere in what a build writes."""
    return "##teamcity[" in line.lower()


def gitlab_obeys(line: str) -> bool:
    """The log viewer's section marker, which ends in CR ESC [0K."""
    marker = r"section_(?:start|end):[0-9]+:[A-Za-z0-9_.-]+(?:\[[^\]]*\])?\r\x1b\[0K"
    return re.search(marker, line) is not None


def buildkite_obeys(line: str) -> bool:
    """The agent: a heading at the start of a line, once colours are gone."""
    seen = re.sub(r"\x1b\[[;\d]*[mK]", "", line)
    return re.match(r"(?:---|\+\+\+|~~~)(?:\s|$)|\^\^\^\s+\+\+\+", seen) is not None


def terminal_obeys(line: str) -> bool:
    """Anything that moves the cursor, changes colours or hides what is there."""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\t" for c in line)


def _by_culture(text: str) -> str:
    def is_seen(character: str) -> bool:
        if unicodedata.category(character) in ("Cc", "Cf"):
            return character.isspace()
        return not re.match(
            "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]", character
        )

    return "".join(filter(is_seen, text))


OBEYS: dict[str, Callable[[str], bool]] = {
    "github": github_obeys,
    "gitea": github_obeys,
    "azure": azure_obeys,
    "teamcity": teamcity_obeys,
    "gitlab": gitlab_obeys,
    "buildkite": buildkite_obeys,
    "none": terminal_obeys,
}


def dialect(key: str) -> Dialect:
    return dialect_for(key, env={}, out=io.StringIO())


# --- what is thrown at them ---------------------------------------------------------------------

PIECES = [
    *("::", ":", "::error::", "::add-mask::", "::stop-commands::x", "file=a,line=1", "set-env"),
    *("##[", "#", "##", "[", "]", "##[error]", "##vso[", "##vso[task.setvariable variable=x]"),
    *("##teamcity[", "##TeamCity[", "message text='x'", "'", "|"),
    *("section_start:1:x", "section_end:1:x[collapsed=true]", "\x1b[0K", "\r\x1b[0K"),
    *("---", "+++", "~~~", "^^^", "--- ", "+++ ", "^^^ +++"),
    *("\x1b", "\x1b[", "\x1b[31m", "\x1b]8;;x\x07", "\x1b]0;x", "\x1b\\", "\x9b1m", "\x07", "\b"),
    *("\r", "\n", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\0"),
    *(" ", "\t", "\xa0", "\u3000", "\u1680"),
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\xad", "\u202e", "\ufe0f", "\u034f", "\u3164"),
    *("\udcff", "\ud83d", "é", "語", "🙂", "x", "error", "main"),
]
untrusted = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text(max_size=80),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=14).map("".join),
)


@pytest.mark.parametrize("key", OBEYS)
@given(text=untrusted)
@settings(max_examples=examples(60))
@example("\u200b:\ufe0f:error::x")
@example("#\u200b#[error]x")
@example("#\x1b[31m#[error]x")
@example("###[error]x")
@example("\x1b[0m--- x")
@example("x\r::error::x")
def test_untrusted_text_is_never_obeyed(key: str, text: str) -> None:
    speak = dialect(key)

    line = speak.safe_line(text)

    assert not OBEYS[key](line)
    assert not terminal_obeys(line)
    assert len(line.splitlines()) <= 1
    assert speak.safe_line(line) == line
    line.encode("utf-8")


@pytest.mark.parametrize("key", OBEYS)
@given(
    text=st.text(
        st.characters(categories=["L", "N", "Po", "Sm"], exclude_characters=":#-+~^"), max_size=50
    )
)
def test_honest_text_stays_as_it_is(key: str, text: str) -> None:
    visible = "".join(c for c in text if c not in "\u115f\u1160\u3164\uffa0")

    assert dialect(key).safe_line(text) == visible


@pytest.mark.parametrize(
    ("key", "text", "line"),
    [
        ("github", "::error::x", ": :error::x"),
        ("github", "  ::error::x", "  : :error::x"),
        ("github", "see std::vector", "see std::vector"),
        ("github", "a ##[error]x", "a # #[error]x"),
        ("github", "## Heading [x](y)", "## Heading [x](y)"),
        ("github", "--- a/dags/x.py", "--- a/dags/x.py"),
        ("azure", "a ##vso[task.complete]x", "a # #vso[task.complete]x"),
        ("azure", "##[error]x", "# #[error]x"),
        ("azure", "::error::x", "::error::x"),
        ("teamcity", "a ##teamcity[buildStop]", "a # #teamcity[buildStop]"),
        ("buildkite", "--- a/dags/x.py", " --- a/dags/x.py"),
        ("buildkite", "---x", "---x"),
        ("gitlab", "section_start:1:x\r\x1b[0Kx", "section_start:1:x x"),
        ("none", "\x1b[31mred\x1b[0m and \x1b]8;;http://h\x07link\x1b]8;;\x07", "red and link"),
        ("none", "10%\r20%\r\nend", "10% 20% end"),
        ("none", "a\vb\fc\x85d\u2028e", "a b c d e"),
        ("none", "tab\tstays", "tab\tstays"),
        ("none", "dags/\udcff.py", "dags/\\udcff.py"),
        ("none", "unfinished \x1b]0;title", "unfinished ]0;title"),
    ],
)
def test_what_becomes_of_it(key: str, text: str, line: str) -> None:
    assert dialect(key).safe_line(text) == line


@pytest.mark.parametrize(
    ("obeys", "line"),
    [
        (github_obeys, "::error::x"),
        (github_obeys, "\t ::set-output name=a::b"),
        (github_obeys, "a ##[add-mask]x"),
        (github_obeys, "#\u200b#[add-mask]x"),
        (azure_obeys, "a ##vso[task.complete result=Failed;]x"),
        (azure_obeys, "##[section]x"),
        (teamcity_obeys, "a ##teamcity[buildStop]"),
        (gitlab_obeys, "\x1b[0Ksection_start:1:x[collapsed=true]\r\x1b[0Kx"),
        (buildkite_obeys, "\x1b[1m--- x"),
        (buildkite_obeys, "^^^ +++"),
        (terminal_obeys, "\x1b[2J"),
    ],
)
def test_the_parsers_of_these_tests_see_commands(obeys: Callable[[str], bool], line: str) -> None:
    assert obeys(line)
