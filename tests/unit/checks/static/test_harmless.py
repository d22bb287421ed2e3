"""Which files may be compiled in the process that deploys: none that could end it or hang it."""

from __future__ import annotations

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator

import pytest

from astro_ci.checks.static import harmless
from astro_ci.checks.static.harmless import is_harmless, is_harmless_ignore_file

# Each makes a file of a depth; the deepest that is still called harmless is compiled below.
CHAINS: dict[str, Callable[[int], str]] = {
    "sums": lambda n: "1" + "+1" * n,
    "powers": lambda n: "2" + "**a" * n,
    "minuses": lambda n: "-" * n + "a",
    "inversions": lambda n: "~" * n + "a",
    "attributes": lambda n: "a" + ".a" * n,
    "calls": lambda n: "a" + "()" * n,
    "subscripts": lambda n: "a" + "[0]" * n,
    "nots": lambda n: "not " * n + "a",
    "awaits": lambda n: "async def f():\n return " + "await " * n + "a",
    "lambdas": lambda n: "lambda: " * n + "a",
    "lambdas with parameters": lambda n: "lambda a,b: " * n + "a",
    "defaults of lambdas": lambda n: "lambda a=" * n + "1" + ": 1" * n,
    "conditions": lambda n: "a" + " if a else a" * n,
    "conditions in conditions": lambda n: "a if " * n + "a" + " else a" * n,
    "comparisons": lambda n: "a" + "<a" * n,
    "boolean chains": lambda n: "a" + " and a or a" * n,
    "comprehensions": lambda n: "[a" + " for a, in a" * n + "]",
    "asynchronous comprehensions": lambda n: (
        "async def f():\n return [a" + " async for a, in a if a" * n + "]"
    ),
    "generators": lambda n: "f(a" + " for a in a" * n + ")",
    "parentheses": lambda n: "(" * n + "a" + ")" * n,
    "tuples": lambda n: "(a," * n + "a" + ")" * n,
    "lists": lambda n: "[" * n + "a" + "]" * n,
    "dictionaries": lambda n: "{a:" * n + "a" + "}" * n,
    "nested calls": lambda n: "f(a=" * n + "a" + ")" * n,
    "nested subscripts": lambda n: "a[" * n + "a" + "]" * n,
    "slices": lambda n: "a[a:" * n + "a" + "]" * n,
    "stars": lambda n: "[*" * n + "a" + "]" * n,
    "walruses": lambda n: "(a:=" * n + "a" + ")" * n,
    "assignments": lambda n: "a=" * n + "a",
    "continued lines": lambda n: "1" + "\\\n+1" * n,
    "lines in brackets": lambda n: "(1" + "\n+1" * n + ")",
    "strings in between": lambda n: "'a'" + "+'a'" * n,
    "comments in between": lambda n: "(1" + " # ( '\n+1" * n + ")",
    "branches": lambda n: "if a: a\n" + "elif a: a\n" * n,
    "blocks": lambda n: "".join(f"{' ' * d}if a:\n" for d in range(n)) + " " * n + "a",
    "functions": lambda n: "".join(f"{' ' * d}def f():\n" for d in range(n)) + " " * n + "a",
    "classes": lambda n: "".join(f"{' ' * d}class A:\n" for d in range(n)) + " " * n + "a",
    "loops": lambda n: "".join(f"{' ' * d}for a in a:\n" for d in range(n)) + " " * n + "a",
    "else blocks": lambda n: (
        "".join(f"{' ' * d}if a: a\n{' ' * d}else:\n" for d in range(n)) + " " * n + "a"
    ),
    "decorators": lambda n: "@a\n" * n + "def f(): a",
    "contexts": lambda n: "with " + ", ".join(["a as a"] * n) + ": a",
    "patterns": lambda n: "match a:\n case " + "[" * n + "a" + "]" * n + ": a",
    "f-strings": lambda n: "f'{" + "-" * n + "a}'",
    "f-strings in a sum": lambda n: "f'{a}'" + "+f'{-a}'" * n,
    "imports": lambda n: "import a" + ".a" * n,
    "annotations": lambda n: "def f(a: " + "a[" * n + "a" + "]" * n + "): a",
    "deletions": lambda n: "del " + "(" * n + "a" + ")" * n,
    "statements on a line": lambda n: "a;" * n + "a",
}  # fmt: skip
LARGEST = 3000
COMPILE = """
import sys, threading
def work():
    for source in sys.stdin.buffer.read().split(b"\\0"):
        try:
            compile(source, "<test>", "exec", dont_inherit=True)
        except (SyntaxError, RecursionError, MemoryError):
            pass
    print("all")
threading.stack_size(1 << 20)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def worst() -> Iterator[bytes]:
    """The deepest files that are called harmless, whole and with an error at the end."""
    for make in CHAINS.values():
        depth = bisect_left(range(LARGEST), True, key=lambda n: not is_harmless(make(n).encode()))
        source = make(depth - 1).encode()
        assert is_harmless(source)
        yield source
        yield source + b" $"
        yield source + b" ("
        yield source.replace(b"a", b"", 1)
        block = b"".join(b" " * d + b"if a:\n" for d in range(harmless.MOST_INDENTATION))
        yield block + b" " * harmless.MOST_INDENTATION + source.partition(b"\n")[0] + b"\n a"


def mixed() -> Iterator[bytes]:
    """Brackets of all kinds in each other, which the parser reads again for its messages."""
    for opening in ("({[", "{(", "f(a=[", "{a:[", "a[(", "(a for a in [", "lambda a=(", "[*("):
        text = (opening * 20)[: harmless.MOST_BRACKETS * 2]
        while not is_harmless(text.encode()):
            text = text[:-1]
        yield from (text.encode(), text.encode() + b"a b", text.encode() + b"a, =")


def test_the_worst_harmless_files_need_little_stack() -> None:
    sources = b"\0".join([*worst(), *mixed()])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "ignore", "-c", COMPILE],
        input=sources, capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"all\n"), done.stderr[-1000:]


FLAT = {"comparisons", "assignments", "decorators", "statements on a line", "contexts"}


@pytest.mark.parametrize("name", [name for name in CHAINS if name not in FLAT])
def test_deeper_files_are_not_harmless(name: str) -> None:
    assert not is_harmless(CHAINS[name](LARGEST).encode())


@pytest.mark.parametrize("text", [
    b"# coding: latin-1\n", b"\n#-*- coding=utf-7 -*-\n", b"x = '" + b"a" * 1000 + b"'",
    b"x = 'a", b'x = """a', b"#" * (harmless.MOST_BYTES + 1), b"\n" * harmless.MOST_BYTES + b"1",
    b"""x = f"{'"'}" """, b"""x = f'{"'''"}' """, b"x = f'{f'a'}'", b"x = f'{a\n}'",
    b"x = f'{a!r:{b:{c}}}'", b"x = f'{'", b"x = f'\\\n'", b"x = f'\\N{DASH}'", b"x = t'{'",
    b"x = f'{#}'", b"# \r(" + b"-" * 600,
])  # fmt: skip
def test_what_may_be_read_in_two_ways_is_not_harmless(text: bytes) -> None:
    assert not is_harmless(text)


