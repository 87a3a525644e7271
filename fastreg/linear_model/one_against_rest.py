"""Classes as fits of two sides: one fit of two classes, else each class against the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastreg.design import codes_of, counted
from fastreg.linear_model.odds import Labels, Odds, class_weights


def fits_of(classes: np.ndarray) -> int:
    """The number of fits."""
    return 1 if len(classes) <= 2 else len(classes)


def sides_of(model: Any, labels: Labels) -> Iterator[Odds]:
    """Yield the target of each fit, in the order of the classes.

    The weight of a class multiplies its own rows in its own fit, as in liblinear: the rest weighs
    what it weighs.

    Raises
    ------
    ValueError
        There is one class, or `class_weight` is wrong, or leaves no weight to a class.
    """
    classes, asked = labels.classes, model.class_weight
    if fits_of(classes) == 1:
        odds = labels.odds(model).weighted(asked)
        odds.check_both(model)
        yield odds
        return
    codes = codes_of(labels.values, classes)
    w = np.ones(len(codes)) if labels.weights is None else labels.weights
    totals = np.bincount(codes, w, len(classes))
    own = None if asked is None else class_weights(asked, classes, totals)
    for k, label in enumerate(classes.tolist()):
        share, weights = (codes == k) * 1.0, labels.weights
        if own is not None:
            if own[k] == 0.0:
                raise ValueError(
                    f"class_weight={asked!r} leaves no weight to class {label!r}: raise it, or "
                    "leave its rows out"
                )
            weights = np.where(codes == k, own[k] * w, w)
        yield Odds(counted(share, weights), weights, np.array([0, 1]))
