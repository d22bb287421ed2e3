"""Rows for people: a table if the terminal is wide enough, else a paragraph for each row. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from astro_ci.reporting.cells import cell_width, labelled, padded, wrapped
from astro_ci.text import printable

_GAP = 2


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, columns: int | None) -> str:
    """Lay out the rows; `columns` is the terminal's width, None without a terminal."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_width, column)) for column in zip(headings, *cells, strict=True)]
    if columns is not None and sum(widths) + _GAP * (len(widths) - 1) > columns:
        return "\n\n".join(_paragraph(headings, row, columns) for row in cells)
    return "\n".join(_line(row, widths) for row in (headings, *cells))


def wrapped_table(
    headings: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]], *, columns: int | None
) -> str:
    """Lay out rows in columns of fixed widths, in cells; a row may take several lines.

    On a terminal that is too narrow, each row is a paragraph.
    """
    widths = [width for _, width in headings]
    names = [heading for heading, _ in headings]
    if columns is not None and sum(widths) + _GAP * (len(widths) - 1) > columns:
        return table(names, rows, columns=columns)
    lines = [
        _line(names, widths),
        _line(["-" * w for w in widths], widths),
    ]
    for row in rows:
        cells = [
            wrapped(printable(cell), width, indent=0)
            for cell, width in zip(row, widths, strict=True)
        ]
        lines += [_line(line, widths) for line in zip_longest(*cells, fillvalue="")]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (padded(cell, width + _GAP) for cell, width in zip(row, widths, strict=True))
    return "".join(cells).rstrip()


def facts_table(rows: Sequence[tuple[str, str]], *, columns: int | None) -> str:
    """Lay out labels and their values; `columns` is the terminal's width."""
    labels, values = zip(*rows, strict=True)
    return _paragraph(labels, [printable(value) for value in values], columns)


def _paragraph(headings: Sequence[str], row: Sequence[str], columns: int | None) -> str:
    margin = max(map(len, headings)) + _GAP
    return "\n".join(
        line
        for heading, cell in zip(headings, row, strict=True)
        for line in labelled(heading, cell, columns, margin=margin)
    )
