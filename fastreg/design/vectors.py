"""Targets, weights and coefficients, checked against the rows and columns of X."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.design.matrix import nonfinite_kind, real_array


def _check_finite(array: np.ndarray, name: str) -> None:
    if not np.isfinite(array).all():
        kind = nonfinite_kind(np.nan if np.isnan(array).any() else np.inf)
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"Input {name} contains {kind}. The first is at index {where}")


def as_target(y: Any, n_rows: int, *, name: str = "y") -> np.ndarray:
    """`y` as a finite float64 array of shape (m,) or (m, k); the caller's is not changed."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    target = real_array(_plain(y), name).astype(np.float64, copy=False)
    if target.ndim not in (1, 2):
        raise ValueError(f"{name} should be a 1d or 2d array, got shape {target.shape}")
    if target.shape[0] != n_rows:
        raise ValueError(
            f"X has {n_rows} rows (samples) but {name} has {target.shape[0]}, "
            f"in shape {target.shape}"
        )
    if target.ndim == 2 and target.shape[1] == 0:
        raise ValueError(f"{name} has no column, shape {target.shape}")
    _check_finite(target, name)
    return target


def as_weights(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Finite weights ≥ 0, not all zero, as an (m,) float64 array; None stays None."""
    if sample_weight is None:
        return None
    weights = real_array(_plain(sample_weight), "sample_weight").astype(np.float64, copy=False)
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be a 1D array or a number, got {weights.ndim}D")
    if weights.shape[0] != n_rows:
        raise ValueError(f"X has {n_rows} rows (samples) but sample_weight has {len(weights)}")
    _check_finite(weights, "sample_weight")
    if (weights < 0).any():
        first = int(np.argmax(weights < 0))
        raise ValueError(f"sample_weight has a negative entry, {weights[first]} at index {first}")
    if not weights.any():
        raise ValueError("sample_weight is zero everywhere; at least one must be positive")
    return weights


def counted(Y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Y (m,) or (m, k), in rows of weight zero the value of a row that counts: what stands there
    is not to reach a mean, a unit or a square."""
    if weights is None or weights.all():
        return Y
    out = Y.copy()
    out[weights == 0] = Y[int(np.argmax(weights > 0))]
    return out


def as_vector(vector: Any, length: int, name: str) -> np.ndarray:
    """A finite, contiguous float64 (length,) array, such as θ."""
    array = np.ascontiguousarray(real_array(_plain(vector), name), dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"{name} must have shape ({length},), one entry a feature, got {array.shape}"
        )
    _check_finite(array, name)
    return array


def _plain(values: Any) -> Any:
    """A polars or pyarrow column as NumPy; pandas and lists convert by themselves."""
    library = type(values).__module__.partition(".")[0]
    return values.to_numpy() if library in {"polars", "pyarrow"} else values
