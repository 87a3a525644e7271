"""Build the elements of a page. `written` escapes all texts, because names may be hostile."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from fastreg.cli.console import printable

Element = ElementTree.Element
Content = Any  # a text, an element, or None


def element(tag: str, *content: Content, **attributes: str) -> Element:
    """Build an element. A trailing "_" in the name of an attribute is dropped, as in `class_`."""
    out = Element(tag, {name.rstrip("_"): printable(text) for name, text in attributes.items()})
    last: Element | None = None
    for each in content:
        if each is None:
            continue
        if isinstance(each, Element):
            out.append(each)
            last = each
        elif last is None:
            out.text = (out.text or "") + _clean(each)
        else:
            last.tail = (last.tail or "") + _clean(each)
    return out


def _clean(value: object) -> str:
    """Replace control characters by spaces. Keep the spaces at both ends."""
    return "".join(c if c.isprintable() else " " for c in str(value))


def paragraphs(texts: Iterable[str]) -> list[Element]:
    return [element("p", text) for text in texts]


def facts(rows: Sequence[tuple[str, object]]) -> Element:
    """Build a list of names and values."""
    out = element("dl")
    for name, value in rows:
        out.append(element("div", element("dt", name), element("dd", printable(value))))
    return out


def image(content: bytes, title: str, words: str) -> Element:
    """Build a figure with its title, and with its words as alternative text."""
    data = f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"
    return element(
        "figure",
        element("img", src=data, alt=words, width="540", height="350"),
        element("figcaption", element("strong", title), f". {words}"),
    )


def table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[Content]]) -> Element:
    """Build a table. The first cell of a row is its name, the others are numbers."""
    head = element("tr", *(element("th", header, scope="col") for header in headers))
    body = element("tbody")
    for first, *cells in rows:
        name = element("th", first, scope="row")
        body.append(element("tr", name, *(element("td", cell) for cell in cells)))
    return element(
        "div",
        element("table", element("caption", caption), element("thead", head), body),
        class_="scroll", role="region", tabindex="0", **{"aria-label": caption},
    )  # fmt: skip


def written(root: Element) -> str:
    """Return the page as text. It is valid as HTML and as XML."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode") + "\n"
