"""Estimators as parameters and attributes, and back."""

from __future__ import annotations

from typing import Any

from fastreg.persistence.plain import Parts, decode, encode, register
from fastreg.persistence.rules import check_attributes, check_together, rules_of

_APART = "statistics_"  # of `partial_fit`: they have a `save` of their own


def estimator_of(name: Any) -> Any:
    """fastreg's estimator of that name; ValueError if there is none."""
    from fastreg import linear_model, network

    for package in (linear_model, network):
        if isinstance(name, str) and name in package.__all__:
            found = getattr(package, name)
            if hasattr(found, "fit"):
                return found
    raise ValueError(f"its estimator is {name!r}, which is none of fastreg's")


def parts_of(name: str, model: Any) -> Parts:
    """Parameters, and the attributes that a fit has set; none of a model that is not fitted."""
    kind = type(model)
    if hasattr(model, "sparsify") and hasattr(getattr(model, "coef_", None), "toarray"):
        attributes = {**vars(model), "coef_": model.coef_.toarray()}
    else:
        attributes = vars(model)
    params = model.get_params(deep=False)
    known = {each.rstrip("?") for each in rules_of(kind)}
    fitted = {
        key: value
        for key, value in attributes.items()
        if key not in params and key != _APART and (key.endswith("_") or key in known)
    }
    if fitted:
        check_attributes(kind, fitted)
    prefix = f"{name}." if name else ""
    return {
        "params": {key: encode(f"{prefix}parameter {key}", each) for key, each in params.items()},
        "attributes": {key: encode(f"{prefix}{key}", each) for key, each in fitted.items()},
    }


def made_of(kind: Any, params: Any, attributes: Any) -> Any:
    """The model of parts that nobody has checked yet."""
    if not isinstance(params, dict) or not isinstance(attributes, dict):
        raise ValueError("its params and attributes are no objects")
    model = _parametrised(kind, params)
    if attributes:
        values = {key: decode(key, each) for key, each in attributes.items()}
        check_attributes(kind, values)
        vars(model).update(values)
        check_together(model)
    return model


# Parameters that files of before do not have; their defaults are what was done then.
LATER = {"LogisticRegression": {"firth"}}


def _parametrised(kind: Any, params: Parts) -> Any:
    expected = set(kind().get_params(deep=False))
    later = LATER.get(kind.__name__, set()) - set(params)
    if set(params) != expected - later:
        odd = ", ".join(sorted(map(str, set(params) ^ (expected - later))))
        raise ValueError(f"its parameters are not those of {kind.__name__}: {odd}")
    model = kind(**{key: decode(f"parameter {key}", each) for key, each in params.items()})
    _check_params(model)
    return model


def _check_params(model: Any) -> None:
    if hasattr(model, "_parameter_constraints"):
        from fastreg.linear_model.base import check_finite_params

        model._validate_params()
        check_finite_params(model)
    else:
        model._check_params()


def _network_from(name: str, parts: Parts) -> Any:
    if set(parts) != {"params", "attributes"}:
        raise ValueError(f"{name} has not params and attributes")
    return made_of(estimator_of("MLPRegressor"), **parts)


register("MLPRegressor", parts_of, _network_from)
