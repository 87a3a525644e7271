"""Write the texts of the page on the choice, the residuals and the certificate."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.certificate import KKT
from fastreg.losses import traits

Rows = list[tuple[str, object]]


def choice_words(found: Any) -> tuple[Rows, list[str]]:
    """Return facts and paragraphs on the choice of the strength."""
    choice = found.choice
    if choice is None:
        strength = getattr(found.model, "alpha", None)
        alpha = 1.0 / found.model.C if strength is None else float(strength)
        words = ["The strength was given. --cv 5 would choose it by the errors of 5 folds."]
        return [("alpha", f"{alpha:.6g}")], words
    best = "largest" if choice.larger else "least"
    words = [
        f"Cross-validation tried {len(choice.alphas)} strengths of the penalty on {choice.folds} "
        f"folds: each fold was predicted by a fit to the others. The chosen alpha has the {best} "
        f"{choice.unit}."
    ]
    if choice.at_end:
        words.append(
            "It is the last one that was tried: a strength beyond may be better. Look at the "
            "picture before you trust it."
        )
    rows: Rows = [
        ("alpha, chosen", f"{choice.chosen:.6g}"),
        (choice.unit, f"{choice.best:.6g}"),
        ("alphas tried", f"{choice.alphas.min():.3g} to {choice.alphas.max():.3g}"),
    ]
    return rows, words


def residual_words(found: Any) -> list[str]:
    """Return paragraphs that explain the pictures of residuals."""
    if found.family.has_classes:
        return [
            "Where the model is calibrated, the points lie on the line: of the rows with a "
            "predicted probability of 0.3, three in ten are of that class. The further apart the "
            "two classes are in the second picture, the better the model tells them apart.",
            _ON_TRAINING,
        ]
    if not found.family.of_squares:
        return [
            "Where the model is calibrated, the points lie on the line: the target of rows with a "
            "predicted mean of 3 is 3 on average.",
            _ON_TRAINING,
        ]
    return [
        "Residuals of a good model scatter about zero, with the same spread everywhere. A bend of "
        "the line says that something is not linear; a funnel says that some rows are less certain "
        "than others.",
        _ON_TRAINING,
    ]


_ON_TRAINING = (
    "These are the rows of the fit itself. New rows are predicted a little worse; errors of "
    "cross-validation say how much."
)


def certificate_words(found: Any) -> list[str]:
    """Return paragraphs on the certificate. The first is the verdict."""
    certificate = found.model.certificate_
    asked = min(certificate.tol, KKT) if certificate.by_kkt else certificate.tol
    worth = certificate.kkt if certificate.by_kkt else certificate.relative_gap
    got = float(np.max(worth))
    verdict = "reached" if certificate.converged else "not reached"
    words = [f"The tolerance was {verdict}: {_small(got)}, where {asked:.0e} was asked."]
    words += (
        _of_stationarity(found) if certificate.by_kkt else _of_gap(float(certificate.gap[0]), got)
    )
    if not certificate.converged:
        words.append(
            "More iterations may reach it: raise --max-iter. Columns with units of their own size, "
            "or a larger --alpha, help as well. A larger --tol asks for less."
        )
    words.append(
        "It says that the fit is what was asked for. It does not say that the model is good: that "
        "is what the parts on choice and residuals are for."
    )
    return words


def _small(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def _of_gap(gap: float, share: float) -> list[str]:
    if not np.isfinite(gap):
        return ["No bound on the objective is known."]
    return [
        f"The objective of these coefficients is at most {gap:.2g} above the smallest there is. "
        f"That is {_small(share)} of what a model without features leaves. No other coefficients "
        "can be better by more than that, whatever solver finds them.",
        "The bound is a duality gap. It was computed anew from the data, after the solver ended, "
        "by formulas that share nothing with it.",
    ]


def _of_stationarity(found: Any) -> list[str]:
    if found.family.of_squares or traits(found.model._loss).convex:
        why, end = "Some feature has no penalty, or next to none, and then", ""
    else:
        why = "The objective of this family is not convex, and so"
        end = " Other coefficients, far from these, may be better."
    return [
        f"{why} no bound on the objective can be known. In its place stands the KKT residual: the "
        "largest violation of the conditions that hold at the minimum, relative to that of a model "
        f"without features.{end}",
    ]
