"""Walk a YAML document with its line numbers, and collect all problems.

Scalars stay texts: the branch `on` is not a boolean, and the tag `1.10` is not a number.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from astro_ci.errors import ConfigurationError
from astro_ci.text import excerpt, printable, sentence

_STANDARD = "tag:yaml.org,2002:"
_MOST_PROBLEMS = 20
_LONGEST_KEY, _LONGEST_TEXT, _LONGEST_LIST = 200, 10_000, 10_000
# More nodes than the largest allowed file can have without aliases.
_MOST_NODES = 150_000
# libyaml's parser is several times as fast, and limits the nesting of a document.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Problems:
    """The problems of one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._found: list[tuple[int, str, str]] = []

    def add(self, line: int, message: str, hint: str = "") -> None:
        """Note a problem. Use `excerpt` for text of the file in the message."""
        self._found.append((line, message, hint))

    @property
    def are_enough(self) -> bool:
        """Whether there are more problems than are shown."""
        return len(self._found) > _MOST_PROBLEMS

    def source(self, line: int) -> str:
        """Return the name of the file and the line, for a message."""
        return f"{self.name} line {line}"

    def refuse(self) -> None:
        """Raise ConfigurationError with all problems, if there are any."""
        found = sorted(self._found, key=lambda problem: problem[0])
        lines = [
            (f"{self.source(line)}: {printable(message)}", hint)
            for line, message, hint in found[:_MOST_PROBLEMS]
        ]
        if len(lines) == 1:
            raise ConfigurationError(lines[0][0], hint=lines[0][1])
        if lines:
            shown = [f"{message}. {sentence(hint)}".rstrip() for message, hint in lines]
            more = len(found) - len(lines)
            shown += [f"... and {more} more"] if more else []
            raise ConfigurationError(
                "\n".join([f"{self.name} has {len(found)} problems:", *shown]),
                hint="Correct the file; nothing was done.",
            )


def compose(text: str, problems: Problems) -> yaml.Node | None:
    """Parse one YAML document; None when it is empty. Raises ConfigurationError."""
    try:
        root = yaml.compose(text, Loader=LOADER)
        if root is None or _is_bounded(root):
            return root
        problems.add(1, "its aliases expand to more than a file can hold")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The end of the text has the number of the line after the last line.
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        if "nesting depth" in str(error.problem):
            problems.add(line, "this is nested too deeply")
        else:
            what = f"this is not YAML: {excerpt(str(error.problem))}"
            problems.add(line, what, _remedy(error, text))
    except yaml.reader.ReaderError as error:
        is_bytes = LOADER is not yaml.SafeLoader
        before = text.encode()[: error.position] if is_bytes else text[: error.position].encode()
        problems.add(before.count(b"\n") + 1, f"this is not YAML: {error.reason}")
    except ValueError:
        problems.add(1, "this is not YAML: an escape sequence is not a character")
    except RecursionError:
        problems.add(1, "this is nested too deeply")
    problems.refuse()
    raise AssertionError  # pragma: no cover - refuse() has raised


def _is_bounded(root: yaml.Node) -> bool:
    """Whether a document has an acceptable size after all aliases are replaced by their nodes."""
    ahead, count = [root], 0
    while ahead and count <= _MOST_NODES:
        node = ahead.pop()
        count += 1
        if isinstance(node, yaml.MappingNode):
            ahead += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            ahead += node.value
    return count <= _MOST_NODES


def _remedy(error: yaml.MarkedYAMLError, text: str) -> str:
    said = f"{error.context} {error.problem}"
    mark = error.problem_mark
    line = "".join(text.split("\n")[mark.line : mark.line + 1]) if mark else ""
    if mark and (line[mark.column : mark.column + 1] == "\t" or "tab character" in said):
        return "Indent with spaces: YAML does not allow tabs."
    if "alias" in said or "cannot start any token" in said:
        return "Put the text in quotes: its first character has a special meaning in YAML."
    if "mapping values" in said:
        return "Indent the keys of a block alike, and put a text with a colon in quotes."
    return ""


