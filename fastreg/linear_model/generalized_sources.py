"""Fit losses other than squared error to rows in blocks: files, streams and clusters.

All strengths and all folds share each read: see `fastreg.solvers.tangents_by_reads`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg._warnings import warn_of_convergence
from fastreg.grids import Grid
from fastreg.linear_model.base import check_finite_params, check_folds, warn_of_fit
from fastreg.linear_model.generalized import MakeObjective
from fastreg.linear_model.opening import note_names
from fastreg.objectives import Objective
from fastreg.selection import separation
from fastreg.solvers import Solution
from fastreg.solvers.source_of_loss import Validated, validate
from fastreg.sources import Source

Array = np.ndarray


def opened(model: Any, source: Any, offset: Any) -> Source:
    """Check the parameters, and return the source with its offset.

    Raises
    ------
    ValueError
        A parameter needs rows in memory. The message names it.
    """
    model._validate_params()
    check_finite_params(model)
    name = type(model).__name__
    if not isinstance(source, Source):
        raise ValueError(f"{name} needs rows: it cannot be fitted to statistics, give X and y")
    if getattr(model, "class_weight", None) is not None:
        raise ValueError(
            f"class_weight needs rows in memory, and X is a source of kind {source.kind}: "
            "give its rows weights"
        )
    if getattr(model, "target", "labels") == "counts":
        raise ValueError(
            f"target='counts' needs rows in memory, and X is a source of kind {source.kind}: "
            "give it proportions, with the trials as weights"
        )
    return source if offset is None else source.with_offset(offset)


def classes_of(source: Source, found: Validated) -> Array:
    """Return the labels: texts, or numbers, as whole numbers."""
    return source.labels_of(np.arange(2.0) if found.classes is None else found.classes)


def followed(
    model: Any,
    source: Source,
    make: MakeObjective,
    strengths: Array | None,
    *,
    grid: Grid | None = None,
    n_folds: int = 0,
    by_total: bool = False,
) -> Validated:
    """Fit all strengths, to all rows and to each training set."""
    return validate(
        source, make(None, strengths), model.tol, model.max_iter, grid, n_folds=n_folds,
        by_total=by_total, most_classes=model._most_classes if model._of_labels() else 0,
    )  # fmt: skip


def folds_of(model: Any, source: Source, params: dict[str, Any]) -> int:
    """Return the number of folds of neighbouring rows."""
    return check_folds(5 if model.cv is None else model.cv, source, params)


def finish(model: Any, source: Source, found: Validated, make: MakeObjective, k: int = 0) -> None:
    """Set the attributes of fit k, and warn if it did not converge, or has no minimum."""
    solution = found.solution.part(slice(k, k + 1))
    note_names(model, source)
    model._keep(solution)
    told = _separable(source, found, solution, make(None, solution.strength))
    if told:
        warn_of_convergence(f"{type(model).__name__}: {told}.")
    else:
        warn_of_fit(model, solution)


def _separable(source: Source, found: Validated, solution: Solution, objective: Objective) -> str:
    """Return what to warn of where nothing holds coefficients, and rows are met."""
    if not separation.is_free(objective, source.n_features):
        return ""
    several = found.classes is not None
    coef = solution.coef[..., 0] if several else solution.coef[:, :1]
    level = np.atleast_1d(solution.intercept[..., 0])
    met = separation.certain(source, objective.loss, coef, level, found.classes)
    if not met:
        return ""
    if not several:
        return separation.words()
    return separation.words_of_class(classes_of(source, found).tolist()[met[0]])
