"""What each dialect writes, read back with its runner's grammar where there is one."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.ci import Dialect, Level, dialect_for
from astro_ci.ci.systems.github.dialect import SUMMARY_LIMIT_BYTES
from astro_ci.ci.systems.gitlab.dialect import DOTENV_LIMIT_BYTES, GitLabDialect

KEYS = ["github", "gitlab", "azure", "buildkite", "teamcity", "none"]


def speak(key: str, env: dict[str, str] | None = None) -> tuple[Dialect, io.StringIO]:
    out = io.StringIO()
    return dialect_for(key, env=env or {}, out=out), out


def said(key: str, level: Level, message: str, **more: object) -> str:
    dialect, out = speak(key)
    dialect.annotate(level, message, **more)  # type: ignore[arg-type]
    return out.getvalue()


def parse_github(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: name, properties, data."""
    info, _, data = line.removeprefix("::").partition("::")
    name, _, listed = info.partition(" ")
    pairs = (pair.split("=", 1) for pair in listed.split(",") if pair)
    return (
        name,
        {key: _github_unescape(value, "%3A:", "%2C,") for key, value in pairs},
        (_github_unescape(data)),
    )


def _github_unescape(text: str, *more: str) -> str:
    for pair in ("%0D\r", "%0A\n", *more, "%25%"):
        text = text.replace(pair[:3], pair[3:])
    return text


def parse_azure(line: str) -> tuple[str, dict[str, str], str]:
    """A logging command as the agent reads it: name, properties, data."""
    info, _, data = line.removeprefix("##vso[").partition("]")
    name, _, listed = info.partition(" ")
    pairs = (pair.split("=", 1) for pair in listed.split(";") if pair)
    return name, {key: _azure_unescape(value) for key, value in pairs}, _azure_unescape(data)


def _azure_unescape(text: str) -> str:
    for pair in ("%3B;", "%0D\r", "%0A\n", "%5D]"):
        text = text.replace(pair[:3], pair[3:])
    return text.replace("%AZP25", "%")


def parse_teamcity(line: str) -> tuple[str, dict[str, str]]:
    """A service message: its name and attributes."""
    match = re.fullmatch(r"##teamcity\[(\w+) (.*)\]", line)
    assert match, line
    attributes = re.findall(r"(\w+)='((?:[^'|\[\]]|\|0x[0-9A-F]{4}|\|['nr|\[\]])*)'", match[2])
    assert " ".join(f"{name}='{value}'" for name, value in attributes) == match[2]
    return match[1], {name: _teamcity_unescape(value) for name, value in attributes}


