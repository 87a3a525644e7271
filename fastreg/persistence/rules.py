"""What the attributes of each class are: rules of `checks`, of a class and its parents.

A name with "?" may be missing. n is the number of features, k of targets, K of strengths, L of
l1_ratios, F of folds, G of groups, m of rows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from fastreg.persistence.checks import Sizes, check

Rules = dict[str, str]

_ANY: Rules = {
    "n_features_in_": "count: ()",
    "feature_names_in_?": "text: n",
    "encoding_?": "encoding: ()",
}
_FIT: Rules = {
    "coef_": "finite: n k=1 | k n",
    "intercept_": "finite: () | k",
    "n_iter_": "counts: () | k",
    "dual_gap_?": "number: () | k",
    "certificate_?": "certificate: k",
}
_GRID: Rules = {
    "alpha_": "finite: ()",
    "l1_ratio_": "finite: ()",
    "alpha_1se_": "finite: ()",
    "alpha_min_": "finite: ()",
    "cv_certificate_": "choice: K F | L K F",
    "alphas_": "finite: K | L K",
}
_SEARCHED: Rules = {
    "groups_": "label: G",
    "error_": "number: ()",
    "equal_error_": "number: ()",
    "history_": "number: S",
    "cv_certificate_?": "choice: *",
}
_BY_GROUP: Rules = {
    "group_alphas_": "finite: G",
    "alpha_": "finite: n",
    "error_gradient_": "number: G",
}
RULES: dict[str, Rules] = {
    "LinearRegressor": _FIT,
    "Generalized": _FIT,
    "Classifier": {
        "classes_": "label: c",
        "coef_": "finite: 1 n k=1 | c n k=1",
        "intercept_": "finite: 1 | c",
    },
    "LinearSVC": {"coef_": "finite: 1 n k=1 | k n"},
    "GeneralizedRegressor": {"coef_": "finite: n k=1", "intercept_": "finite: ()"},
    "WithPower": {"power_": "finite: ()", "link_": "text: ()"},
    "WithTheta": {"theta_": "finite: ()", "theta_se_": "number: ()"},
    "Ridge": {"solver_": "text: ()"},
    "RidgeCV": {
        "alpha_": "finite: () | k",
        "best_score_": "number: () | k",
        "scores_": "number: K | K k",
        "scores_se_": "number: K | None",
        "cv_results_?": "number: m K | m k K",
        "cv_certificate_?": "choice: *",
        "dof_?": "number: K",
    },
    "ElasticNetCV": _GRID | {"mse_path_": "number: K F | L K F", "mse_se_": "number: K | L K"},
    "ChoosesAlpha": _GRID
    | {"deviance_path_": "number: K F | L K F", "deviance_se_": "number: K | L K"},
    "LogisticRegressionCV": {
        "C_": "number: () | 1 | c",
        "l1_ratio_": "finite: () | 1 | c",
        "C_min_": "number: ()",
        "C_1se_": "number: ()",
        "Cs_": "number: K",
        "l1_ratios_": "finite: L",
        "scores_": "by class: F L K | F K L | F K",
        "coefs_paths_": "by class: F L K 1 p | F L K c p | F K L p | F K p",
        "cv_certificate_": "choice: K F | L K F",
    },
    "Searching": _SEARCHED,
    "_AdaptiveLoss": _BY_GROUP,
    "AdaptiveLogisticRegression": {"classes_": "label: 2"},
    "AdaptiveRidge": _BY_GROUP,
    "AdaptiveElasticNet": {
        "group_l1_": "finite: G",
        "group_l2_": "finite: G",
        "l1_": "finite: n",
        "l2_": "finite: n",
        "error_gradient_": "number: 2G",
    },
    "AdaptiveLasso": {
        "alpha_": "finite: ()",
        "penalty_factor_": "finite: n",
        "n_selected_": "count: R",
    },
    "StabilitySelection": {
        "frequencies_": "finite: n",
        "n_first_": "count: ()",
        "error_bound_": "finite: ()",
        "gap_": "number: ()",
    },
    "MLPRegressor": {
        "coefs_": "arrays: L",
        "intercepts_": "arrays: L",
        "loss_": "number: ()",
        "best_loss_": "number: ()",
        "loss_curve_": "numbers: E",
        "stationarity_": "number: ()",
        "gradient_report_": "report: ()",
        "validation_scores_": "numbers: E | None",
        "best_validation_score_": "number: () | None",
        "n_iter_": "count: ()",
        "t_": "count: ()",
        "n_layers_": "count: ()",
        "n_outputs_": "count: ()",
        "out_activation_": "text: ()",
        "_exhausted": "bool: ()",
        "_flat": "bool: ()",
    },
    "MLPRegressorCV": {
        "lam_": "finite: () | P",
        "best_estimator_": "network: ()",
        "n_iter_": "count: ()",
        "mse_path_?": "number: Q F",
        "history_": "steps: S",
        "converged_": "bool: ()",
    },
}


def rules_of(kind: type) -> Rules:
    """Those of a class, in the order in which they bind letters."""
    own = dict(_ANY)
    for each in reversed(kind.__mro__):
        own |= RULES.get(each.__name__, {})
    return own


def check_attributes(kind: type, attributes: dict[str, Any]) -> None:
    """ValueError that names the attribute which is missing, odd, or does not fit the others."""
    rules = rules_of(kind)
    known = {name.rstrip("?") for name in rules}
    for name in attributes:
        if name not in known:
            raise ValueError(f"{name} is no attribute of a saved {kind.__name__}")
    sizes: Sizes = {}
    for name, rule in rules.items():
        plain = name.rstrip("?")
        if plain in attributes:
            check(plain, attributes[plain], rule, sizes)
            if plain == "n_features_in_":
                sizes["n"] = int(attributes[plain])
        elif not name.endswith("?"):
            raise ValueError(f"{plain} is missing")


def check_together(model: Any) -> None:
    """What no shape tells: ValueError if attributes contradict each other or the parameters."""
    _check_names(model)
    for each in reversed(type(model).__mro__):
        if each.__name__ in _TOGETHER:
            _TOGETHER[each.__name__](model)


def _check_names(model: Any) -> None:
    names = getattr(model, "feature_names_in_", None)
    if names is not None and len(set(names)) < len(names):
        raise ValueError(f"feature_names_in_ has {len(set(names))} different names of {len(names)}")
    encoding = getattr(model, "encoding_", None)
    if encoding is not None and (names is None or encoding.features != names.tolist()):
        raise ValueError("encoding_ gives other features than feature_names_in_")


def _check_classes(model: Any) -> None:
    labels, rows = model.classes_.tolist(), len(model.coef_)
    if len(labels) < 2 or not all(a < b for a, b in pairwise(labels)):
        raise ValueError(f"classes_ should be labels, ascending, got {model.classes_!r}")
    if rows != (1 if len(labels) == 2 else len(labels)) or len(model.intercept_) != rows:
        raise ValueError(f"coef_ has {rows} rows for {len(labels)} classes")


def _check_by_class(model: Any) -> None:
    labels, paths = model.classes_.tolist(), model.coefs_paths_
    keys = labels[1:] if len(labels) == 2 else labels
    for name in ("scores_", "coefs_paths_"):
        value = getattr(model, name)
        if isinstance(value, dict) and list(value) != keys:
            raise ValueError(f"{name} is of {list(value)}, not of {keys}")
        paths = next(iter(value.values())) if isinstance(value, dict) else value
    if paths.shape[-1] != model.n_features_in_ + bool(model.fit_intercept):
        raise ValueError(
            f"coefs_paths_ has shape {paths.shape} for {model.n_features_in_} features"
        )


def _check_groups(model: Any) -> None:
    labels, groups = model._groups(model.n_features_in_)
    if not np.array_equal(labels, model.groups_):
        raise ValueError(f"groups_ is {model.groups_!r}, the parameter has {labels!r}")
    for name in ("alpha", "l1", "l2"):
        of_groups = getattr(model, f"group_{name}s_" if name == "alpha" else f"group_{name}_", None)
        if of_groups is not None:
            own = getattr(model, f"{name}_")
            if not np.array_equal(own, of_groups[groups]):
                raise ValueError(f"{name}_ is not that of the groups")


def _check_network(model: Any) -> None:
    from fastreg.network.estimator import hidden_layers

    sizes = (model.n_features_in_, *hidden_layers(model.hidden_layer_sizes), model.n_outputs_)
    shapes = [each.shape for each in model.coefs_]
    if shapes != list(pairwise(sizes)):
        raise ValueError(f"coefs_ has shapes {shapes} for layers of {sizes}")
    if [each.shape for each in model.intercepts_] != [(size,) for size in sizes[1:]]:
        raise ValueError(f"intercepts_ does not fit layers of {sizes}")
    if len({each.dtype for each in (*model.coefs_, *model.intercepts_)}) > 1:
        raise ValueError("coefs_ and intercepts_ are of several precisions")
    if model.n_layers_ != len(sizes) or (model._flat and model.n_outputs_ != 1):
        raise ValueError(f"n_layers_ is {model.n_layers_}, layers are {sizes}, y was flat")


def _check_best(model: Any) -> None:
    best = model.best_estimator_
    if getattr(best, "n_features_in_", None) != model.n_features_in_:
        raise ValueError("best_estimator_ has other features")


_TOGETHER = {
    "Classifier": _check_classes,
    "LogisticRegressionCV": _check_by_class,
    "Searching": _check_groups,
    "MLPRegressor": _check_network,
    "MLPRegressorCV": _check_best,
}
