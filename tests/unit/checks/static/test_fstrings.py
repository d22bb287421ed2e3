"""f-strings as Python 3.12 reads them, whichever Python runs this."""

from __future__ import annotations

import pytest

from astro_ci.checks.static import syntax
from astro_ci.checks.static.fstrings import NotReadError, f_strings, without_f_strings
from astro_ci.checks.static.syntax import OURS, NewerSyntaxError, check_syntax

OF_EVERY_PYTHON = [
    'f"{a}"',
    "RF'{a!r:>{w}}' \"b\"",
    'f"{{a}}" f"\\n\\"{a}"',
    "f\"{a['b']}\"",
    'f"""{a["b"]}\n"""',
    "f\"{f'{a}'}\"",
    'f"{a:\\n}"',
    'f"\\N{BULLET}{a}"',
    "f'''{\na + 1\n}'''",
    'f"{(lambda: 1)()}{a:%H:%M}"',
    "x = \"f{\" # f\"{\ny = '''f\"{'''",
    'a if"f"else"b"',
    'fr"\\{a}\\"{a}"',
]
OF_PYTHON_3_12 = [
    ('f"{a["b"]}"', 5),
    ('x = f"" + f"{"\\n".join(a)}"', 13),
    ("f'{a\n}'", 4),
    ('f"""{a # "\n}"""', 7),
    ('f"{f"{a}"}"', 3),
    ('f"{a:{"b"}}"', 6),
    ("f'''{f'''{a}'''}'''", 5),
    ("f\"{f'{'a'}'}\"", 6),
]


@pytest.mark.parametrize("text", OF_EVERY_PYTHON)
def test_what_every_python_reads(text: str) -> None:
    data = text.encode()
    compile(data, "", "exec")
    assert all(found.newer is None for found in f_strings(data))
    plain = without_f_strings(data)
    assert len(plain.split(b"\n")) == len(data.split(b"\n"))
    compile(plain, "", "exec")


@pytest.mark.parametrize(("text", "at"), OF_PYTHON_3_12)
def test_what_only_later_ones_read(text: str, at: int) -> None:
    data = text.encode()
    assert [found.newer for found in f_strings(data) if found.newer is not None] == [at]
    assert f_strings(data)[-1].end == len(data)
    compile(without_f_strings(data), "", "exec")


def test_columns_stay() -> None:
    data = b'a = f\'{x}\' + rf"""{y}\n{z}""" + 1\n'
    assert without_f_strings(data) == b'a = r"..." + r"""....\n...""" + 1\n'


@pytest.mark.parametrize(
    "text",
    [
        'f"{a',
        'f"a\n"',
        '"""a',
        'f"{a:b"',
        'f"{' * 200 + "a" + '}"' * 200,
        "# coding: shift-jis\nf'\xe9'",
    ],
    ids=lambda text: text[:10],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(NotReadError):
        f_strings(text.encode())


@pytest.mark.skipif(OURS >= (3, 12), reason="this Python reads them")
@pytest.mark.parametrize(("text", "_at"), OF_PYTHON_3_12)
def test_an_older_python_does_not_judge(text: str, _at: int) -> None:
    with pytest.raises(NewerSyntaxError):
        check_syntax(text.encode(), (3, 12))


@pytest.mark.parametrize("healthy", ['y = f"{a}"', 'y = f"{a["b"]}"', "y = f'''{\n}{a # b\n}'''"])
def test_an_error_beside_an_f_string_is_told(healthy: str) -> None:
    for text, line in [(f"{healthy}\ndef x(:\n", -2), (f"def x(:\n{healthy}\n", 0)]:
        found = check_syntax(text.encode(), (3, 12))
        assert found
        assert (found.rule, found.column) == ("dag-syntax", 7)
        assert text.split("\n")[(found.line or 0) - 1] == text.split("\n")[line]


@pytest.mark.parametrize(("text", "at"), OF_PYTHON_3_12)
def test_a_newer_python_tells_what_the_runtime_cannot_read(
    text: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As far as another Python than 3.12 can show it: the look itself, and that it is taken.
    monkeypatch.setattr(syntax, "OURS", (3, 12))
    found = syntax._newer_f_string(text.encode(), (3, 11))
    assert found
    assert found.message.endswith("within braces (Python 3.11)")
    line, column = found.line or 0, found.column or 0
    assert len("\n".join(text.split("\n")[: line - 1])) + column + (line > 1) - 1 == at
    assert check_syntax(b"f'{a}'", (3, 11)) is None
