"""What a stranger may put into a checkout, as hypothesis strategies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

TOKEN = "a-token-that-nobody-may-see"


@dataclass(frozen=True)
class Entry:
    """A file of the checkout: its content, or what it is instead."""

    content: bytes = b""
    link: str = ""
    kind: str = "file"
    mode: int = 0o644


NEAR = [
    *(b"a", b"dags", b"*", b"**", b"/", b"!", b"?", b"[", b"]", b"[a-z]", b"\\", b"{2}", b"|"),
    *(b"^", b"$", b"#", b":", b"- ", b"  ", b"\n", b"\r", b"\r\n", b"\t", b"&a ", b"*a", b"|\n"),
    *(b"'", b'"', b"{", b"}", b",", b"~", b"null", b"!!binary ", b"---\n", b"<<: ", b"%YAML 9\n"),
    *(
        b"FROM ",
        b"ARG a=",
        b"$a",
        b"${a:-",
        b" AS ",
        b"\\\n",
        b"runtime:3.1-2",
        b"RUN <<",
        b"COPY ",
    ),
    *(b"filter=x", b"text eol=crlf", b"ident", b"-text", b"export-subst", b" diff=y", b"binary"),
    *(b'[submodule "x"]\n', b"path = dags/x\n", b"url = ext::sh -c id\n", b"update = !id\n"),
    *(b"projects:\n", b"deployments:\n", b"branches: ", b"ignore:\n", b"image-paths: ", b"id: "),
    *(b"project: ", b"dags-path: ", b"build-args: ", b"base: ", b"--upload-pack=x", b"wait-time: "),
    *(
        b"::error::x",
        b"##vso[task.complete]",
        b"\x1b[31m",
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
    ),
    *("é".encode(), "\u2028".encode(), "\u202e".encode(), b"${{ secrets.X }}", b"../..", b"/etc"),
]
HUGE = [
    b"a" * 2_000_000,
    b"a: " * 200_000,
    b"[" * 200_000,
    b"{a: " * 60_000,
    b"- " * 100_000,
    b"\n" * 900_000,
    b"\\\n" * 400_000,
    b"*a" * 100_000,
    b"**/" * 80_000,
    b"FROM " + b"${a:-" * 150_000,
    b"!*\n*\n" * 50_000,
    b"\n".join(b"file-%d-*.txt" % number for number in range(10_000)),
    b"\n".join(b"!**/%d/[a-c]" % number for number in range(10_000)),
    b"ignore:\n" + b"- a\n" * 60_000,
    b"a: &a [x, x, x, x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(9_000)),
    b"projects:\n"
    + b"".join(b"  p%d: {deployments: {a: {branches: x}}}\n" % n for n in range(4000)),
    b'{"before": ' + b"[" * 100_000,
    b'{"before": ' + b"9" * 100_000 + b"}",
]
TARGETS = (
    *(
        "/proc/self/environ",
        "/dev/zero",
        "/dev/stdin",
        "/etc/passwd",
        ".git/config",
        "..",
        ".",
        "/",
    ),
    *(
        "a",
        "dags",
        "dags/a.py",
        "../../../../../../etc/shadow",
        "a/" * 300,
        "\\\n",
        "-x",
        "Dockerfile",
    ),
)
NAMES = (
    *(
        "a.py",
        "-rf",
        "--help",
        "--exec=id",
        "@",
        "HEAD",
        ":(top)x",
        ":/x",
        "a b",
        " ",
        "~",
        "$HOME",
    ),
    *("::error::x", "##vso[task.complete]", "##teamcity[x]", "\n::set-output name=x::y", "a\rb"),
    *(
        "\x1b[2J",
        "a\\b",
        "*",
        "?",
        "[",
        "{",
        "'",
        '"',
        "`id`",
        "%0A",
        "é",
        "\u202e",
        "\udcff\udcfe.py",
    ),
    *("n" * 255, "ü" * 127, ".gitattributes", ".gitmodules", ".airflowignore", "pyvenv.cfg"),
    *(
        "d/" * 600 + "deep.py",
        "x/.git ",
        "CON",
        "a.",
        ".GIT.",
        "requirements.txt",
        "dbt_project.yml",
    ),
)
FILES = (
    *("Dockerfile", ".dockerignore", "Dockerfile.dockerignore", "astro-ci.yaml", "astro-ci.yml"),
    *(".gitattributes", ".gitmodules", ".gitignore", ".airflowignore", "dags", ".astro", "event"),
)

_texts = st.lists(st.sampled_from(NEAR), max_size=30).map(b"".join)
contents = st.one_of(
    _texts,
    _texts,
    st.sampled_from(HUGE),
    st.binary(max_size=200),
    _texts.map(lambda text: b"\xef\xbb\xbf" + text),
    st.text(max_size=60).map(lambda text: text.encode("utf-16", "surrogatepass")),
    _texts.map(lambda text: text.replace(b"\n", b"\r")),
)
_modes = st.sampled_from([0o644, 0o755, 0o600, 0o4777])
entries = st.one_of(
    st.builds(Entry, content=contents, mode=_modes),
    st.builds(Entry, content=contents, mode=_modes),
    st.builds(Entry, link=st.sampled_from(TARGETS), kind=st.just("link")),
    st.builds(Entry, kind=st.sampled_from(["directory", "pipe"])),
)
_inside = st.sampled_from(["", "dags/", "include/"])
_names = st.one_of(
    st.sampled_from(FILES),
    st.sampled_from(FILES),
    st.tuples(_inside, st.sampled_from(NAMES)).map("".join),
)
checkouts: st.SearchStrategy[Mapping[str, Entry]] = st.dictionaries(
    _names, entries, min_size=1, max_size=5
)
ARGUMENTS = (
    ["plan", "--json"],
    ["plan", "--json", "--base", "HEAD"],
    ["plan", "--json", "--image-paths", "**/*.sql", "--ignore", "*.md"],
    ["config", "--json"],
)
SYSTEMS: tuple[Mapping[str, str], ...] = (
    {},
    {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"},
    {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "CI": "true"},
    {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main"},
    {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/main"},
    {"TEAMCITY_VERSION": "2025.1"},
)
