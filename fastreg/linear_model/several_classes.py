"""More than two classes: the symmetric multinomial model, of a coefficient a class and feature."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.utils.class_weight import compute_class_weight

from fastreg._warnings import warn_of_convergence
from fastreg.design import Design, as_design, as_weights
from fastreg.linear_model.base import Linear, per_weight, warn_of_fit
from fastreg.linear_model.odds import label_array
from fastreg.linear_model.opening import predict_source
from fastreg.linear_model.state import check_features, note_features
from fastreg.losses import Multinomial
from fastreg.selection import separation
from fastreg.solvers.coupled import solve

Array = np.ndarray
_MET = 1e-6


def fit(model: Any, X: Any, design: Design, y: Any, sample_weight: Any, offset: Any) -> None:
    """Fit all classes at once, set the attributes, and warn if the fit did not converge."""
    C, ratio = model._penalty()
    m, n = design.shape
    weights, labels = as_weights(sample_weight, m), label_array(y, m)
    counts = np.ones(m, bool) if weights is None else weights > 0.0
    classes = np.unique(labels[counts])
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    Y = np.eye(len(classes))[codes]
    weights = _weighted(model.class_weight, weights, codes, classes)
    objective = model._maker(n, ratio, _offset(offset, m, len(classes)))(
        weights, per_weight(np.array([1.0 / C]), weights, m)
    )
    objective = dataclasses.replace(objective, loss=Multinomial(len(classes)))
    found = solve(
        design, Y, objective, tol=model.tol, max_iter=model.max_iter,
        start=_start(model, n, classes),
    )  # fmt: skip
    model.classes_ = classes
    note_features(model, X)
    model.coef_ = np.ascontiguousarray(found.coef[:, :, 0].T)
    level = found.intercept[:, 0]
    model.intercept_ = level - level.mean() if model.fit_intercept else np.zeros(len(classes))
    model.n_iter_ = np.array([found.n_iter], np.int32)
    model.dual_gap_ = found.certificate.gap[0]
    model.certificate_ = found.certificate
    certain = _certain(model, X, codes, counts, offset) if separation.is_free(objective, n) else []
    if certain:
        warn_of_convergence(
            f"{type(model).__name__}: all rows of class {classes.tolist()[certain[0]]!r} are told "
            "apart with certainty: coefficients that nothing holds may grow for ever, and are then "
            "arbitrary; penalise them, or bound them."
        )
    else:
        warn_of_fit(model, found)


def _certain(model: Any, X: Any, codes: Array, counts: Array, offset: Any) -> list[int]:
    """Classes whose rows all have a probability of 1 but for `_MET`."""
    p = softmax(decision(model, X, offset), axis=1)[np.arange(len(codes)), codes]
    met = (1.0 - p < _MET) | ~counts
    return [k for k in range(len(model.classes_)) if met[codes == k].all()]


def decision(model: Any, X: Any, offset: Any) -> Array:
    """(m, K): o_k + b_k + Xw_k."""
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    linear = Linear(coef, model.intercept_)
    found = predict_source(model, X, linear)
    if found is not None:
        if offset is not None:
            raise ValueError("offset needs rows in memory: read X into an array first")
        return found
    design = as_design(X)
    check_features(model, X)
    given = _offset(offset, design.shape[0], len(model.classes_))
    z = linear(design)
    return z if given is None else z + given


def _offset(offset: Any, m: int, count: int) -> Array | None:
    if offset is None:
        return None
    try:
        array = np.asarray(offset, float)
    except (TypeError, ValueError):
        array = np.full((), np.nan)
    if array.shape != (m, count) or not np.isfinite(array).all():
        given = f"shape {array.shape}" if array.shape != (m, count) else "NaN or infinity"
        raise ValueError(
            f"offset of {count} classes must hold ({m}, {count}) finite numbers, one a class, got "
            f"{given}"
        )
    return array


def _weighted(asked: Any, weights: Array | None, codes: Array, classes: Array) -> Array | None:
    """Weights of rows, times those of their classes."""
    if asked is None:
        return weights
    w = np.ones(len(codes)) if weights is None else weights
    if isinstance(asked, str):  # "balanced"
        total = np.bincount(codes, w, len(classes))
        own = w.sum() / (len(classes) * total)
    else:
        known = classes.tolist()
        unknown = [key for key in asked if key not in known]
        if unknown:
            raise ValueError(f"class_weight must have keys of the classes {known}, got {unknown}")
        own = compute_class_weight(asked, classes=classes, y=classes)
    if not (np.isfinite(own).all() and (own >= 0).all()):
        raise ValueError(f"class_weight must hold finite weights ≥ 0, got {asked!r}")
    found = w * own[codes]
    total = np.bincount(codes, found, len(classes))
    if not total.all():
        raise ValueError(
            f"class_weight={asked!r} leaves no weight to class "
            f"{classes.tolist()[int(np.argmin(total))]!r}: raise it, or leave its rows out"
        )
    return found


def _start(model: Any, n: int, classes: Array) -> Array | None:
    """`coef_` of the fit before, of the same classes."""
    if not (getattr(model, "warm_start", False) and hasattr(model, "coef_")):
        return None
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    if coef.shape != (len(classes), n) or model.bounds is not None or model.positive:
        return None
    return np.ascontiguousarray(coef.T)
