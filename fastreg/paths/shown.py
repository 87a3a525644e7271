"""Show a path as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastreg._html import Html, box, facts, folded
from fastreg.certificate import KKT
from fastreg.losses import Multinomial
from fastreg.objectives import FAMILIES

if TYPE_CHECKING:
    from fastreg.paths.results import Path
    from fastreg.paths.selected import Selected

Pairs = list[tuple[str, str]]


def text_of(path: Path) -> str:
    """Return a few lines of text."""
    pairs = _facts_of(path)
    width = max(len(name) for name, _ in pairs)
    return "\n".join([_title(path), *(f"  {name.ljust(width)}  {what}" for name, what in pairs)])


def html_of(path: Path) -> Html:
    points = folded(_count(len(path.alphas), "point"), path.table().html())
    return box(_title(path), facts(_facts_of(path)), points)


def html_of_selected(point: Selected) -> Html:
    """Return the HTML of a point, with the reason for its choice."""
    pairs = [
        ("alpha", f"{point.alpha:.4g}, point {point.index} of {len(point.alphas)}"),
        ("non-zero", f"{np.count_nonzero(point.coef)} of {_size(point.coef)}"),
        (point.unit if point.standard_error is not None else point.criterion, _value_of(point)),
    ]
    if point.certificate is not None:
        pairs.append(("certificate", str(point.certificate)))
    return box(f"Point selected by {point.criterion}", facts(pairs))


def _size(coef: Any) -> str:
    """The number of features, or of coefficients of several classes."""
    return _count(len(coef), "feature") if coef.ndim == 1 else f"{coef.size} coefficients"


def _value_of(point: Selected) -> str:
    value = f"{point.values[point.index]:.5g}"
    if point.standard_error is None:
        return value
    return f"{value} ± {point.standard_error[point.index]:.2g} (standard error over folds)"


def _title(path: Path) -> str:
    family = _family_of(path.data.objective.loss)
    relaxed = "" if path.gamma is None else f", gamma={path.gamma:g}"
    return f"{type(path).__name__}: {family}, l1_ratio={path.l1_ratio:g}{relaxed}"


def _family_of(loss: Any) -> str:
    """The name of a family, or of a loss with its numbers: of one class these may differ."""
    if isinstance(loss, Multinomial):
        return f"multinomial, {loss.classes} classes"
    known = [name for name, each in FAMILIES.items() if type(each) is type(loss)]
    if not known and not loss:
        return type(loss).__name__
    named = [name for name in known if FAMILIES[name] == loss]
    return named[0] if named else repr(loss)


def _facts_of(path: Path) -> Pairs:
    count, share = path._count(), path.explained
    certificate = path.certificate
    verdict = "reached" if certificate.converged else "NOT reached"
    measure, worst, tol = "worst gap", path.gaps.max(), certificate.tol
    if certificate.by_kkt:
        measure, worst, tol = "worst KKT residual", certificate.kkt.max(), min(tol, KKT)
    kind, width = "features", str(len(path.coefs))
    if path.coefs.ndim == 3:
        kind, width = "coefficients", f"{width} features of {path.coefs.shape[1]} classes"
    asked = f"asked {tol:.0e}, {verdict}" if tol > 0.0 else "asked working precision"
    return [
        ("points", f"{len(path.alphas)}, alpha {_ends(path.alphas[0], path.alphas[-1], '.3g')}"),
        (kind, f"{width}, non-zero {_ends(count.min(), count.max(), 'd')}"),
        ("explained", f"{_ends(share.min(), share.max(), 'z.1%')} of the null deviance"),
        (measure, f"{worst:.1e} ({asked})"),
    ]


def _ends(first: float, last: float, form: str) -> str:
    a, b = (format(end, form) if np.isfinite(end) else "–" for end in (first, last))
    return a if a == b else f"{a} to {b}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
