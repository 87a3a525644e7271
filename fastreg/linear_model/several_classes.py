"""More than two classes: the symmetric multinomial model, of a coefficient a class and feature."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import log_softmax, softmax

from fastreg._warnings import warn_of_convergence
from fastreg.design import Design, as_weights, codes_of
from fastreg.linear_model.base import per_weight, warn_of_fit
from fastreg.linear_model.generalized import MakeObjective
from fastreg.linear_model.odds import Labels, class_weights, known_codes
from fastreg.linear_model.routing import splits_of
from fastreg.linear_model.state import note_features
from fastreg.losses import Multinomial
from fastreg.objectives import Objective, offset_of
from fastreg.selection import separation
from fastreg.selection.class_fits import check_training_sets
from fastreg.selection.folds import Split
from fastreg.solvers import solve

if TYPE_CHECKING:
    from fastreg.inference import LikelihoodInference

Array = np.ndarray
_MET = 1e-6


@dataclass(frozen=True, eq=False)
class Shares:
    """share : (m, K), 1 for the class of a row; weights : (m,) or None for ones; codes : (m,) the
    classes of rows; classes : (K,)"""

    share: Array
    weights: Array | None
    codes: Array
    classes: Array

    @classmethod
    def of(cls, labels: Labels, class_weight: Any) -> Shares:
        """ValueError if `class_weight` is wrong, or leaves no weight to a class."""
        classes = labels.classes
        codes = codes_of(labels.values, classes)
        weights = _weighted(class_weight, labels, codes)
        return cls(np.eye(len(classes))[codes], weights, codes, classes)

    def maker(self, make: MakeObjective) -> MakeObjective:
        """The same objectives, of this many classes."""
        loss = Multinomial(len(self.classes))
        return lambda weights, strengths: dataclasses.replace(make(weights, strengths), loss=loss)

    def splits(self, model: Any, X: Any, asked: dict[str, Any]) -> Sequence[Split]:
        """The splits of the model's `cv`, with all classes in each training set."""
        found = splits_of(model.cv, X, self.codes, asked, classifier=True)
        check_training_sets(found, self.share, self.weights, self.classes)
        return found


def fit(model: Any, X: Any, design: Design, labels: Labels, offset: Any) -> None:
    """Fit all classes at once, set the attributes, and warn if the fit did not converge."""
    strength, ratio = model._penalty()
    (m, n), target = design.shape, Shares.of(labels, model.class_weight)
    make = target.maker(model._maker(n, ratio, offset_of(offset, m, len(target.classes))))
    objective = make(target.weights, per_weight(strength, target.weights, m))
    finish(model, X, design, target, objective)


def finish(model: Any, X: Any, design: Design, target: Shares, objective: Objective) -> None:
    """Minimise, set the attributes, and warn if the fit did not converge."""
    (m, n), classes, weights = design.shape, target.classes, target.weights
    found = solve(
        design, target.share, objective, tol=model.tol, max_iter=model.max_iter,
        start=_start(model, n, classes),
    )  # fmt: skip
    model.classes_ = classes
    note_features(model, X)
    model._keep(found)
    counts = np.ones(m, bool) if weights is None else weights > 0.0
    free = separation.is_free(objective, n)
    certain = _certain(model, X, target.codes, counts, objective.offset) if free else []
    if certain:
        told = separation.words_of_class(classes.tolist()[certain[0]])
        warn_of_convergence(f"{type(model).__name__}: {told}.")
    else:
        warn_of_fit(model, found)


def _certain(model: Any, X: Any, codes: Array, counts: Array, offset: Any) -> list[int]:
    """Classes whose rows all have a probability of 1 but for `_MET`."""
    p = softmax(model.decision_function(X, offset), axis=1)[np.arange(len(codes)), codes]
    met = (1.0 - p < _MET) | ~counts
    return [k for k in range(len(model.classes_)) if met[codes == k].all()]


def summary(
    model: Any, design: Design, y: Any, sample_weight: Any, offset: Any, **how: Any
) -> LikelihoodInference:
    """Contrasts of each class with the first: see `inference.classes`."""
    from fastreg.inference import class_inference

    (m, n), labels = design.shape, Labels.of(y, sample_weight, design.shape[0])
    if not np.array_equal(labels.classes, model.classes_):
        raise ValueError(
            f"y must be of the classes {model.classes_.tolist()} of the fit, got "
            f"{labels.classes.tolist()}"
        )
    model._check_counts(how["method"])
    target = Shares.of(labels, model.class_weight)
    ratio, strength = model._fitted_strength(target.weights, m)
    make = target.maker(model._maker(n, ratio, offset_of(offset, m, len(target.classes))))
    return class_inference(
        design, target.share, make(target.weights, np.array([strength])), model._coefficients(),
        model.intercept_, classes=target.classes, names=getattr(model, "feature_names_in_", None),
        chosen=model._chosen, **how,
    )  # fmt: skip


def mean_log_loss(model: Any, X: Any, y: Any, sample_weight: Any, offset: Any) -> float:
    """Minus the mean log-likelihood of rows, by a fit."""
    logs = log_softmax(model.decision_function(X, offset), axis=1)
    codes = known_codes(model, y, len(logs))
    lost = -logs[np.arange(len(codes)), codes]
    return float(np.average(lost, weights=as_weights(sample_weight, len(codes))))


def _weighted(asked: Any, labels: Labels, codes: Array) -> Array | None:
    """Weights of rows, times those of their classes."""
    weights, classes = labels.weights, labels.classes
    if asked is None:
        return weights
    w = np.ones(len(codes)) if weights is None else weights
    own = class_weights(asked, classes, np.bincount(codes, w, len(classes)))
    found = w * own[codes]
    total = np.bincount(codes, found, len(classes))
    if not total.all():
        raise ValueError(
            f"class_weight={asked!r} leaves no weight to class "
            f"{classes.tolist()[int(np.argmin(total))]!r}: raise it, or leave its rows out"
        )
    return found


def _start(model: Any, n: int, classes: Array) -> Array | None:
    """(n, K, 1) `coef_` of the fit before, of the same classes."""
    if not (getattr(model, "warm_start", False) and hasattr(model, "coef_")):
        return None
    coef = model._coefficients()
    known = coef.shape == (len(classes), n) and bool(np.isfinite(coef).all())
    if not known or model.bounds is not None or model.positive:
        return None
    return np.ascontiguousarray(coef.T)[:, :, None]