@pytest.mark.parametrize("text", [
    b"", b"x = 1", b"x = (\n", b"def f(:\n", b")))", b"x = ''\ny = \"\"\nz = ''''''\n",
    b"x = 'it\\'s' \"it's\" '''it's\n\\''' ''' # it's (\n", b"x = \\\n  1\n", b"\xef\xbb\xbfx = 1",
    b"x = f\"{a['b']} it's {c!r:>{w}} {{ }} {d:%Y-%m-%d} {'' if e else 's'}\"\n",
    b'x = f"""\nit\'s {a["b"]} "{c}"\n"""\n', b"x = rf'\\d {a}'\n", b"x = ['\xc3\xa4']\r\n",
    b"elif_ = 1\n" * 50, b"x = {\n" + b"  'a': {'b': c.d},\n" * 100 + b"}\n",
])  # fmt: skip
def test_what_people_write_is_harmless(text: bytes) -> None:
    assert is_harmless(text)


@pytest.mark.parametrize(("text", "is_quick"), [
    (b"", True), (b"# nothing\n\n", True), (b"include/*\n!a.py\n/b/\n", True),
    (b"**/old/*.py\n", True), (b".*_test\\.py\n", False), (b"(a|a)*$\n", False),
    (b"*a*a*a*b\n", False), (b"a\n" * 2000, False),
])  # fmt: skip
def test_ignore_files(text: bytes, is_quick: bool) -> None:
    assert is_harmless_ignore_file(text) is is_quick
