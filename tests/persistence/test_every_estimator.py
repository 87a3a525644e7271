"""Each public estimator is saved with all that a fit has set, and comes back to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from saved import assert_same
from sklearn.base import clone, is_classifier

import fastreg
from fastreg import load_model, network, save_model

SUFFIXES = [".npz", ".json"]
NETS = {"hidden_layer_sizes": (3,), "max_iter": 5, "tol": 0.0, "random_state": 0}
# Of an estimator that is slow, or says nothing, as it is.
PARAMETERS = {
    "AdaptiveElasticNet": {"cv": 2, "tol": 1e-3},
    "AdaptiveLogisticRegression": {"groups": ["a", "b", "a", "c"], "cv": 2, "tol": 1e-2},
    "AdaptivePoissonRegressor": {"cv": 2, "tol": 1e-2},
    "AdaptiveRidge": {"groups": [0, 0, 1, 1], "cv": 2, "tol": 1e-3},
    "LogisticRegressionCV": {"Cs": 2, "cv": 2},
    "MLPClassifier": NETS,
    "MLPRegressor": NETS,
    "MLPRegressorCV": {"lams": [0.1, 1.0], "cv": 2, "estimator": network.MLPRegressor(**NETS)},
    "GammaRegressorCV": {"alphas": 3, "cv": 2},
    "NegativeBinomialRegressor": {"theta": 1.0},
    "NegativeBinomialRegressorCV": {"alphas": 3, "cv": 2, "theta": 1.0},
    "PoissonRegressorCV": {"alphas": 3, "cv": 2},
    "TweedieRegressorCV": {"alphas": 3, "cv": 2},
    "StabilitySelection": {"n_pairs": 4, "threshold": 0.6, "random_state": 0},
}
ESTIMATORS = {
    name: getattr(package, name)
    for package in (fastreg, network)
    for name in package.__all__
    if hasattr(getattr(package, name), "fit")
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((40, 4))
    return X, X @ [1.0, -0.5, 0.0, 0.2] + 0.3 * rng.standard_normal(40)


def _fitted(model, X, y):
    if is_classifier(model):
        y = np.where(y > 0.0, "yes", "no")
    name = type(model).__name__
    if any(each in name for each in ("Poisson", "NegativeBinomial")):
        y = np.round(np.exp(y))
    if "Gamma" in name:
        y = np.exp(y)
    return model.fit(X, y)


def _said(model, X):
    """All that a model says of rows."""
    ways = ("predict", "predict_proba", "decision_function", "transform")
    return [getattr(model, way)(X) for way in ways if hasattr(model, way)]


def _check(model, X, path):
    save_model(model, path)
    loaded = load_model(path)
    assert_same(model, loaded)
    assert_same(_said(model, X), _said(loaded, X))
    assert_same(clone(model), clone(loaded))
    return loaded


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_comes_back(name, suffix, data, tmp_path):
    X, y = data
    model = _fitted(ESTIMATORS[name](**PARAMETERS.get(name, {})), X, y)
    loaded = _check(model, X, tmp_path / f"m{suffix}")
    assert _fitted(loaded, X[:30], y[:30]).n_features_in_ == 4


OTHERS = {
    "a grid of shares": fastreg.ElasticNetCV(l1_ratio=[0.5, 1.0], alphas=4, cv=3),
    "alphas given": fastreg.LassoCV(alphas=np.array([0.1, 0.01]), cv=[([0, 1, 2], [3, 4])]),
    "an alpha a target": fastreg.RidgeCV(alpha_per_target=True, store_cv_results=True),
    "folds": fastreg.RidgeCV(alphas=(0.1, 1.0), cv=3),
    "errors of a scorer": fastreg.RidgeCV(scoring="neg_mean_absolute_error", cv=3),
    "evidence": fastreg.AdaptiveRidge(method="evidence"),
    "no refit": fastreg.LogisticRegressionCV(Cs=2, cv=2, refit=False),
    "as before": fastreg.LogisticRegressionCV(
        Cs=2, cv=2, l1_ratios=[0.0, 1.0], use_legacy_attributes=True
    ),
    "criterion": fastreg.AdaptiveLasso("aicc"),
    "a linear network": network.MLPRegressor((), solver="lbfgs", max_iter=200, random_state=0),
    "a network held out": network.MLPRegressor(
        (3,), early_stopping=True, max_iter=3, tol=0.0, monitor=1, random_state=1
    ),
    "a lam a layer": network.MLPRegressorCV(
        [0.5],
        estimator=network.MLPRegressor((2,), solver="lbfgs", activation="tanh", max_iter=500),
        method="adaptive", per_layer=True, max_iter=100, random_state=0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", OTHERS)
def test_other_parameters_come_back(name, suffix, data, tmp_path):
    X, y = data
    _check(_fitted(clone(OTHERS[name]), X, y), X, tmp_path / f"m{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "model",
    [fastreg.RidgeCV(alpha_per_target=True), fastreg.Ridge([0.1, 1.0]), fastreg.ElasticNet(0.1),
     network.MLPRegressor(**NETS)],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_several_targets_come_back(model, suffix, data, tmp_path):
    X, y = data
    _check(clone(model).fit(X, np.stack([y, X[:, 0]], axis=1)), X, tmp_path / f"m{suffix}")


def test_single_precision_of_a_network_comes_back(data, tmp_path):
    X, y = data
    model = network.MLPRegressor(**NETS).fit(X.astype(np.float32), y.astype(np.float32))
    assert model.coefs_[0].dtype == np.float32
    for suffix in SUFFIXES:
        _check(model, X.astype(np.float32), tmp_path / f"m{suffix}")


@pytest.mark.parametrize("name", ["LassoCV", "MLPRegressor", "StabilitySelection", "Lasso"])
def test_names_of_features_come_back(name, data, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = data
    frame = pd.DataFrame(X, columns=["a", "größe", "c", "d e"])
    model = _fitted(ESTIMATORS[name](**PARAMETERS.get(name, {})), frame, y)
    assert list(model.feature_names_in_) == list(frame)
    for suffix in SUFFIXES:
        _check(model, frame, tmp_path / f"m{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_encoding_of_a_table_comes_back(suffix, data, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = data
    table = pd.DataFrame({"a": X[:, 0], "town": np.where(X[:, 1] > 0, "Bonn", "Köln"), "y": y})
    table.to_csv(tmp_path / "t.csv", index=False)
    rows = fastreg.read(tmp_path / "t.csv", target="y")
    model = fastreg.LassoCV(alphas=3, cv=2).fit(rows)
    loaded = _check(model, table[["a", "town"]], tmp_path / f"m{suffix}")
    assert loaded.encoding_.features == model.encoding_.features
    select = fastreg.StabilitySelection(n_pairs=2, threshold=0.6, random_state=0).fit(rows)
    save_model(select, tmp_path / f"s{suffix}")
    assert load_model(tmp_path / f"s{suffix}").encoding_ == select.encoding_


def scorer(model, X, y):
    return 0.0


REFUSED = {
    "scoring": fastreg.RidgeCV(scoring=scorer),
    "random_state": fastreg.StabilitySelection(n_pairs=1, random_state=np.random.RandomState(0)),
    "estimator": network.MLPRegressorCV(
        [1.0], cv=2, estimator=network.MLPRegressor((1,), max_iter=1, tol=0.0, random_state=None)
    ).set_params(estimator__random_state=np.random.RandomState(0)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_is_refused_by_name(name, data, tmp_path):
    X, y = data
    model = _fitted(clone(REFUSED[name]), X, y)
    with pytest.raises(ValueError, match=f"parameter {name}.* cannot be saved"):
        save_model(model, tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_is_not_fitted_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="not fitted; there is nothing to save"):
        save_model(ESTIMATORS[name](), tmp_path / "m.npz")


def test_a_line_of_json_is_an_array(data, tmp_path):
    X, y = data
    save_model(fastreg.LassoCV(alphas=5, cv=2).fit(X, y), tmp_path / "m.json")
    lines = (tmp_path / "m.json").read_text(encoding="utf-8").splitlines()
    (coef,) = (line for line in lines if '"coef_"' in line)
    assert coef.count(",") == 4 and coef.strip().startswith('"coef_": {"float64": [')
    (path,) = (line for line in lines if '"mse_path_"' in line)
    assert path.count("[") == 6
