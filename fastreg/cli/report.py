"""Build the HTML page of a fit, as one file without external content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastreg.cli.console import printable
from fastreg.cli.markup import Element, element, facts, image, paragraphs, table, written
from fastreg.cli.report_data import data_part
from fastreg.cli.report_plots import Picture, svg
from fastreg.cli.report_style import STYLE
from fastreg.cli.report_words import certificate_words, choice_words, residual_words
from fastreg.cli.summary import describe, names_of, ranked, time_words

_SHOWN, _MOST = 25, 500  # numbers of coefficients: shown at once, and in all


def page(found: Any, drawn: Sequence[Picture]) -> str:
    """Return the page of a fit, with its pictures."""
    title = f"{found.target}, predicted from {found.name}"
    parts = [
        ("data", "Data", data_part(found)),
        ("choice", "Choice", _choice(found)),
        ("coefficients", "Coefficients", _coefficients(found)),
        ("residuals", "Residuals", _residuals(found, drawn)),
        ("certificate", "Certificate", _certificate(found)),
    ]
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in parts]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", printable(title)),
        element("style", STYLE),
    )
    body = element(
        "body",
        element(
            "header",
            element("p", "fastreg", class_="brand"),
            element("h1", printable(title)),
            element("p", printable(describe(found.model)), class_="lead"),
            _figures(found),
            element("nav", element("ul", *links), **{"aria-label": "Parts of the page"}),
        ),
        element("main", *(_part(drawn, *part) for part in parts)),
        _footer(found),
    )
    return written(element("html", head, body, lang="en"))


def _part(drawn: Sequence[Picture], name: str, heading: str, content: list[Any]) -> Element:
    own = [image(svg(each), each.title, each.words) for each in drawn if each.part == name]
    figures = element("div", *own, class_="figures") if own else None
    return element(
        "section", element("h2", heading, id=f"{name}-heading"), *content, figures,
        id=name, **{"aria-labelledby": f"{name}-heading"},
    )  # fmt: skip


def _figures(found: Any) -> Element:
    """Build the row of key figures."""
    coef, share = np.ravel(found.model.coef_), found.data.explained(found.model)
    reached = bool(found.model.certificate_.converged)
    rows = [
        ("rows", f"{found.data.n_rows:,}".replace(",", " ")),
        ("coefficients not 0", f"{np.count_nonzero(coef)} of {len(coef)}"),
        (found.data.measure, f"{share:.3f}" if np.isfinite(share) else "not defined"),
        ("tolerance", "reached" if reached else "not reached"),
    ]
    out = facts(rows)
    out.set("class", "figures-row" if reached else "figures-row missed")
    return out


def _footer(found: Any) -> Element:
    from fastreg import __version__

    text = f"Written by fastreg {__version__}. It took {time_words(*found.times)}."
    return element("footer", element("p", text))


# ---------------------------------------------------------------- parts


def _choice(found: Any) -> list[Any]:
    rows, words = choice_words(found)
    return [*paragraphs(words), facts(rows)]


def _coefficients(found: Any) -> list[Any]:
    coef = np.ravel(found.model.coef_)
    order, effect = ranked(coef, found.data)
    names = names_of(coef, found.data)
    most = float(effect[order].max(initial=0.0)) or 1.0
    rows = []
    for j in order[:_MOST]:
        bar = _bar(effect[j], effect[j] / most, coef[j] > 0)
        rows.append((printable(names[j]), f"{coef[j]:+.5g}".replace("-", "−"), bar))
    zero = len(coef) - len(order)
    none = f"{zero} of {len(coef)} coefficients {'is' if zero == 1 else 'are'} 0."
    words = [
        f"A coefficient is what {found.family.gains} when the feature grows by {_step(found)}. "
        "Times the standard deviation of the feature, it says how much the feature moves the "
        "prediction; the table is sorted by that.",
        f"The intercept is {float(np.ravel(found.model.intercept_)[0]):.6g}. "
        + (none if zero else "No coefficient is 0."),
    ]
    headers = ("feature", "coefficient", "× standard deviation")
    out: list[Any] = paragraphs(words)
    if rows:
        out.append(table("The largest coefficients", headers, rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        rest = table("The other coefficients", headers, rows[_SHOWN:])
        out.append(element("details", element("summary", f"{len(rows) - _SHOWN} more"), rest))
    if len(order) > _MOST:
        out.append(element("p", f"The other {len(order) - _MOST} are in the model file alone."))
    return out


def _step(found: Any) -> str:
    """Name the unit of the features."""
    columns = getattr(getattr(found.model, "encoding_", None), "columns", ())
    scaled = any(getattr(each, "unit", 1.0) != 1.0 for each in columns)
    return "one; that of a number or a day, by one standard deviation" if scaled else "one"


def _bar(value: float, share: float, positive: bool) -> Element:
    width = f"width: {100 * share:.1f}%"
    bar = element("span", " ", class_=f"bar {'up' if positive else 'down'}", style=width)
    return element("span", f"{value:.4g}", element("span", bar, class_="track"))


def _residuals(found: Any, drawn: Sequence[Picture]) -> list[Any]:
    return paragraphs(residual_words(found))


def _certificate(found: Any) -> list[Any]:
    certificate = found.model.certificate_
    verdict = "good" if certificate.converged else "bad"
    first, *words = certificate_words(found)
    rows = [
        ("objective", f"{float(certificate.objective[0]):.8g}"),
        ("objective without features", f"{float(certificate.null[0]):.8g}"),
        ("method", certificate.method),
        ("reads of the data", certificate.passes),
    ]
    worth = None if found.choice is None else found.choice.worth
    rows += [] if worth is None else [("errors that chose alpha", worth)]
    return [element("p", first, class_=f"verdict {verdict}"), *paragraphs(words), facts(rows)]