def _teamcity_unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return {"n": "\n", "r": "\r"}.get(match[2], match[2])

    units = re.sub(r"\|(?:0x([0-9A-F]{4})|(.))", plain, text)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def parse_output_file(text: str) -> Iterator[tuple[str, str]]:
    """GITHUB_OUTPUT as the runner reads it."""
    lines = iter(text.split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value: list[str] = []
            while (part := next(lines)) != delimiter:
                value.append(part)
            yield name, "\n".join(value)


# Text that people can see: what the dialects are free to drop is tested in test_safe_line.
visible = st.text(st.characters(categories=["L", "Nd", "P", "S", "Zs"]), min_size=1, max_size=60)
visible = visible.map(lambda text: re.sub("[\u115f\u1160\u3164\uffa0]", "x", text))
lines = st.lists(visible, min_size=1, max_size=3).map("\n".join)
value = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


# --- GitHub -------------------------------------------------------------------------------------


@given(message=lines, title=visible, file=visible, line=st.integers(1, 9999))
def test_github_annotation_round_trip(message: str, title: str, file: str, line: int) -> None:
    text = said("github", "error", message, title=title, file=file, line=line)

    assert text.count("\n") == 1
    expected = {"file": file, "line": str(line), "title": title}
    assert parse_github(text[:-1]) == ("error", expected, message)


def test_github_annotation_without_a_place() -> None:
    assert said("github", "notice", "100% of a, b:\nc") == "::notice::100%25 of a, b:%0Ac\n"
    assert said("github", "warning", "x", title="a,b:c") == "::warning title=a%2Cb%3Ac::x\n"


def test_github_groups_do_not_nest() -> None:
    github, out = speak("github")

    with github.group("outer"):
        with github.group("::inner::"):
            pass
        assert "endgroup" not in out.getvalue()
    with pytest.raises(KeyError), github.group("fails"):
        raise KeyError

    assert out.getvalue().splitlines() == [
        "::group::outer",
        ": :inner::",
        "::endgroup::",
        "::group::fails",
        "::endgroup::",
    ]


def test_github_masks_every_line_and_spares_brackets() -> None:
    github, out = speak("github")

    github.mask('{\n  "key": "a%b"\r\nsecond\n}\n')

    assert out.getvalue() == '::add-mask::"key": "a%25b"\n::add-mask::second\n'


@pytest.mark.parametrize("secret", ["", "\n\n", "   "])
@pytest.mark.parametrize("key", KEYS)
def test_an_empty_mask_is_none(key: str, secret: str) -> None:
    dialect, out = speak(key)
    dialect.mask(secret)
    assert out.getvalue() == ""


def test_github_outputs(tmp_path: Path) -> None:
    path = tmp_path / "output"
    github, out = speak("github", {"GITHUB_OUTPUT": str(path)})
    outputs = {
        "deploy-id": "cm1",
        "reason": "two\nlines",
        "empty": "",
        "tail": "x\n",
        "forged": "x\nghadelimiter\nurl<<E\nhttps://evil\nE",
    }

    for name, text in outputs.items():
        github.set_output(name, text)

    assert dict(parse_output_file(path.read_text(encoding="utf-8"))) == outputs
    assert out.getvalue() == ""


@given(texts=st.lists(value.filter(lambda text: "\r" not in text), min_size=1, max_size=3))
def test_github_outputs_round_trip(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("outputs") / "output"
    github, _ = speak("github", {"GITHUB_OUTPUT": str(path)})

    for number, text in enumerate(texts):
        github.set_output(f"o{number}", text)

    written = path.read_bytes().decode("utf-8")
    assert [text for _, text in parse_output_file(written)] == texts


@pytest.mark.parametrize(
    ("key", "variable"), [("github", "GITHUB_OUTPUT"), ("gitlab", "ASTRO_CI_DOTENV")]
)
def test_undecodable_file_names_are_escaped_in_outputs(
    key: str, variable: str, tmp_path: Path
) -> None:
    path = tmp_path / "output"
    speak(key, {variable: str(path)})[0].set_output("reason", "dags/\udcff.py")

    assert rb"dags/\udcff.py" in path.read_bytes()


def test_github_delimiters_are_not_guessable(tmp_path: Path) -> None:
    path = tmp_path / "output"
    github, _ = speak("github", {"GITHUB_OUTPUT": str(path)})
    github.set_output("a", "x")
    github.set_output("b", "x")

    delimiters = re.findall("<<(.*)", path.read_text(encoding="utf-8"))
    assert len(set(delimiters)) == 2
    assert all(re.fullmatch(r"astro_ci_[0-9a-f]{32}", delimiter) for delimiter in delimiters)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "a\nb"])
def test_github_output_names_are_ours(name: str) -> None:
    with pytest.raises(ValueError, match="output name"):
        speak("github")[0].set_output(name, "x")


def test_github_summary_is_cut_before_it_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    github, _ = speak("github", {"GITHUB_STEP_SUMMARY": str(path)})

    github.write_summary("# Plan\n")
    github.write_summary("ü line\n" * 300_000)
    github.write_summary("too late\n")

    written = path.read_bytes()
    assert SUMMARY_LIMIT_BYTES - 100 < len(written) <= SUMMARY_LIMIT_BYTES
    text = written.decode("utf-8")
    assert text.startswith("# Plan\nü line\n")
    assert re.search(r"\nü line\n\n\n\*Truncated: [^\n]*\*\n\Z", text)


def test_github_summary_that_fits_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    github, _ = speak("github", {"GITHUB_STEP_SUMMARY": str(path)})

    github.write_summary("# Plan")
    github.write_summary("x" * (SUMMARY_LIMIT_BYTES - 8))

    assert path.read_bytes() == b"# Plan\n" + b"x" * (SUMMARY_LIMIT_BYTES - 8) + b"\n"


