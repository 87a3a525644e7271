"""Scores of ridges on the test rows of folds, as scikit-learn's grid search has them, each error
with a bound.

    R² = 1 − mse/Σ_test w (y − ȳ_test)²/Σ w

Scores are means over targets, and then over folds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastreg.objectives import Objective
from fastreg.penalties import L1
from fastreg.selection.choice import ChoiceCertificate, Errors, spread_over_folds, stacked
from fastreg.selection.cross_validation import Validation

Array = np.ndarray
SCORES = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error")


class FoldScores(NamedTuple):
    """Of K strengths: scores (K,), the larger the better, their standard errors over folds (K,),
    and what their errors (K, F), or (K, F, k) of k targets, are worth."""

    scores: Array
    spread: Array
    certificate: ChoiceCertificate


def ridge_scores(
    targets: list[Validation], alphas: Array, scoring: str, *, flat: bool
) -> FoldScores:
    """Of ridges ‖y − Xw − b‖² + alpha·‖w‖², alphas (K,) in any order; `flat`, whether y was
    (m,)."""
    order = np.argsort(alphas)[::-1]
    each = [_errors(validation, alphas[order]) for validation in targets]
    scores = [_scores(*pair, scoring) for pair in zip(targets, each, strict=True)]
    back = np.argsort(order)
    certificates = [errors.certificate(0.0)[back] for errors in each]
    certificate = certificates[0] if flat else stacked(certificates, axis=-1)
    spread = spread_over_folds(np.mean(scores, axis=0))
    return FoldScores(np.mean(scores, axis=(0, 2))[back], spread[back], certificate)


def _errors(validation: Validation, alphas: Array) -> Errors:
    """At strengths that count beside the sum of squares, not their mean."""
    weights = [validation.training_weight(f) for f in range(validation.n_splits)]

    def make(own: Array | None, strengths: Array | None) -> Objective:
        return Objective(np.ones((1, 1)), L1(0.0), own, validation.centred, strengths)

    return validation.errors(make, alphas[:, None] / np.array(weights), 0.0, 1000)


def _scores(validation: Validation, errors: Errors, scoring: str) -> Array:
    """(K, F)"""
    if scoring == "neg_mean_squared_error":
        return -errors.mse
    if scoring == "neg_root_mean_squared_error":
        out: Array = -np.sqrt(errors.mse)
        return out
    spread, count = map(
        np.array, zip(*map(validation.spread, range(validation.n_splits)), strict=True)
    )
    if count.min() < 2:
        raise ValueError("R² needs two rows in every fold: use fewer folds")
    with np.errstate(divide="ignore", invalid="ignore"):  # y flat: as r2_score has it
        return np.where(spread > 0.0, 1.0 - errors.mse / spread, errors.mse == 0.0)
