"""`LogisticRegression(firth=True)`: of less bias, and finite where a line separates the classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.certificate import KKT, certify_firth
from fastreg.certificate.firth import Rows
from fastreg.certificate.intercept import null_model
from fastreg.design import Design, feature_names, nonfinite_message
from fastreg.inference.table import named
from fastreg.linear_model.base import warn_of_fit
from fastreg.linear_model.state import note_features
from fastreg.objectives import Objective
from fastreg.solvers import Solution
from fastreg.solvers.firth import dependent, minimise

Array = np.ndarray
_SHARE = 0.1  # of the residual asked
_NAMED = 5  # columns in a message


def check(model: Any, ratio: float, n_classes: int) -> None:
    """ValueError if an option does not go together with Firth's term."""
    if n_classes > 2:
        raise ValueError(f"firth=True is for two classes, and y has {n_classes}")
    if ratio > 0.0 and np.isfinite(model.C):
        raise ValueError("firth=True takes no L1 penalty: set l1_ratio=0, and C=inf for no ridge")
    if model.positive or model.bounds is not None:
        raise ValueError("firth=True takes no bounds: set positive=False and bounds=None")


def fit(model: Any, X: Any, design: Design, share: Array, objective: Objective) -> None:
    """Fit, set the attributes, and warn if the fit did not converge."""
    rows = _rows(design, share, objective)
    _check_columns(rows, X, model)
    start = np.zeros(rows.A.shape[1])
    if objective.fit_intercept:
        start[-1] = null_model(objective.loss, rows.y[:, None], rows.s, rows.offset)[0]
    theta, steps = minimise(rows, start, _SHARE * min(model.tol, KKT), model.max_iter)
    certificate = certify_firth(rows, theta, start, tol=model.tol, passes=steps + 1)
    intercept = theta[-1:] if objective.fit_intercept else np.zeros(1)
    note_features(model, X)
    assert objective.strength is not None
    solution = Solution(
        theta[: design.shape[1], None], intercept, objective.strength, certificate, steps,
        steps >= model.max_iter,
    )  # fmt: skip
    model._keep(solution)
    warn_of_fit(model, solution)


def _rows(design: Design, share: Array, objective: Objective) -> Rows:
    told = nonfinite_message(design)
    if told:
        raise ValueError(told)
    (m, n), counted = design.shape, objective.counted()
    assert objective.strength is not None
    s = np.ones(m) if objective.weights is None else objective.weights
    seen = s > 0.0  # whatever the others hold
    matrix = design.matrix[seen]
    A = np.asarray(matrix.toarray() if design.is_sparse else matrix, float)
    ridge = np.broadcast_to(objective.l2[:, 0], n) * objective.strength[0]
    if objective.fit_intercept:
        A, ridge = np.column_stack([A, np.ones(len(A))]), np.append(ridge, 0.0)
    offset = np.zeros(len(A)) if counted.offset is None else counted.offset[seen]
    return Rows(A, share[seen], s[seen], offset, ridge)


def _check_columns(rows: Rows, X: Any, model: Any) -> None:
    found = dependent(rows)
    if not len(found):
        return
    n = rows.A.shape[1] - bool(model.fit_intercept)
    names = named(np.where(found < n, found, -1)[:_NAMED], feature_names(X))
    raise ValueError(
        "firth=True needs columns that are no sums of others, as their determinant counts: leave "
        f"out {', '.join(names)}"
    )
