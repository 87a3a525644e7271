"""Cross-validate the strengths of losses other than squared error.

The error of a fold is the mean deviance of its rows, by a fit to the other rows: see
`fastreg.selection.loss_fits`. X and the offset stay whole. Held-out rows get weight 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastreg import losses
from fastreg.linear_model.generalized import MakeObjective
from fastreg.linear_model.odds import Odds
from fastreg.linear_model.progress import told
from fastreg.linear_model.routing import splits_of
from fastreg.selection.choice import Errors
from fastreg.selection.cross_validation import Validation
from fastreg.selection.folds import Split

Array = np.ndarray
Seen = Callable[[int, int, Array, Array], None]  # of (l1_ratio, fold, coef (n, K), intercept (K,))


def check_training_sets(
    model: Any,
    y: Array,
    weights: Array | None,
    splits: Sequence[Split],
    what: Callable[[float], str],
) -> None:
    """Raise ValueError if all rows of a training set are at one end of the loss's domain.

    what : function from that end to its description in the message
    """
    for f, (train, _) in enumerate(splits):
        seen = y[train] if weights is None else y[train][weights[train] > 0.0]
        for end in losses.domain(model._loss):
            if len(seen) and (seen == end).all():
                raise ValueError(
                    f"split {f} of cv trains on {what(float(end))}: take fewer splits, or a "
                    "splitter that puts some of both into each training set"
                )


def class_splits(model: Any, X: Any, odds: Odds, asked: dict[str, Any]) -> Sequence[Split]:
    """Return the splits of the model's `cv`, with both classes in each training set."""
    names = odds.classes.tolist()
    splits = splits_of(model.cv, X, odds.share, asked, classifier=True)
    check_training_sets(
        model, odds.share, odds.weights, splits,
        lambda end: f"rows of one class alone, {names[int(end)]!r}",
    )  # fmt: skip
    return splits


def fold_errors(
    model: Any,
    validation: Validation,
    makers: list[MakeObjective],
    strengths: list[Array],
    seen: Seen | None = None,
) -> list[Errors]:
    """Compute the errors of each l1_ratio, at its own descending strengths (K,) or (K, F).

    With the model's `verbose` it draws a progress bar.
    """

    def of(which: int) -> Callable[[int, Array, Array], None] | None:
        if seen is None:
            return None
        return lambda f, coef, intercept: seen(which, f, coef, intercept)

    count = len(makers) * validation.n_splits
    with told(model, "fold", count, bar=model.verbose) as tell:
        return [
            validation.errors(make, own, model.tol, model.max_iter, tell=tell, seen=of(which))
            for which, (make, own) in enumerate(zip(makers, strengths, strict=True))
        ]
