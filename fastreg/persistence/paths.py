"""A `fastreg.Path` without the rows that it was fitted to.

The file has what a formula needs to choose a point: degrees of freedom and deviances. It has no
rows, so that a path which was loaded neither cross-validates nor relaxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.persistence.checks import Sizes, check
from fastreg.persistence.objects import class_of
from fastreg.persistence.plain import Parts, decode, encode

KINDS = ("Path", "Relaxed", "ClassPath")
_RULES = {
    "coefs": "finite: n K",
    "alphas": "finite: K",
    "intercepts": "finite: K",
    "gaps": "number: K",
    "certificate": "certificate: K",
    "l1_ratio": "finite: ()",
    "n_iter": "count: ()",
    "gamma": "finite: () | None",
    "feature_names": "texts: n | None",
    "dof": "number: K | None",
    "l2": "finite: n 1 | 1 1",
    "fit_intercept": "bool: ()",
    "count": "count: ()",
    "weight": "finite: ()",
    "max_iter": "count: ()",
    "has_weights": "bool: ()",
    "has_offset": "bool: ()",
    "least": "number: ()",
    "log_constant": "number: () | None",
}
# What is beside these, or in their place.
_MORE = {
    "Path": {},
    "Relaxed": {"kkt": "number: K", "mean_deviance": "number: K"},
    "ClassPath": {"coefs": "finite: n c K", "intercepts": "finite: c K", "classes": "label: c"},
}
_OWN = ("coefs", "alphas", "intercepts", "gaps", "certificate", "l1_ratio", "n_iter", "gamma",
        "feature_names")  # fmt: skip
_PENALTIES = ("L1", "Bounded")
_LOSSES = (
    "Squared", "Logistic", "Poisson", "Gamma", "Tweedie", "NegativeBinomial", "SquaredHinge",
    "Multinomial",
)  # fmt: skip


def is_path(model: Any) -> bool:
    return type(model) in (_class_of(kind) for kind in KINDS)


def _class_of(kind: str) -> Any:
    from fastreg import paths

    return getattr(paths, kind)


def parts_of(path: Any) -> Parts:
    objective = path.data.objective
    values = {name: getattr(path, name) for name in _OWN}
    values |= {"dof": _if_known(lambda: path.dof), "l2": objective.l2}
    values |= {"fit_intercept": objective.fit_intercept, "count": int(path.data.count)}
    values |= {"weight": float(path.data.weight), "least": float(path.data.least)}
    values |= {"max_iter": int(path.data.max_iter)}
    values |= {name: bool(getattr(path.data, name)) for name in ("has_weights", "has_offset")}
    values |= {"log_constant": _if_known(lambda: path.data.log_constant(1.0))}
    kind = type(path).__name__
    values |= {name: getattr(path, name) for name in _MORE[kind]}
    _check(kind, values)
    values |= {"penalty": objective.penalty, "loss": objective.loss}
    for key, known in (("penalty", _PENALTIES), ("loss", _LOSSES)):
        if type(values[key]) not in map(class_of, known):
            raise ValueError(f"{key} {values[key]!r} is none of fastreg's: it cannot be saved")
    return {key: encode(key, value) for key, value in values.items()}


def _if_known(found: Callable[[], Any]) -> Any:
    """Return what is found, or None if it needs rows that are not in memory."""
    try:
        return found()
    except ValueError:
        return None


def _check(kind: str, values: dict[str, Any]) -> None:
    rules, sizes = _RULES | _MORE[kind], Sizes()
    for name, rule in rules.items():
        check(name, values[name], rule, sizes)
    if sizes["K"] == 0 or np.any(np.diff(values["alphas"]) > 0.0) or values["alphas"][-1] < 0.0:
        raise ValueError("alphas do not descend to 0 or above")
    gamma, names = values["gamma"], values["feature_names"]
    sound = {
        "l1_ratio": 0.0 <= values["l1_ratio"] <= 1.0,
        "l2": bool(np.all(values["l2"] >= 0.0)),
        "count": values["count"] > 0,
        "weight": values["weight"] > 0.0,
        "gamma": 0.0 <= gamma <= 1.0 if "kkt" in values and gamma is not None else gamma is None,
        "gaps": np.array_equal(values["gaps"], values["certificate"].relative_gap, equal_nan=True),
        "feature_names": names is None or len(set(names)) == len(names),
    }
    for name, is_sound in sound.items():
        if not is_sound:
            raise ValueError(f"{name} is out of range, or does not go with the rest")


def _check_penalty(penalty: Any, values: dict[str, Any]) -> None:
    coefs, alphas = np.abs(values["coefs"]), values["alphas"]
    for each in penalty:
        check("penalty", each, "number: () | n", {"n": len(coefs)})
    l1, *ends = map(np.asarray, penalty)
    if not np.all((l1 >= 0.0) & np.isfinite(l1)):
        raise ValueError("the L1 strengths of its penalty are out of range")
    with np.errstate(over="ignore", invalid="ignore"):
        flat = coefs.reshape(len(coefs), -1, len(alphas)).sum(axis=1)
        size = alphas * (l1.reshape(-1, 1) * flat + values["l2"] * flat**2).sum(axis=0)
    if not np.isfinite(size).all():
        raise ValueError("the strengths of its penalty are out of range")
    if ends and not (np.all(ends[0] <= 0.0) and np.all(ends[1] >= 0.0)):
        raise ValueError("the bounds of its penalty are out of range")


def _check_classes(values: dict[str, Any]) -> None:
    loss, labels = values["loss"], np.asarray(values["classes"]).tolist()
    ascending = all(a < b for a, b in itertools.pairwise(labels))
    if type(loss).__name__ != "Multinomial" or len(labels) < 2 or not ascending:
        raise ValueError("its loss is not multinomial, or its classes are not labels, ascending")
    if loss.classes != len(labels):
        raise ValueError(f"its loss is of {loss.classes} classes, not of {len(labels)}")


def made_of(kind: str, parts: Parts) -> Any:
    """Check the parts, and build the path."""
    from fastreg.objectives import Objective, family_of
    from fastreg.paths.of_classes import KeptClasses
    from fastreg.paths.origins import Kept

    expected = {*_RULES, *_MORE[kind], "penalty", "loss"}
    if set(parts) != expected:
        odd = ", ".join(sorted(set(parts) ^ expected))
        raise ValueError(f"its parts are not those of a {kind}: {odd}")
    values = {key: decode(key, each) for key, each in parts.items()}
    penalty, loss = values["penalty"], values["loss"]
    if type(penalty).__name__ not in _PENALTIES or type(loss).__name__ not in _LOSSES:
        raise ValueError("its penalty or its loss is none of fastreg's")
    if kind == "ClassPath":
        _check_classes(values)
    else:
        loss = family_of(loss)
    _check(kind, values)
    _check_penalty(penalty, values)
    objective = Objective(values["l2"], penalty, None, values["fit_intercept"], None, loss)
    known = ("count", "weight", "max_iter", "least", "log_constant", "has_weights", "has_offset")
    kept = objective, *(values[key] for key in known)
    by_class = kind == "ClassPath"
    data = KeptClasses(*kept, classes=values["classes"]) if by_class else Kept(*kept)
    own = {key: values[key] for key in {*_OWN, *_MORE[kind]}}
    path = _class_of(kind)(**own, data=data)
    if values["dof"] is not None:
        path.__dict__["dof"] = values["dof"]  # in the place of the property that caches it
    return path
