"""Errors of held-out rows other than the deviance: for y in [0, 1], a share of successes, or for
shares of several classes the first of these two.

    misclassification = Σ w [y 1(z ≤ 0) + (1 − y) 1(z > 0)]/Σ w
    1 − area under the ROC curve = P(z₋ > z₊) + ½ P(z₋ = z₊)

of a success z₊ drawn by weights wy and a failure z₋ drawn by w(1 − y). Both count an even odd as a
failure, as `LogisticRegression.predict` does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg import losses
from fastreg.design import Design
from fastreg.objectives import Objective
from fastreg.selection.choice import Errors
from fastreg.selection.folds import Split

Array = np.ndarray
UNITS = {
    "deviance": "mean deviance",
    "misclassification": "misclassification rate",
    "auc": "1 − area under the ROC curve",
}


def unit(score: str, squares: bool) -> str:
    """What the errors are."""
    return "mean squared error" if squares and score == "deviance" else UNITS[score]


def check(score: str, loss: Any) -> None:
    """ValueError if the score is for classes and the loss knows none."""
    if score != "deviance" and losses.domain(loss) != (0.0, 1.0):
        raise ValueError(
            f"score={score!r} is for y in [0, 1], as of family='binomial': this path is of "
            f"{type(loss).__name__}"
        )


def misclassification(z: Array, y: Array, w: Array) -> Array:
    """(K,) of predictions z (m, K); or of z (m, q, K) and shares y (m, q) of q classes."""
    if y.ndim == 2:
        met = np.take_along_axis(y, z.argmax(axis=1), axis=1)
        return np.asarray(w @ (1.0 - met) / w.sum())
    ahead = z > 0.0
    return (w @ np.where(ahead, 1.0 - y[:, None], y[:, None])) / w.sum()


def one_less_auc(z: Array, y: Array, w: Array) -> Array:
    """(K,) of predictions z (m, K); NaN where all are of one class."""
    out = np.empty(z.shape[1])
    for k, own in enumerate(z.T):
        _, place = np.unique(own, return_inverse=True)
        heads, tails = (np.bincount(place, weights=w * share) for share in (y, 1.0 - y))
        below = np.cumsum(heads) - 0.5 * heads
        with np.errstate(invalid="ignore"):
            out[k] = tails @ below / (heads.sum() * tails.sum())
    return out


_BY_NAME: dict[str, Callable[[Array, Array, Array], Array]] = {
    "misclassification": misclassification,
    "auc": one_less_auc,
}


class Judge:
    """Called with the fits of each fold, from any thread: keeps the errors of its test rows."""

    def __init__(
        self, score: str, X: Design, y: Array, objective: Objective,
        split: Callable[[int], Split],
    ) -> None:  # fmt: skip
        self._score, self._X, self._y, self._split = score, X, y, split
        m = len(y)
        self._w = np.ones(m) if objective.weights is None else objective.weights
        self._offset = np.zeros(y.shape) if objective.offset is None else objective.offset
        self._found: dict[int, Array] = {}

    def __call__(self, fold: int, coef: Array, intercept: Array) -> None:
        """coef (n, K), intercept (K,); or (n, q, K) and (q, K) of q classes."""
        test = self._split(fold)[1]
        test = test[self._w[test] > 0.0]
        y, w = self._y[test], self._w[test]
        if self._score == "auc" and not (y.any() and (y < 1.0).any()):
            raise ValueError(
                f"split {fold} of cv tests on rows of one class, which have no ROC curve: take "
                "fewer splits, or a splitter that puts some of both into each test set"
            )
        z = self._X.matrix[test] @ coef.reshape(len(coef), -1)
        z = z.reshape(len(test), *coef.shape[1:]) + intercept + self._offset[test][..., None]
        self._found[fold] = _BY_NAME[self._score](z, y, w)

    def instead(self, errors: Errors, folds: int) -> Errors:
        """The scores in place of the deviances, whose fits they are of."""
        own = np.stack([self._found[f] for f in range(folds)], axis=1)
        return dataclasses.replace(errors, mse=own)