class Block:
    """The keys of a mapping: each is known, and is there at most once."""

    def __init__(
        self, problems: Problems, what: str, node: yaml.Node | None, *, shape: str = ""
    ) -> None:
        """`shape` is the hint for a block that is not a mapping."""
        self.problems = problems
        self.what = what
        self._shape = shape
        self.is_sound = True
        """Whether no problem was found in the keys."""
        self._values: dict[str, tuple[int, yaml.Node]] = {}
        if node is not None and not _is_null(node):
            self._read(node)

    def _read(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.MappingNode):
            self.is_sound = False
            message = f"{self.what} is {_kind(node)}, not keys with values"
            self.problems.add(_line(node), message, self._shape)
            return
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(_line(key), f"a key of {self.what} is {_kind(key)}")
            elif why := _unfit(key.value, _LONGEST_KEY):
                self.problems.add(_line(key), f"a key of {self.what} {why}")
            elif key.value in self._values:
                first = self._values[key.value][0]
                self.problems.add(
                    _line(key),
                    f"{excerpt(key.value)} is set twice in {self.what}, first on line {first}",
                    "Remove one of the two.",
                )
            else:
                self._values[key.value] = (_line(key), value)

    def __iter__(self) -> Iterator[tuple[str, int, yaml.Node]]:
        for key, (line, node) in self._values.items():
            yield key, line, node

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def line(self, key: str) -> int:
        """Return the line of an existing key."""
        return self._values[key][0]

    def node(self, key: str) -> yaml.Node | None:
        """Return the value of a key, or None without such a key."""
        return self._values[key][1] if key in self._values else None

    def refuse_unknown(self, known: Sequence[str], elsewhere: Mapping[str, str]) -> None:
        """Note each unknown key; `elsewhere` has the right places of some keys."""
        for key, line, _ in self:
            if key in known:
                continue
            self.is_sound = False
            if key in elsewhere:
                self.problems.add(
                    line, f"{key} is not a key of {self.what}, but of {elsewhere[key]}"
                )
            else:
                near = "" if self.problems.are_enough else did_you_mean(key, known)
                self.problems.add(
                    line,
                    f"{excerpt(key)} is not a key of {self.what}{near}",
                    "Correct its spelling." if near else f"Use one of {', '.join(known)}.",
                )

    def text(self, key: str) -> str | None:
        """Return the text of a key; None without the key, or when the value is not text."""
        node = self.node(key)
        return None if node is None else self._scalar(key, node)

    def texts(self, key: str) -> list[str] | None:
        """Return the texts of a key: a list, or a single value with one text per line."""
        node = self.node(key)
        if node is None:
            return None
        if isinstance(node, yaml.SequenceNode):
            if len(node.value) > _LONGEST_LIST:
                self.problems.add(_line(node), f"{key} has more than {_LONGEST_LIST:,} entries")
                return None
            found = [self._scalar(key, item) for item in node.value]
            return None if None in found else [text for text in found if text is not None]
        text = self._scalar(key, node)
        return None if text is None else [line.strip() for line in text.split("\n") if line.strip()]

    def entries(self, key: str) -> Iterator[str | Block]:
        """Yield the entries of a list, or the single entry: each a text or a mapping."""
        node = self.node(key)
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(item, yaml.MappingNode):
                yield Block(self.problems, f"an entry of {key}", item)
            elif item is not None and (text := self._scalar(key, item)):
                yield text

    def _scalar(self, key: str, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_STANDARD):
            if why := _unfit(node.value, _LONGEST_TEXT):
                self.problems.add(_line(node), f"{key} {why}")
            elif not _is_null(node):
                return str(node.value)
            else:
                hint = f"Give {key} a value, or remove it."
                self.problems.add(_line(node), f"{key} has no value", hint)
        elif isinstance(node, yaml.ScalarNode):
            written = f"{node.tag} {node.value}".strip()
            self.problems.add(
                _line(node),
                f"{key} has the tag {excerpt(node.tag)}, which has no meaning here",
                f"Put it in quotes if it is a text: '{excerpt(written)}'.",
            )
        else:
            self.problems.add(_line(node), f"{key} is {_kind(node)}, not a single value")
        return None


def _unfit(text: str, most: int) -> str:
    """Return the reason why this text cannot be a value or a name; empty when it can."""
    if len(text) > most:
        return f"is longer than {most:,} characters"
    is_text = not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)
    return "" if is_text else "contains NUL or half of a surrogate pair, which is not text"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence with the nearest known word, if there is one."""
    near = difflib.get_close_matches(word.lower().replace("_", "-"), list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys with values"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_STANDARD}null"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
