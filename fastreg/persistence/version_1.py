"""Files of format version 1, of fastreg 0.1.0: their state as version 2 has it.

Version 1 has names without their last "_", all arrays as float64, and no types beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.persistence.arrays import array_from
from fastreg.persistence.models import estimator_of
from fastreg.persistence.plain import decode

State = dict[str, Any]
_PER_TARGET = ("gap", "relative_gap", "kkt", "objective", "null")
_CERTIFICATE = ("tol", "converged", "by_kkt", "method", "passes")
_LINEAR = ("Ridge", "Lasso", "ElasticNet")
_SEARCHED = ("alpha", "group_alphas", "error", "equal_error", "error_gradient", "history")
_CHOSEN: dict[str, tuple[str, ...]] = {
    "LogisticRegressionCV": (
        "C", "C_min", "C_1se", "Cs", "l1_ratio", "l1_ratios", "scores", "coefs_paths",
    ),
    "PoissonRegressorCV": (
        "alpha", "alpha_min", "alpha_1se", "alphas", "l1_ratio", "deviance_path", "deviance_se",
    ),
    "AdaptiveLogisticRegression": _SEARCHED,
    "AdaptivePoissonRegressor": _SEARCHED,
}  # fmt: skip
_FLOATS = ("LogisticRegressionCV", "AdaptiveLogisticRegression", "AdaptivePoissonRegressor")
_OTHERS = ("LogisticRegression", "PoissonRegressor")


def upgraded(state: State) -> State:
    """ValueError where it is no state of version 1."""
    name, params = state.get("estimator"), _entry(state, "params", dict)
    if name not in (*_LINEAR, *_OTHERS, *_CHOSEN):
        raise ValueError(f"its estimator is {name!r}, which version 1 does not have")
    arrays = _arrays(_entry(state, "arrays", dict))
    attributes: State = {"coef_": _of(arrays, "coef")}
    model = estimator_of(name)(**{key: decode(key, each) for key, each in params.items()})
    by_class = hasattr(model, "predict_proba")
    free = by_class or model.fit_intercept
    attributes["intercept_"] = _scalar(_of(arrays, "intercept")) if free else 0.0
    attributes["dual_gap_"] = _scalar(_of(arrays, "dual_gap"))
    targets = len(np.atleast_2d(attributes["coef_"]))
    attributes["n_iter_"] = model._steps(_entry(state, "n_iter", int), targets)
    attributes["certificate_"] = _certificate(_entry(state, "certificate", dict), arrays)
    attributes["n_features_in_"] = _entry(state, "n_features_in", int)
    if state.get("feature_names_in") is not None:
        attributes["feature_names_in_"] = {"object": state["feature_names_in"]}
    if "encoding" in state:
        attributes["encoding_"] = {"Encoding": state["encoding"]}
    if by_class:
        attributes["classes_"] = _labels(_entry(state, "classes", dict))
    if name == "Ridge":
        model.certificate_ = decode("certificate_", attributes["certificate_"])
        attributes["solver_"] = model._solver_name()
    if name in _CHOSEN:
        attributes |= _chosen(name, model, state, arrays, attributes)
    return {"estimator": name, "params": params, "attributes": attributes}


def _entry(state: State, key: str, kind: type) -> Any:
    if type(state.get(key)) is not kind:
        raise ValueError(f"{key} is missing, or no {kind.__name__}")
    return state[key]


def _arrays(entries: State) -> dict[str, np.ndarray]:
    """Of .npz they are arrays, of .json lists and numbers."""
    arrays = {}
    for key, each in entries.items():
        given = each if isinstance(each, np.ndarray) else array_from(key, {"float64": each})
        arrays[key] = np.asarray(given)
        if arrays[key].dtype != np.float64:
            raise ValueError(f"{key} has dtype {arrays[key].dtype}, not float64")
    return arrays


def _of(arrays: dict[str, np.ndarray], key: str) -> np.ndarray:
    if key not in arrays:
        raise ValueError(f"{key} is missing")
    return arrays[key]


def _scalar(array: np.ndarray) -> Any:
    """A number of NumPy of an array without axes, as JSON has it."""
    return array if array.ndim else {"float64": array.tolist()}


def _certificate(entries: State, arrays: dict[str, np.ndarray]) -> State:
    parts: State = {key: entries.get(key) for key in _CERTIFICATE}
    parts |= {key: _of(arrays, key) for key in _PER_TARGET}
    if type(parts["tol"]) not in (int, float) or type(parts["converged"]) is not bool:
        raise ValueError("certificate has no tol, or does not say whether it converged")
    parts["met"] = (parts["relative_gap"] <= parts["tol"]) | parts["converged"]
    return {"Certificate": parts}


def _labels(entry: State) -> State:
    kind, size = entry.get("kind"), _entry(entry, "size", int)
    names = {"b": "bool", "i": f"int{8 * size}", "u": f"uint{8 * size}", "f": f"float{8 * size}"}
    names |= {"U": "str", "O": "object"}
    if kind not in names:
        raise ValueError(f"classes cannot be of kind {kind!r}")
    return {names[kind]: entry.get("values")}


def _chosen(
    name: str, model: Any, state: State, arrays: dict[str, np.ndarray], known: State
) -> State:
    """What a choice by cross-validation or a search has left."""
    found: State = {f"{key}_": _of(arrays, key) for key in _CHOSEN[name]}
    for key, value in found.items():
        if not value.ndim:
            found[key] = float(value) if name in _FLOATS else {"float64": value.tolist()}
    parts = {part: _of(arrays, f"cv_{part}") for part in ("bound", "gap", "met")}
    parts["met"] = parts["met"].astype(bool)
    found["cv_certificate_"] = {"ChoiceCertificate": {**parts, "tol": state.get("cv_tol")}}
    if _CHOSEN[name] is _SEARCHED:
        groups = model._groups(known["coef_"].shape[-1])[0]
        found["groups_"] = groups if groups.dtype.kind != "U" else {"str": groups.tolist()}
    if getattr(model, "use_legacy_attributes", False):
        second = decode("classes_", known["classes_"]).tolist()[1]
        for key in ("scores_", "coefs_paths_"):
            found[key] = {"dict": [[second, found[key]]]}
    return found
