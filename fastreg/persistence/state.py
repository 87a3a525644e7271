"""A model as a header of plain data and named arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastreg.persistence.chosen import chosen_of, set_chosen
from fastreg.persistence.fitted import (
    arrays_of,
    certificate_entries,
    certificate_from,
    check_arrays,
    entry,
)
from fastreg.persistence.plain import labels_from, labels_of, plain, tagged, untagged

State = dict[str, Any]
_LINEAR = ("Ridge", "Lasso", "ElasticNet")
_CLASSIFIERS = ("LogisticRegression", "LogisticRegressionCV", "AdaptiveLogisticRegression")
_COUNTING = ("PoissonRegressor", "PoissonRegressorCV", "AdaptivePoissonRegressor")
ESTIMATORS = (*_LINEAR, *_CLASSIFIERS, *_COUNTING)

_FORMAT, _VERSION = "fastreg model", 1


def describe(model: Any) -> tuple[State, dict[str, np.ndarray]]:
    """(header, arrays): all that a model is, as plain data."""
    name = type(model).__name__
    if name not in ESTIMATORS or type(model) is not _estimator(name):
        raise ValueError(
            f"only fastreg's {', '.join(ESTIMATORS)} can be saved, "
            f"not {type(model).__module__}.{name}"
        )
    _check_fitted(name, model)
    names = getattr(model, "feature_names_in_", None)
    written = plain if name in _LINEAR else tagged
    found, chosen = chosen_of(name, model)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "estimator": name,
        "params": {key: written(key, value) for key, value in model.get_params().items()},
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": None if names is None else [str(item) for item in names],
        "n_iter": int(np.max(model.n_iter_)),
        **_encoding_of(model),
        **({"classes": labels_of(model.classes_)} if name in _CLASSIFIERS else {}),
        **found,
        "certificate": certificate_entries(model.certificate_),
    }
    arrays = arrays_of(model)
    check_arrays(arrays, int(model.n_features_in_))
    return header, arrays | chosen


def _check_fitted(name: str, model: Any) -> None:
    if hasattr(model, "certificate_"):
        return
    if hasattr(model, "cv_certificate_"):
        raise ValueError(f"this {name} was not fitted to all rows: fit it with refit=True")
    raise ValueError(f"this {name} is not fitted; there is nothing to save")


def _encoding_of(model: Any) -> State:
    """How the columns of its table became features."""
    encoding = getattr(model, "encoding_", None)
    return {} if encoding is None else {"encoding": encoding.to_plain()}


def _estimator(name: str) -> Any:
    from fastreg import linear_model

    return getattr(linear_model, name)


def rebuild(header: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The model of a state that nobody has checked yet."""
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError("it was not written by fastreg.save_model")
    if header.get("version") != _VERSION:
        raise ValueError(
            f"it has format version {header.get('version')!r}, this fastreg reads {_VERSION}"
        )
    name = header.get("estimator")
    if name not in ESTIMATORS:
        raise ValueError(f"its estimator is {name!r}, not one of {', '.join(ESTIMATORS)}")
    n_features = entry(header, "n_features_in", int)
    check_arrays(arrays, n_features)
    model = _parametrised(name, entry(header, "params", dict))
    names = _names(header.get("feature_names_in"), n_features)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    model.n_features_in_ = n_features
    if "encoding" in header:
        model.encoding_ = _encoding(header["encoding"], names)
    _set_fit(name, model, header, arrays)
    set_chosen(name, model, header, arrays)
    return model


def _set_fit(name: str, model: Any, header: State, arrays: dict[str, np.ndarray]) -> None:
    model.coef_ = arrays["coef"]
    model.n_iter_ = model._steps(entry(header, "n_iter", int), len(np.atleast_2d(model.coef_)))
    if name in _CLASSIFIERS:
        _check_classifier(arrays)
        model.classes_ = labels_from(header.get("classes"))
        model.intercept_ = arrays["intercept"]
    else:
        if name not in _LINEAR and (arrays["coef"].ndim != 1 or arrays["intercept"].ndim):
            raise ValueError(f"coef has shape {arrays['coef'].shape} for one target")
        model.intercept_ = arrays["intercept"][()] if model.fit_intercept else 0.0
    model.dual_gap_ = arrays["dual_gap"][()]
    model.certificate_ = certificate_from(entry(header, "certificate", dict), arrays)
    if name == "Ridge":
        model.solver_ = model._solver_name()


def _check_classifier(arrays: dict[str, np.ndarray]) -> None:
    for key, wanted in (("coef", (1, arrays["coef"].shape[-1])), ("intercept", (1,))):
        if arrays[key].shape != wanted:
            raise ValueError(f"{key} has shape {arrays[key].shape}, a classifier has {wanted}")


def _parametrised(name: str, params: State) -> Any:
    estimator = _estimator(name)
    expected = set(estimator().get_params())
    if set(params) != expected:
        odd = ", ".join(sorted(map(str, set(params) ^ expected)))
        raise ValueError(f"its parameters are not those of {estimator.__name__}: {odd}")
    read = plain if name in _LINEAR else untagged
    model = estimator(**{key: read(key, value) for key, value in params.items()})
    model._validate_params()
    return model


def _names(names: Any, n_features: int) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("feature_names_in is not a list of names")
    if len(names) != n_features or len(set(names)) != n_features:
        raise ValueError(
            f"feature_names_in has {len(names)} names, {len(set(names))} of them different, "
            f"for {n_features} features"
        )
    return names


def _encoding(given: Any, names: list[str] | None) -> Any:
    from fastreg.sources.encoding import Encoding

    encoding = Encoding.from_plain(given)
    if encoding.features != names:
        raise ValueError("its encoding gives other features than feature_names_in")
    return encoding
