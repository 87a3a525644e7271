"""The arrays that every model has, and its certificate."""

from __future__ import annotations

from typing import Any

import numpy as np

State = dict[str, Any]
PER_TARGET = ("gap", "relative_gap", "kkt", "objective", "null")
ARRAYS = ("coef", "intercept", "dual_gap", *PER_TARGET)
CERTIFICATE = {"tol": float, "converged": bool, "by_kkt": bool, "method": str, "passes": int}


def entry(header: State, key: str, kind: Any) -> Any:
    """header[key], which must be there and of this very type: True is no int here."""
    if key not in header:
        raise ValueError(f"{key} is missing")
    value = header[key]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{key} should be {kind.__name__}, not {type(value).__name__}")
    if kind is int and value < 0:
        raise ValueError(f"{key} is negative: {value}")
    return value


def certificate_entries(certificate: Any) -> State:
    return {key: kind(getattr(certificate, key)) for key, kind in CERTIFICATE.items()}


def certificate_from(entries: State, arrays: dict[str, np.ndarray]) -> Any:
    from fastreg.certificate import Certificate

    values: State = {key: entry(entries, key, kind) for key, kind in CERTIFICATE.items()}
    values |= {key: arrays[key] for key in PER_TARGET}
    values["met"] = (arrays["relative_gap"] <= values["tol"]) | values["converged"]
    return Certificate(**values)


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    """Coefficients, dense, and what the certificate says of each target."""
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    values = {"coef": coef, "intercept": model.intercept_, "dual_gap": model.dual_gap_}
    values |= {key: getattr(model.certificate_, key) for key in PER_TARGET}
    return {key: np.array(values[key], dtype=np.float64) for key in ARRAYS}


def check_arrays(arrays: dict[str, np.ndarray], n_features: int) -> None:
    """Shapes that fit each other, finite coefficients; ValueError names the array."""
    check_there(arrays, ARRAYS)
    coef = arrays["coef"]
    if coef.ndim not in (1, 2) or coef.size == 0 or coef.shape[-1] != n_features:
        raise ValueError(f"coef has shape {coef.shape} for {n_features} features")
    k = 1 if coef.ndim == 1 else coef.shape[0]
    shapes = {"intercept": {(), (k,)}, "dual_gap": {(), (k,)}}
    shapes |= {key: {(k,)} for key in PER_TARGET}
    for key, allowed in shapes.items():
        if arrays[key].shape not in allowed:
            raise ValueError(f"{key} has shape {arrays[key].shape} for coef of {coef.shape}")
    for key in ("coef", "intercept"):
        if not np.isfinite(arrays[key]).all():
            raise ValueError(f"{key} holds NaN or infinity")


def check_there(arrays: dict[str, np.ndarray], names: Any) -> None:
    missing = [key for key in names if key not in arrays]
    if missing:
        raise ValueError(f"{', '.join(missing)} is missing")
