"""Build the HTML that notebooks show. It is self-contained and works on light and dark pages.

These functions escape every text that they take. Only an `Html` that one of them returned stays as
it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_BOX = "font-family:system-ui,sans-serif;font-size:0.9em;line-height:1.45;overflow-x:auto"
_TABLE = "border-collapse:collapse;margin:0.3em 0;font-variant-numeric:tabular-nums"
_CELL = "padding:0.1em 0.9em 0.1em 0;background:transparent;color:inherit;border:0"
_WHOLE = "white-space:nowrap"
_RULE = "border-bottom:1px solid rgba(128,128,128,0.5)"  # visible on white and on black
_SIDES = ("text-align:left", "text-align:right")


class Html(str):
    """Mark text as HTML, which must not be escaped again."""


def box(title: str, *parts: str) -> Html:
    """Return a title with parts below it. A text becomes a paragraph."""
    head = f'<div style="font-weight:600">{escape(title)}</div>'
    body = (part if isinstance(part, Html) else _paragraph(part) for part in parts)
    return Html(f'<div style="{_BOX}">{head}{"".join(body)}</div>')


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table. The first column is aligned left, the others right."""
    body = "".join(_row("td", row) for row in rows)
    return Html(
        f'<table style="{_TABLE}"><thead>{_row("th", head, _RULE)}</thead>'
        f"<tbody>{body}</tbody></table>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Return (name, value) pairs as a table, one pair a line."""
    name_style = f"{_CELL};{_WHOLE};text-align:left;font-weight:400;opacity:0.75"
    rows = "".join(
        f'<tr style="background:transparent"><th style="{name_style}">{escape(name)}</th>'
        f'<td style="{_CELL};text-align:left">{escape(value)}</td></tr>'
        for name, value in pairs
    )
    return Html(f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>')


def folded(summary: str, part: Html) -> Html:
    """Return a part that a click on the summary opens."""
    return Html(f"<details><summary>{escape(summary)}</summary>{part}</details>")


def _row(tag: str, cells: Sequence[str], style: str = "") -> str:
    shown = (
        f'<{tag} style="{_CELL};{_WHOLE};{_SIDES[k > 0]};{style}">{escape(cell)}</{tag}>'
        for k, cell in enumerate(cells)
    )
    return f'<tr style="background:transparent">{"".join(shown)}</tr>'


def _paragraph(text: str) -> str:
    return f'<div style="opacity:0.85">{escape(text)}</div>'
