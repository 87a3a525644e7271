"""Saved models: the same bits back, and no harm from a bad file."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge as TheirRidge

import fastreg
from fastreg import load_model, save_model

SUFFIXES = [".npz", ".json"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((60, 5)) * np.array([1e-3, 1.0, 1e5, 1.0, 2.0])
    return X, X @ np.array([1e3, 0.5, 0.0, -2.0, 1 / 3]) + 0.1 * rng.standard_normal(60)


MODELS = {
    "ridge": fastreg.Ridge(alpha=0.1),
    "ridge, no intercept": fastreg.Ridge(alpha=np.float64(0.3), fit_intercept=False),
    "least squares": fastreg.Ridge(alpha=0.0),
    "lasso": fastreg.Lasso(alpha=0.3, tol=1e-9),
    "elastic net": fastreg.ElasticNet(alpha=0.1, l1_ratio=0.7, max_iter=np.int64(5000)),
    "positive": fastreg.Lasso(alpha=0.01, positive=True),
}


def _bits(value):
    return np.asarray(value, np.float64).tobytes()


def _assert_same(a, b, X):
    assert type(a) is type(b)
    assert a.get_params() == b.get_params()
    for name in ("coef_", "intercept_", "dual_gap_"):
        assert type(getattr(a, name)) is type(getattr(b, name)), name
        assert np.shape(getattr(a, name)) == np.shape(getattr(b, name)), name
        assert _bits(getattr(a, name)) == _bits(getattr(b, name)), name
    assert (a.n_iter_, a.n_features_in_) == (b.n_iter_, b.n_features_in_)
    for name in ("gap", "relative_gap", "kkt", "objective", "null"):
        assert _bits(getattr(a.certificate_, name)) == _bits(getattr(b.certificate_, name)), name
    assert str(a.certificate_) == str(b.certificate_)
    assert a.predict(X).tobytes() == b.predict(X).tobytes()
    assert vars(a).keys() == vars(b).keys()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", MODELS)
def test_round_trip_has_the_same_bits(name, suffix, data, tmp_path):
    X, y = data
    model = clone(MODELS[name]).fit(X, y)
    path = tmp_path / f"model{suffix}"
    assert save_model(model, path) is None
    _assert_same(model, load_model(str(path)), X)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("estimator", [fastreg.Ridge, fastreg.Lasso])
@pytest.mark.parametrize("columns", [1, 3])
def test_round_trip_of_several_targets(estimator, columns, suffix, data, tmp_path):
    X, y = data
    alpha = [0.1] * columns if estimator is fastreg.Ridge else 0.1
    model = estimator(alpha=alpha).fit(X, np.stack([y, -y, 2 * y], axis=1)[:, :columns])
    save_model(model, tmp_path / f"m{suffix}")
    _assert_same(model, load_model(tmp_path / f"m{suffix}"), X)


LABELS = {
    "texts": np.array(["no", "größer"]),
    "objects": np.array(["nul\0", 'quote"'], dtype=object),
    "bools": np.array([False, True]),
    "whole numbers": np.array([-(2**63), 2**63 - 1]),
    "small numbers": np.array([3, 200], np.uint8),
    "fractions": np.array([0.0, 1.0], np.float32),
}


@pytest.fixture(scope="module")
def odds(data):
    X = data[0] / np.array([1e-3, 1.0, 1e5, 1.0, 2.0])
    rng = np.random.default_rng(1)
    return X, (X[:, 0] + rng.logistic(size=60) > 0).astype(int), rng.poisson(np.exp(X[:, 1]))


def _assert_same_fit(a, b, X):
    """Every attribute and every prediction, to the last bit."""
    assert type(a) is type(b) and a.get_params() == b.get_params()
    assert vars(a).keys() == vars(b).keys()
    for name, value in vars(a).items():
        other = getattr(b, name)
        assert type(value) is type(other) or not name.endswith("_"), name
        if name.endswith("certificate_"):
            assert str(value) == str(other)
            value, other = ([*map(_bits, _numbers(each))] for each in (value, other))
        if isinstance(value, dict) and name.endswith("_"):
            (label, value), (its_label, other) = *value.items(), *other.items()
            assert label == its_label
        if isinstance(value, np.ndarray):
            assert (value.dtype, value.shape) == (other.dtype, other.shape), name
            assert value.tolist() == other.tolist() or np.isnan(value).any(), name
            continue
        assert value == other, name
    assert np.array_equal(a.predict(X), b.predict(X))
    z = np.linspace(-1.0, 1.0, len(X))
    if hasattr(a, "predict_proba"):
        assert a.predict_proba(X).tobytes() == b.predict_proba(X).tobytes()
        assert a.predict_proba(X, z).tobytes() == b.predict_proba(X, z).tobytes()
    else:
        assert a.predict(X, z).tobytes() == b.predict(X, z).tobytes()


def _numbers(certificate):
    values = (getattr(certificate, each.name) for each in dataclasses.fields(certificate))
    return [value for value in values if not isinstance(value, str)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.thorough
def test_labels_of_any_kind_come_back(kind, suffix, odds, tmp_path):
    X, up, _ = odds
    labels = np.sort(LABELS[kind]) if kind != "objects" else LABELS[kind]
    model = fastreg.LogisticRegression(C=0.7).fit(X, labels[up])
    save_model(model, tmp_path / f"m{suffix}")
    _assert_same_fit(model, load_model(tmp_path / f"m{suffix}"), X)


OTHERS = {
    "no penalty": fastreg.LogisticRegression(C=np.inf, fit_intercept=False),
    "class weights": fastreg.LogisticRegression(class_weight={0: 1.0, 1: 2.5}),
    "bounds": fastreg.LogisticRegression(bounds=(-0.5, np.inf), l1_ratio=0.5, C=np.float64(2)),
    "C chosen": fastreg.LogisticRegressionCV(Cs=4, cv=3),
    "C and share chosen": fastreg.LogisticRegressionCV(
        Cs=3, cv=3, l1_ratios=[0.3, 1.0], rule="1se"
    ),
    "as before": fastreg.LogisticRegressionCV(
        Cs=3, cv=3, l1_ratios=None, use_legacy_attributes=True, fit_intercept=False
    ),
    "counts": fastreg.PoissonRegressor(alpha=0.1, bounds=(-1.0, 1.0)),
    "counts, no intercept": fastreg.PoissonRegressor(alpha=0.0, fit_intercept=False),
    "alpha chosen": fastreg.PoissonRegressorCV(alphas=4, cv=3),
    "odds searched": fastreg.AdaptiveLogisticRegression(cv=2, tol=1e-2),
    "rates searched": fastreg.AdaptivePoissonRegressor(cv=2, l1_ratio=0.5, tol=1e-2),
    "alpha and share chosen": fastreg.PoissonRegressorCV(alphas=4, cv=3, l1_ratio=[0.3, 1.0]),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.thorough
def test_other_losses_come_back(name, suffix, odds, tmp_path):
    X, up, counts = odds
    model = clone(OTHERS[name])
    model.fit(X, counts if "Poisson" in type(model).__name__ else up)
    save_model(model, tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    _assert_same_fit(model, loaded, X)
    again = loaded.fit(X[:, :2], counts if "Poisson" in type(model).__name__ else up)
    assert again.n_features_in_ == 2 and again.certificate_.converged


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_strengths_of_groups_come_back(suffix, odds, tmp_path):
    X, up, _ = odds
    groups = ["a", "b", "a", "c", "b"]
    model = fastreg.AdaptiveLogisticRegression(groups, cv=2, tol=1e-2).fit(X, up)
    save_model(model, tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    _assert_same_fit(model, loaded, X)
    np.testing.assert_array_equal(loaded.groups_, model.groups_)
    for name in ("alpha_", "group_alphas_", "error_", "equal_error_", "error_gradient_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.cv_certificate_.converged == model.cv_certificate_.converged
    summary = loaded.summary(X, up, method="bayesian")
    np.testing.assert_array_equal(summary.coef, model.summary(X, up, method="bayesian").coef)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_feature_names_come_back(suffix, data, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = data
    names = ["a", "größe", 'quote"', "nul\0", " space "]
    model = fastreg.Lasso(alpha=0.1).fit(pd.DataFrame(X, columns=names), y)
    save_model(model, tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    assert list(loaded.feature_names_in_) == names
    assert loaded.feature_names_in_.dtype == object
    _assert_same(model, loaded, pd.DataFrame(X, columns=names))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_awkward_floats_keep_their_bits(suffix, data, tmp_path):
    X, y = data
    model = fastreg.Ridge().fit(X, y)
    model.coef_ = np.array([-0.0, 5e-324, 0.1 + 0.2, -1.7976931348623157e308, 1 / 3])
    object.__setattr__(model.certificate_, "gap", np.array([np.inf]))
    save_model(model, tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    assert _bits(loaded.coef_) == _bits(model.coef_)
    assert loaded.certificate_.gap == np.inf


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_loaded_model_can_be_fitted_again(suffix, data, tmp_path):
    X, y = data
    save_model(fastreg.Ridge(alpha=0.5).fit(X, y), tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}").fit(X[:, :2], y)
    np.testing.assert_array_equal(loaded.coef_, fastreg.Ridge(alpha=0.5).fit(X[:, :2], y).coef_)


@pytest.mark.parametrize("name", ["model.pkl", "model", "model.npz.gz"])
def test_other_suffixes_are_named(name, data, tmp_path):
    path = tmp_path / name
    with pytest.raises(ValueError, match=rf"path must end in .npz or .json, got .*{name}"):
        save_model(fastreg.Ridge().fit(*data), path)
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=name):
        load_model(path)


class Derived(fastreg.Ridge):
    """Not one of fastreg's."""