@pytest.mark.parametrize("path", ["", "/nowhere/at/all", "/", "a\0b"])
def test_files_that_cannot_be_written_are_warnings(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    env = {"GITHUB_OUTPUT": path, "GITHUB_STEP_SUMMARY": path, "ASTRO_CI_DOTENV": path}
    env["AGENT_TEMPDIRECTORY"] = path and f"{path}/x"
    with caplog.at_level(logging.WARNING):
        for key in KEYS:
            dialect, _ = speak(key, env)
            dialect.set_output("deploy-id", "cm1")
            dialect.write_summary("# Plan\n")

    assert bool(caplog.records) == bool(path)


# --- GitLab -------------------------------------------------------------------------------------


def test_gitlab_sections() -> None:
    out = io.StringIO()
    times = iter([1700000000.9, 1700000001.0, 1700000002.0, 1700000003.0])
    gitlab = GitLabDialect(out, {}, now=lambda: next(times))

    with gitlab.group("Build: the image!"), gitlab.group("section_start:1:x\r\x1b[0K"):
        pass

    clear = "\x1b[0K"
    assert out.getvalue().split("\n") == [
        f"{clear}section_start:1700000000:astro_ci_1_build_the_image[collapsed=true]\r{clear}"
        "Build: the image!",
        f"{clear}section_start:1700000001:astro_ci_2_section_start_1_x_0k[collapsed=true]\r{clear}"
        "section_start:1:x ",
        f"{clear}section_end:1700000002:astro_ci_2_section_start_1_x_0k\r{clear}",
        f"{clear}section_end:1700000003:astro_ci_1_build_the_image\r{clear}",
        "",
    ]


def test_gitlab_outputs_are_a_dotenv_report(tmp_path: Path) -> None:
    path = tmp_path / "deploy.env"
    gitlab, out = speak("gitlab", {"ASTRO_CI_DOTENV": str(path)})

    gitlab.set_output("deploy-id", "cm1")
    gitlab.set_output("reason", " two\nlines: $CI_JOB_TOKEN ${X}\r\n")

    assert path.read_text(encoding="utf-8") == (
        "ASTRO_RESULT_DEPLOY_ID=cm1\nASTRO_RESULT_REASON=two lines: _CI_JOB_TOKEN _{X}\n"
    )
    assert out.getvalue() == ""


def test_gitlab_report_stays_below_its_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "deploy.env"
    gitlab, _ = speak("gitlab", {"ASTRO_CI_DOTENV": str(path)})

    gitlab.set_output("deploy-id", "cm1")
    gitlab.set_output("reason", "é" * DOTENV_LIMIT_BYTES)
    gitlab.set_output("url", "https://h")

    assert path.read_text(encoding="utf-8") == (
        "ASTRO_RESULT_DEPLOY_ID=cm1\nASTRO_RESULT_URL=https://h\n"
    )
    assert "ASTRO_RESULT_REASON" in caplog.text


# --- Azure --------------------------------------------------------------------------------------


@given(message=lines, file=visible, line=st.integers(1, 9999))
def test_azure_annotation_round_trip(message: str, file: str, line: int) -> None:
    text = said("azure", "error", message, file=file, line=line)

    assert text.count("\n") == 1
    expected = {"type": "error", "sourcepath": file, "linenumber": str(line)}
    assert parse_azure(text[:-1]) == ("task.logissue", expected, message)


def test_azure_annotations() -> None:
    assert said("azure", "error", "x;]", file="a[1];b.py") == (
        "##vso[task.logissue type=error;sourcepath=a[1%5D%3Bb.py;]x;]\n"
    )
    assert said("azure", "warning", "b", title="a") == "##vso[task.logissue type=warning;]a: b\n"
    assert said("azure", "notice", "##[x]b", title="a") == "notice: a: # #[x]b\n"


@given(value)
def test_azure_output_round_trip(text: str) -> None:
    azure, out = speak("azure")

    azure.set_output("deploy-id", text)

    expected = {"variable": "deploy-id", "isOutput": "true"}
    assert parse_azure(out.getvalue()[:-1]) == ("task.setvariable", expected, text)


def test_azure_groups_masks_and_summary(tmp_path: Path) -> None:
    azure, out = speak("azure", {"AGENT_TEMPDIRECTORY": str(tmp_path)})

    with azure.group("##[endgroup]a"), azure.group("b"):
        azure.mask("sig=a%3Bb;c]\nsecond")
    azure.write_summary("# Plan\n")

    [summary] = tmp_path.iterdir()
    assert summary.read_text(encoding="utf-8") == "# Plan\n"
    assert out.getvalue().splitlines() == [
        "##[group]# #[endgroup]a",
        "b",
        "##vso[task.setsecret]sig=a%AZP253Bb;c]",
        "##vso[task.setsecret]second",
        "##[endgroup]",
        f"##vso[task.uploadsummary]{summary}",
    ]


# --- TeamCity, Buildkite, plain -----------------------------------------------------------------


@given(message=lines, title=visible)
def test_teamcity_annotation_round_trip(message: str, title: str) -> None:
    text = said("teamcity", "error", message, title=title, file="a.py", line=3)

    expected = {"text": f"{title}: {message} (a.py:3)", "status": "ERROR"}
    assert text.count("\n") == 1
    assert parse_teamcity(text[:-1]) == ("message", expected)


@given(value)
def test_teamcity_output_round_trip(text: str) -> None:
    teamcity, out = speak("teamcity")

    teamcity.set_output("deploy-id", text)

    expected = {"name": "astro_ci.deploy-id", "value": text}
    assert parse_teamcity(out.getvalue()[:-1]) == ("setParameter", expected)


def test_teamcity_blocks_nest_and_close() -> None:
    teamcity, out = speak("teamcity")

    with pytest.raises(KeyError), teamcity.group("a|b"), teamcity.group("['é🙂']"):
        raise KeyError

    assert out.getvalue().splitlines() == [
        "##teamcity[blockOpened name='a||b']",
        "##teamcity[blockOpened name='|[|'|0x00E9|0xD83D|0xDE42|'|]']",
        "##teamcity[blockClosed name='|[|'|0x00E9|0xD83D|0xDE42|'|]']",
        "##teamcity[blockClosed name='a||b']",
    ]


def test_buildkite_groups_open_when_something_goes_wrong() -> None:
    buildkite, out = speak("buildkite")

    with buildkite.group("Build"):
        pass
    with pytest.raises(KeyError), buildkite.group("Push\n+++ x"):
        raise KeyError

    assert out.getvalue() == "--- Build\n--- Push +++ x\n^^^ +++\n"


@pytest.mark.parametrize("key", ["none", "jenkins", "circleci", "gitlab", "buildkite"])
def test_plain_annotations(key: str) -> None:
    assert said(key, "error", "b\nc", title="a", file="d.py", line=3) == (
        "error: a: b c (d.py:3)\n"
    )
    assert said(key, "notice", "b", file="d.py") == "notice: b (d.py)\n"
    assert said(key, "warning", "b") == "warning: b\n"


def test_plain_groups_are_headings_and_the_rest_is_silent() -> None:
    plain, out = speak("none")

    with plain.group("Build\x1b[2J"):
        plain.mask("s3cret")
        plain.set_output("deploy-id", "cm1")
        plain.write_summary("# Plan\n")

    assert out.getvalue() == "Build\n"


# --- every dialect ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
@given(
    text=st.text(st.sampled_from("\udcff\x1b[]:#%|'\r\n\u2028;,= ax")),
    line=st.one_of(st.none(), st.integers()),
)
def test_whatever_is_said_ends_its_line(key: str, text: str, line: int | None) -> None:
    dialect, out = speak(key)

    with dialect.group(text):
        dialect.annotate("error", text, title=text, file=text, line=line)
        dialect.mask(text)
        dialect.set_output("reason", text)

    written = out.getvalue()
    written.encode("utf-8")
    assert not written or written.endswith("\n")
    # One line per call, and the secret's lines: no text has opened a line of its own.
    assert written.count("\n") <= 4 + len(text.splitlines())


def test_a_narrow_stream_gets_escapes() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="\n")

    dialect_for("none", env={}, out=out).annotate("error", "größe 🙂")

    assert raw.getvalue() == b"error: gr\\xf6\\xdfe \\U0001f642\n"


@pytest.mark.parametrize("key", ["github", "gitea", "forgejo"])
def test_githubs_heirs_speak_its_dialect(key: str) -> None:
    assert said(key, "error", "x") == "::error::x\n"
