"""What an editor completes: facts that `mypy --strict` checks, by `tests.test_typing`."""

from typing import Any, assert_type

import numpy as np

import fastreg
from fastreg import network
from fastreg.paths import Selected

Array = np.ndarray[Any, Any]


def facts(X: Array, y: Array) -> None:
    ridge = assert_type(fastreg.Ridge().fit(X, y), fastreg.Ridge)
    assert_type(ridge.partial_fit(X, y), fastreg.Ridge)
    assert_type(ridge.predict(X), np.ndarray)
    assert_type(ridge.coef_, np.ndarray)
    assert_type(ridge.certificate_, fastreg.Certificate)
    assert_type(ridge.certificate_.converged, bool)
    assert_type(ridge.summary(X, y), fastreg.Inference)
    assert_type(fastreg.LinearRegression().fit(X, y), fastreg.LinearRegression)
    assert_type(fastreg.Lasso().fit(X, y), fastreg.Lasso)
    assert_type(fastreg.ElasticNet().fit(X, y), fastreg.ElasticNet)
    assert_type(fastreg.RidgeCV().fit(X, y), fastreg.RidgeCV)
    assert_type(fastreg.ElasticNetCV().fit(X, y), fastreg.ElasticNetCV)
    chosen = assert_type(fastreg.LassoCV().fit(X, y), fastreg.LassoCV)
    assert_type(chosen.predict(X), np.ndarray)
    assert_type(chosen.mse_path_, np.ndarray)
    assert_type(chosen.cv_certificate_, fastreg.ChoiceCertificate)
    assert_type(fastreg.AdaptiveRidge().fit(X, y), fastreg.AdaptiveRidge)
    assert_type(fastreg.AdaptiveElasticNet().fit(X, y), fastreg.AdaptiveElasticNet)
    assert_type(fastreg.AdaptiveLasso().fit(X, y), fastreg.AdaptiveLasso)
    assert_type(fastreg.StabilitySelection().fit(X, y), fastreg.StabilitySelection)


def facts_of_other_losses(X: Array, y: Array) -> None:
    odds = assert_type(fastreg.LogisticRegression().fit(X, y), fastreg.LogisticRegression)
    assert_type(odds.predict_proba(X), np.ndarray)
    assert_type(odds.decision_function(X), np.ndarray)
    assert_type(odds.score(X, y), float)
    assert_type(odds.summary(X, y), fastreg.LikelihoodInference)
    assert_type(odds.classes_, np.ndarray)
    assert_type(fastreg.LogisticRegressionCV().fit(X, y), fastreg.LogisticRegressionCV)
    adaptive = fastreg.AdaptiveLogisticRegression().fit(X, y)
    assert_type(adaptive, fastreg.AdaptiveLogisticRegression)
    borders = assert_type(fastreg.LinearSVC().fit(X, y), fastreg.LinearSVC)
    assert_type(borders.predict(X), np.ndarray)
    assert_type(borders.decision_function(X), np.ndarray)
    counts = assert_type(fastreg.PoissonRegressor().fit(X, y), fastreg.PoissonRegressor)
    assert_type(counts.predict(X), np.ndarray)
    assert_type(fastreg.PoissonRegressorCV().fit(X, y), fastreg.PoissonRegressorCV)
    assert_type(fastreg.AdaptivePoissonRegressor().fit(X, y), fastreg.AdaptivePoissonRegressor)


def facts_of_networks(X: Array, y: Array) -> None:
    net = assert_type(network.MLPRegressor().fit(X, y), network.MLPRegressor)
    assert_type(net.predict(X), np.ndarray)
    assert_type(network.MLPRegressorCV().fit(X, y), network.MLPRegressorCV)


def facts_of_paths(X: Array, y: Array) -> None:
    path = assert_type(fastreg.path(X, y), fastreg.Path)
    assert_type(path.predict(X), np.ndarray)
    assert_type(path.select("bic"), Selected)
    assert_type(path.certificate, fastreg.Certificate)
