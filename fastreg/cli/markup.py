"""Elements of a page. Texts are escaped by who writes them out: names in files may be hostile."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree import ElementTree

from fastreg.cli.console import printable

Element = ElementTree.Element
Content = Any  # a text, an element, or None


def element(tag: str, *content: Content, **attributes: str) -> Element:
    """`attributes` with a trailing "_" are those whose name Python keeps for itself."""
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
    """Without control characters, with the spaces at either end."""
    return "".join(c if c.isprintable() else " " for c in str(value))


def paragraphs(texts: Iterable[str]) -> list[Element]:
    return [element("p", text) for text in texts]


def facts(rows: Sequence[tuple[str, object]]) -> Element:
    """Names and values."""
    out = element("dl")
    for name, value in rows:
        out.append(element("div", element("dt", name), element("dd", printable(value))))
    return out


def image(content: bytes, title: str, words: str) -> Element:
    """A picture with its title and, for who does not see it, its words."""
    data = f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}"
    return element(
        "figure",
        element("img", src=data, alt=words, width="540", height="350"),
        element("figcaption", element("strong", title), f". {words}"),
    )


def table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[Content]]) -> Element:
    """The first cell of a row names it; the others are numbers."""
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
    """The page as text: HTML that is XML as well, so that whatever reads one reads it."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode") + "\n"
