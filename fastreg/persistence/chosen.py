"""What cross-validation leaves behind: strengths, errors and how certain they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.persistence.fitted import check_there, entry

State = dict[str, Any]
_CERTAIN = ("cv_bound", "cv_gap", "cv_met")
_SEARCHED = (
    "alpha", "group_alphas", "error", "equal_error", "error_gradient", "history", *_CERTAIN,
)  # fmt: skip
# Of each estimator: attributes less their last "_", then the parts of `cv_certificate_`.
CHOSEN: dict[str, tuple[str, ...]] = {
    "LogisticRegressionCV": (
        "C", "C_min", "C_1se", "Cs", "l1_ratio", "l1_ratios", "scores", "coefs_paths", *_CERTAIN,
    ),
    "PoissonRegressorCV": (
        "alpha", "alpha_min", "alpha_1se", "alphas", "l1_ratio", "deviance_path", "deviance_se",
        *_CERTAIN,
    ),
    "AdaptiveLogisticRegression": _SEARCHED,
    "AdaptivePoissonRegressor": _SEARCHED,
}  # fmt: skip
_PLAIN = ("LogisticRegressionCV", "AdaptiveLogisticRegression", "AdaptivePoissonRegressor")
_OF_CLASSES = ("scores", "coefs_paths")  # dicts of the second class with use_legacy_attributes


def chosen_of(name: str, model: Any) -> tuple[State, dict[str, np.ndarray]]:
    """(header entries, arrays), both empty of a model that chose nothing."""
    if name not in CHOSEN:
        return {}, {}
    certificate = model.cv_certificate_
    values = {key: getattr(model, f"{key}_") for key in CHOSEN[name] if key not in _CERTAIN}
    for key in _OF_CLASSES:
        if isinstance(values.get(key), dict):
            (values[key],) = values[key].values()
    values |= {f"cv_{part}": getattr(certificate, part) for part in ("bound", "gap", "met")}
    arrays = {key: np.array(value, np.float64) for key, value in values.items()}
    return {"cv_tol": float(certificate.tol)}, arrays


def set_chosen(name: str, model: Any, header: State, arrays: dict[str, np.ndarray]) -> None:
    """The attributes of `chosen_of` in place; ValueError if they do not fit together."""
    if name not in CHOSEN:
        return
    from fastreg.selection.choice import ChoiceCertificate

    check_there(arrays, CHOSEN[name])
    _check_shapes(name, arrays, model)
    for key in CHOSEN[name]:
        if key not in _CERTAIN:
            value = arrays[key][()]
            plain = name in _PLAIN and not arrays[key].ndim
            setattr(model, f"{key}_", float(value) if plain else value)
    if CHOSEN[name] is _SEARCHED:
        model.groups_, _ = model._groups(model.n_features_in_)
    if getattr(model, "use_legacy_attributes", False):
        for key in _OF_CLASSES:
            setattr(model, f"{key}_", {model.classes_[1]: arrays[key]})
    bound, gap, met = (arrays[key] for key in _CERTAIN)
    model.cv_certificate_ = ChoiceCertificate(
        bound, gap, entry(header, "cv_tol", float), met.astype(bool)
    )


def _check_shapes(name: str, arrays: dict[str, np.ndarray], model: Any) -> None:
    n_features: int = model.n_features_in_
    shapes = {key: arrays[key].shape for key in CHOSEN[name]}
    sound = len({shapes[key] for key in _CERTAIN}) == 1
    if name == "PoissonRegressorCV":
        errors = shapes["deviance_path"]
        sound &= len(errors) in (2, 3) and errors == shapes["cv_bound"]
        sound &= shapes["deviance_se"] == errors[:-1] and shapes["alphas"][-1:] == errors[-2:-1]
    elif CHOSEN[name] is _SEARCHED:
        labels, groups = model._groups(n_features)
        sound &= shapes["group_alphas"] == shapes["error_gradient"] == labels.shape
        sound = sound and np.array_equal(arrays["alpha"], arrays["group_alphas"][groups])
        sound &= len(shapes["history"]) == 1 and shapes["error"] == shapes["equal_error"] == ()
    else:
        scores, paths = shapes["scores"], shapes["coefs_paths"]
        sound &= len(scores) in (2, 3) and paths[: len(scores)] == scores
        sound &= paths[-1:] in ((n_features,), (n_features + 1,))
        sound &= len(shapes["Cs"]) == 1 and shapes["Cs"][0] in scores
    if not sound:
        raise ValueError(f"what cross-validation found does not fit together: {shapes}")
