"""Every sentence that an error of the package can say, read from the code that raises it.

A value that is only known in a run becomes an ellipsis. What an error takes over from another
program or another error is no sentence of ours, and is not listed.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astro_ci import errors

PACKAGE = Path(errors.__file__).parent
UNKNOWN = "…"
_MOST = 6
"""A message of more alternatives than this is written with an ellipsis where they differ."""
_TITLES = {
    2: "Options and configuration",
    3: "The project",
    4: "Tools: git, Docker, the registry, the disk",
    5: "The Astro API",
    6: "Checks",
    7: "The deploy failed",
    8: "The wait ran out",
    9: "Credentials",
    11: "The saved plan",
    130: "Interrupted",
}
_NAMED = re.compile(r"[A-Za-z]{3}.*[A-Za-z]{3}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Message:
    """One sentence and its remedy."""

    exit_code: int
    text: str
    hint: str


def exit_codes() -> dict[str, int]:
    """Map each class of error to its exit code; those of the package's modules inherit it."""
    found = {
        name: one.exit_code
        for name, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, errors.AstroCIError)
    }
    found["CancelledError"] = 130
    return {name: code for name, code in found.items() if name not in ("AstroCIError", "BugError")}


def messages(package: Path = PACKAGE) -> list[Message]:
    """All sentences of the package, by exit code."""
    found: set[Message] = set()
    trees = [ast.parse(path.read_text()) for path in sorted(package.rglob("*.py"))]
    codes = _with_subclasses(exit_codes(), trees)
    for tree in trees:
        constants = _assigned(tree.body)
        for scope, call in _calls(tree):
            code = codes.get(_name(call.func))
            if code is not None:
                found.update(_said(call, code, {**constants, **_assigned(ast.walk(scope))}))
    return sorted(found, key=lambda one: (one.exit_code, one.text.lower(), one.hint))


def index() -> Iterator[str]:
    """The page: a list for each exit code."""
    for code, found in itertools.groupby(messages(), key=lambda one: one.exit_code):
        yield from ("", f"## {_TITLES[code]}: exit code {code}", "")
        for text, same in itertools.groupby(found, key=lambda one: one.text):
            hints = [_sentence(one.hint) for one in same if one.hint]
            yield f"- {_code(text)}" + "".join(f"<br>{hint}" for hint in dict.fromkeys(hints))
    yield ""


def _said(call: ast.Call, code: int, names: Mapping[str, Sequence[ast.expr]]) -> Iterator[Message]:
    """The sentences of one call: each alternative of its message, with its hint."""
    if not call.args:
        return
    hint = next((word.value for word in call.keywords if word.arg == "hint"), None)
    hints = _texts(hint, names) if hint is not None else [""]
    for text in _texts(call.args[0], names):
        # A part that is empty in this alternative leaves no sentence behind.
        if _NAMED.search(text.replace(UNKNOWN, " ")) and " ," not in text:
            readable = [one for one in hints if _NAMED.search(one)]
            for one in readable or [""]:
                yield Message(exit_code=code, text=_tidy(text), hint=_tidy(one))


def _texts(node: ast.expr, names: Mapping[str, Sequence[ast.expr]], depth: int = 4) -> list[str]:
    """What an expression can be, as text."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return _joined([_texts(one, names, depth) for one in values])
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _joined([_texts(left, names, depth), _texts(right, names, depth)])
        case ast.IfExp(body=body, orelse=other):
            return [*_texts(body, names, depth), *_texts(other, names, depth)]
        case ast.FormattedValue(value=value):
            return _field(value, names, depth)
        case ast.Name(id=name) if depth and name in names:
            others = {other: values for other, values in names.items() if other != name}
            return [text for one in names[name] for text in _texts(one, others, depth - 1)]
    return [UNKNOWN]


def _field(value: ast.expr, names: Mapping[str, Sequence[ast.expr]], depth: int) -> list[str]:
    """What stands in a field: its alternatives, where they are few and known."""
    found = _texts(value, names, depth)
    return found if isinstance(value, ast.IfExp | ast.Constant | ast.Name) else [UNKNOWN]


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    size = 1
    for part in parts:
        size *= len(part)
    if size > _MOST:
        parts = [part if len(part) == 1 else [UNKNOWN] for part in parts]
    return ["".join(one) for one in itertools.product(*parts)]


def _assigned(nodes: Sequence[ast.stmt] | Iterator[ast.AST]) -> dict[str, list[ast.expr]]:
    """What is assigned to each name."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Each call, with the function that holds it."""

    def visit(node: ast.AST, scope: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        if isinstance(node, ast.FunctionDef):
            scope = node
        if isinstance(node, ast.Call):
            yield scope, node
        for child in ast.iter_child_nodes(node):
            yield from visit(child, scope)

    yield from visit(tree, ast.Module(body=[], type_ignores=[]))


def _with_subclasses(codes: Mapping[str, int], trees: Sequence[ast.Module]) -> dict[str, int]:
    found = dict(codes)
    classes = [one for tree in trees for one in ast.walk(tree) if isinstance(one, ast.ClassDef)]
    for one in classes:
        for base in one.bases:
            if _name(base) in found:
                found.setdefault(one.name, found[_name(base)])
    return found


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _tidy(text: str) -> str:
    return re.sub(rf"{UNKNOWN}({UNKNOWN}|\s*{UNKNOWN})*", UNKNOWN, " ".join(text.split()))


def _sentence(hint: str) -> str:
    """A hint as it is told: with a capital and a full stop. Escaped for Markdown and HTML."""
    text = re.sub(r"([<>*_\[\]|])", r"\\\1", hint[:1].upper() + hint[1:])
    return text if text.endswith((".", "?", UNKNOWN)) else f"{text}."


def _code(text: str) -> str:
    marks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{marks}{space}{text}{space}{marks}"
