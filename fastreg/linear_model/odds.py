"""Targets of a logistic regression: labels, proportions or counts, as shares of successes.

A row of weight w and share p stands for w·p successes and w·(1 − p) failures: the loss is a sum
over these, whichever way they are written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from fastreg.design import as_target, as_weights, classes_of, counted, of_one_type
from fastreg.linear_model.base import single_target

Array = np.ndarray
TARGETS = ("labels", "proportions", "counts")


@dataclass(frozen=True, eq=False)
class Odds:
    """share : (m,) of successes in each row; weights : (m,) or None for ones; classes : (2,), that
    of failures and that of successes"""

    share: Array
    weights: Array | None
    classes: Array

    def weighted(self, class_weight: Any) -> Odds:
        """With the weight of each class besides: a dict, "balanced" or None.

        Raises
        ------
        ValueError
            The dict has a key that is no class, or a weight that is no finite number ≥ 0.
        """
        if class_weight is None:
            return self
        w = np.ones(len(self.share)) if self.weights is None else self.weights
        heads, tails = w * self.share, w * (1.0 - self.share)
        totals = np.array([tails.sum(), heads.sum()])
        of_tails, of_heads = class_weights(class_weight, self.classes, totals)
        total = of_heads * heads + of_tails * tails
        if not total.any():
            raise ValueError(
                f"class_weight={class_weight!r} gives every row weight 0: raise one of them"
            )
        share = np.divide(of_heads * heads, total, out=self.share.copy(), where=total > 0.0)
        return Odds(counted(share, total), total, self.classes)

    def check_both(self, model: Any) -> None:
        """ValueError if rows with weight are of one class."""
        seen = self.share if self.weights is None else self.share[self.weights > 0.0]
        for end, name in zip((0.0, 1.0), self.classes.tolist(), strict=True):
            if (seen == end).all():
                raise ValueError(
                    f"{type(model).__name__} needs rows of two classes, and all that have a weight "
                    f"are of one class: {name!r}"
                )


@dataclass(frozen=True, eq=False)
class Labels:
    """values : (m,) of any kind; weights : (m,) or None for ones; classes : (K,) of the rows that
    have a weight, sorted"""

    values: Array
    weights: Array | None
    classes: Array

    @classmethod
    def of(cls, y: Any, sample_weight: Any, m: int, *, shares: bool = True) -> Labels:
        weights, values = as_weights(sample_weight, m), label_array(y, m, shares=shares)
        return cls(values, weights, classes_of(values, weights))

    def odds(self, model: Any) -> Odds:
        """ValueError if the classes are not two."""
        check_two(model, self.classes)
        share = (self.values == self.classes[1]) * 1.0
        return Odds(counted(share, self.weights), self.weights, self.classes)


def class_weights(asked: Any, classes: Array, totals: Array) -> Array:
    """(K,) of a dict or "balanced", where rows of the classes weigh so much.

    Raises
    ------
    ValueError
        The dict has a key that is no class, or a weight that is no finite number ≥ 0.
    """
    if isinstance(asked, str):  # "balanced"
        out: Array = totals.sum() / (len(classes) * totals)
        return out
    known = classes.tolist()
    unknown = [key for key in asked if key not in known]
    if unknown:
        raise ValueError(f"class_weight must have keys of the classes {known}, got {unknown}")
    if not all(isinstance(value, int | float | np.number) for value in asked.values()):
        raise ValueError(f"class_weight must hold finite weights ≥ 0, got {asked!r}")
    found: Array = compute_class_weight(asked, classes=classes, y=classes)
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError(f"class_weight must hold finite weights ≥ 0, got {asked!r}")
    return found


def as_odds(model: Any, y: Any, sample_weight: Any, m: int) -> Odds:
    """The target of `fit`, as `model.target` says what it is.

    Raises
    ------
    ValueError
        It is something else; the message says what, and which `target` would take it.
    """
    if model.target == "labels":
        return Labels.of(y, sample_weight, m).odds(model)
    share, weights = shares(model.target, y, sample_weight, m)
    found = Odds(share, weights, np.array([0, 1]))
    found.check_both(model)
    return found


def label_array(y: Any, m: int, *, shares: bool = True) -> Array:
    """(m,) labels of any kind; with `shares` an error names the targets that are none."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] == 2:
        counts = "for counts of successes and failures set target='counts', else "
        raise ValueError(
            f"y has two columns: {counts if shares else ''}give one label for each row. Multilabel "
            "is not supported"
        )
    labels = column_or_1d(given, warn=True)
    if len(labels) != m:
        raise ValueError(f"X has {m} rows (samples) but y has {len(labels)}")
    labels = of_one_type(labels)
    try:
        check_classification_targets(labels)
    except ValueError as error:
        advice = "For proportions set target='proportions'." if shares else "Give labels."
        raise ValueError(f"{error} {advice}") from None
    return labels


def check_two(model: Any, classes: Array) -> None:
    name = type(model).__name__
    if len(classes) < 2:
        raise ValueError(
            f"{name} needs rows of two classes, and y has one class: {classes.tolist()[0]!r}"
        )
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(classes)}: y has {len(classes)} classes, and {name} is not "
            "multinomial yet: LogisticRegression and LogisticRegressionCV are, and "
            "sklearn.multiclass.OneVsRestClassifier takes it for each class"
        )


def known_codes(model: Any, y: Any, m: int) -> Array:
    """(m,): the place of each label among the model's classes."""
    labels = label_array(y, m)
    unknown = sorted(set(labels.tolist()) - set(model.classes_.tolist()), key=str)
    if unknown:
        raise ValueError(f"y must be of the classes {model.classes_.tolist()}, got {unknown}")
    return np.searchsorted(model.classes_, labels)


def known_share(model: Any, y: Any, m: int) -> Array:
    """(m,): 1 where a label is the second of the model's classes, 0 where it is the first."""
    return known_codes(model, y, m) * 1.0


def shares(kind: str, y: Any, sample_weight: Any, m: int) -> tuple[Array, Array | None]:
    """(share of successes, weights (m,)) of "proportions" or "counts"."""
    weights = as_weights(sample_weight, m)
    if kind == "proportions":
        share = counted(single_target(y, m), weights)
        if share.min() < 0.0 or share.max() > 1.0:
            raise ValueError(
                f"y must lie in [0, 1] with target='proportions', got {share.min():g} to "
                f"{share.max():g}"
            )
        return share, weights
    counts = as_target(y, m)
    if counts.shape != (m, 2) or (counts < 0.0).any():
        raise ValueError(
            f"y must be ({m}, 2) numbers ≥ 0 with target='counts', successes and failures, got "
            f"shape {counts.shape}" + (" with some below 0" if counts.shape == (m, 2) else "")
        )
    trials = counts.sum(axis=1)
    total = trials if weights is None else trials * weights
    if not total.any():
        raise ValueError("y has no counts: all rows that have a weight are zero")
    share = np.divide(counts[:, 0], trials, out=np.zeros(m), where=trials > 0.0)
    return counted(share, total), total
