"""Solve the problem of a path at other strengths, with the options of the path.

The data are those that the path holds, or the caller gives them again.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fastreg import losses
from fastreg.design import as_design, as_weights
from fastreg.objectives import offset_of
from fastreg.paths.arguments import names_of
from fastreg.paths.origins import InMemory, Source
from fastreg.sources.blocks import Source as RowsInBlocks
from fastreg.sources.names import check_order

if TYPE_CHECKING:
    from fastreg.paths.results import Path

Array = np.ndarray


def _wanted(alpha: Any) -> Array:
    """Return the strengths as an array (a,), in the given order.

    Raises
    ------
    ValueError
        A strength is not a finite number ≥ 0.
    """
    try:
        each = np.atleast_1d(np.asarray(alpha, np.float64))
    except (TypeError, ValueError):
        each = np.array([np.nan])
    if each.ndim > 1 or not each.size or not (np.isfinite(each) & (each >= 0.0)).all():
        raise ValueError(f"alpha must be one or several finite numbers ≥ 0, got {alpha!r}")
    return each


def solved(
    path: Path, alpha: Any, X: Any, y: Any, sample_weight: Any, offset: Any
) -> tuple[Path, Array]:
    """Return the path at the descending strengths, and the place of each `alpha` in it."""
    each = _wanted(alpha)
    strengths, places = np.unique(-each, return_inverse=True)
    beside = {"y": y, "sample_weight": sample_weight, "offset": offset}
    tol, ratio, names = path.certificate.tol, path.l1_ratio, path.feature_names
    if X is None:
        given = [name for name, value in beside.items() if value is not None]
        if given:
            raise ValueError(
                f"X must be given with {', '.join(given)}: give X, or leave out the rest"
            )
        return path.data.at(-strengths, tol, ratio, names), places
    if isinstance(X, RowsInBlocks):
        found = _of_source(path, X, -strengths, beside)
    else:
        found = _in_memory(path, X, beside).at(-strengths, tol, ratio, names)
    return found, places


def _in_memory(path: Path, X: Any, beside: dict[str, Any]) -> InMemory:
    """Check rows that the caller gives again, and return them with the objective."""
    before = path.data.objective
    _check_given(path.data, beside)
    check_order(path.feature_names, names_of(X), "put the columns in their order")
    design = as_design(X)
    m, n = design.shape
    _check_width(path, n)
    weights = as_weights(beside["sample_weight"], m)
    target = path.data.checked_target(beside["y"], m, weights)
    offset = offset_of(beside["offset"], m, losses.traits(before.loss).outputs)
    objective = dataclasses.replace(before, weights=weights, offset=offset)
    return path.data.with_rows(design, target, objective)


def _of_source(path: Path, source: RowsInBlocks, strengths: Array, beside: dict[str, Any]) -> Path:
    from fastreg.paths.by_reads import fitted  # not part of a first fit

    before = path.data.objective
    for name in ("y", "sample_weight"):
        if beside[name] is not None:
            raise ValueError(f"{name} must be None if X is a source, which has it already")
    if losses.traits(before.loss).quadratic:
        raise ValueError(
            f"X must be in memory for family='gaussian', got {source.kind}: fit the path with "
            "SufficientStatistics.collect(source).path(…), which needs no rows"
        )
    if beside["offset"] is not None:
        source = source.with_offset(beside["offset"])
    if path.data.has_offset and source.offset is None:
        raise _missing(["offset"])
    check_order(path.feature_names, source.feature_names, "put the columns in their order")
    _check_width(path, source.n_features)
    objective = dataclasses.replace(before, weights=None, offset=None, strength=strengths)
    tol, most = path.certificate.tol, path.data.max_iter
    return fitted(source, objective, tol=tol, max_iter=most, ratio=path.l1_ratio)


def _check_given(data: Source, beside: dict[str, Any]) -> None:
    """Raise ValueError if the fit had y, weights or an offset that are missing here."""
    had = {"y": True, "sample_weight": data.has_weights, "offset": data.has_offset}
    missing = [name for name, was in had.items() if was and beside[name] is None]
    if missing:
        raise _missing(missing)


def _missing(names: list[str]) -> ValueError:
    return ValueError(
        f"{' and '.join(names)} must be given with X, as in the fit: give it, or leave X out to "
        "use the data that the path holds"
    )


def _check_width(path: Path, n: int) -> None:
    if n != len(path.coefs):
        raise ValueError(f"X must have {len(path.coefs)} features, as in the fit, got {n}")