@pytest.mark.parametrize("model", [TheirRidge(), Derived(), {"coef_": 1}])
def test_other_classes_are_refused(model, data, tmp_path):
    if hasattr(model, "fit"):
        model.fit(*data)
    with pytest.raises(ValueError, match="only fastreg's own estimators and paths"):
        save_model(model, tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


def test_models_that_are_not_data_are_refused(data, tmp_path):
    X, y = data
    with pytest.raises(ValueError, match="not fitted"):
        save_model(fastreg.Ridge(), tmp_path / "m.npz")
    odd = fastreg.Lasso(random_state=np.random.RandomState(0)).fit(X, y)
    with pytest.raises(ValueError, match="random_state"):
        save_model(odd, tmp_path / "m.npz")
    broken = fastreg.Ridge().fit(X, y)
    broken.coef_[0] = np.nan
    with pytest.raises(ValueError, match="coef"):
        save_model(broken, tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_write_that_fails_leaves_the_old_file(suffix, data, tmp_path, monkeypatch):
    path = tmp_path / f"m{suffix}"
    save_model(fastreg.Ridge().fit(*data), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_model(fastreg.Lasso().fit(*data), path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.npz")


def test_importing_the_module_is_light():
    code = (
        "import sys, fastreg.persistence as p; p.save_model; "
        "assert not {'numba', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
