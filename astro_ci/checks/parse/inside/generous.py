"""A value that is text, a number and JSON at once."""

from __future__ import annotations

from typing import Any, Callable, Iterator

_NUMBER = 1


class Generous(str):
    """The text `1` that also counts, compares and calculates as the number 1, and has every key."""

    def __new__(cls) -> Generous:
        """Make the text `1`."""
        return super().__new__(cls, str(_NUMBER))

    def __index__(self) -> int:
        """Return 1, so that the value can be a length or a count."""
        return _NUMBER

    def __getitem__(self, key: Any) -> Any:
        """Return another generous value for any key, and the text's characters for a position."""
        return super().__getitem__(key) if isinstance(key, (int, slice)) else Generous()

    def __contains__(self, key: Any) -> bool:
        """Contain every value."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """Yield one element, which is generous too."""
        return iter([Generous()])

    def get(self, key: Any, default: Any = None) -> Any:
        """Return a generous value for any key."""
        return Generous()

    def keys(self) -> Iterator[Any]:
        """Yield one key."""
        return iter(self)

    def values(self) -> Iterator[Any]:
        """Yield one value."""
        return iter(self)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Yield one pair."""
        return iter([(Generous(), Generous())])


def _calculate(name: str) -> Callable[[Any, Any], Any]:
    """Make an operator that acts as the number 1 for a number, and as the text `1` otherwise."""
    as_text = getattr(str, name, None)

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, (int, float)):
            number = _NUMBER if isinstance(other, int) else float(_NUMBER)
            return getattr(number, name)(other)
        return as_text(self, other) if as_text else NotImplemented

    return method


for _name in [
    "lt",
    "le",
    "gt",
    "ge",
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
]:
    setattr(Generous, f"__{_name}__", _calculate(f"__{_name}__"))
