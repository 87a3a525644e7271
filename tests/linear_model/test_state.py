"""What an estimator knows comes from one fit: Ctrl-C at any bytecode, errors, stale attributes."""

import inspect
import os
import pickle
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import needs_jit

import fastreg
from fastreg._interrupts import interruptible
from fastreg.linear_model.state import atomic, fitted_attributes
from fastreg.network import MLPRegressor, MLPRegressorCV

MODELS = [
    fastreg.Ridge(),
    fastreg.Lasso(alpha=0.1, warm_start=True),
    fastreg.ElasticNet(alpha=0.1),
    fastreg.LassoCV(cv=3, alphas=5),
    fastreg.ElasticNetCV(cv=3, alphas=4, l1_ratio=[0.5, 1.0]),
    fastreg.RidgeCV(store_cv_results=True),
    fastreg.RidgeCV(cv=3),
    fastreg.AdaptiveRidge(groups=[0, 0, 1, 1]),
    fastreg.AdaptiveRidge(method="evidence"),
    fastreg.AdaptiveElasticNet(cv=2, tol=1e-2),
    fastreg.AdaptiveLasso(),
    fastreg.StabilitySelection(n_pairs=2, random_state=0),
    fastreg.PoissonRegressor(warm_start=True),
    fastreg.PoissonRegressorCV(cv=2, alphas=2),
    fastreg.AdaptivePoissonRegressor(cv=2, tol=1e-2),
    MLPRegressor((3,), max_iter=3, random_state=0, warm_start=True),
    MLPRegressorCV(lams=[0.1, 1.0], estimator=MLPRegressor((2,), max_iter=3), random_state=0, cv=2),
]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda each: str(each).split("(")[0])
HOME = os.fspath(Path(inspect.getfile(atomic)).parent)


@pytest.fixture(autouse=True)
def _quiet():
    before = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    # A trace function interrupts between a context's entry and its body, where no signal comes.
    interruptible.__init__()
    signal.signal(signal.SIGINT, before)


def data(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, 4))
    y = X @ [1.0, -2.0, 0.0, 0.5] + rng.standard_normal(40)
    return X, y - y.min()  # as counts are


def portrait(model):
    return {name: pickle.dumps(value) for name, value in vars(model).items()}


def twin(model):
    """The same parameters and attributes; what is fitted is never changed in place."""
    other = object.__new__(type(model))
    other.__dict__.update(vars(model))
    return other


class CtrlC:
    """A trace function that interrupts after so many bytecodes of the estimators' own code."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        frame.f_trace_opcodes = True
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return self

    def during(self, action):
        """Whether it was interrupted."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            action()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
        return False


def fit(model, X, y):
    return model.fit(X, y)


def partial_fit(model, X, y):
    return model.partial_fit(X, y)


def moments(count):
    """Some at random, and all near the end, where state is published."""
    some = np.random.default_rng(0).integers(1, count + 1, 12)
    return sorted({*some.tolist(), *range(max(1, count - 25), count + 1)})


def interrupt_everywhere(model, act):
    model = act(model, *data(0))
    complete, second = CtrlC(0), twin(model)
    complete.during(lambda: act(second, *data(1)))
    old, new = portrait(model), portrait(second)
    assert new != old
    seen = []
    for at in moments(complete.count):  # of threads that share the work, each run has its own
        again = twin(model)
        interrupted = CtrlC(at).during(lambda again=again: act(again, *data(1)))
        found = portrait(again)
        assert found == new or (interrupted and found == old), at
        seen.append(found == new)
    assert not all(seen)


@needs_jit
@each_model
@pytest.mark.thorough
def test_ctrl_c_leaves_the_old_fit_or_the_new(model):
    interrupt_everywhere(twin(model), fit)


def test_ctrl_c_in_partial_fit():
    interrupt_everywhere(fastreg.Ridge(), partial_fit)


@each_model
def test_a_failed_fit_forgets_nothing(model):
    model = twin(model).fit(*data(0))
    old = portrait(model)
    X, y = data(1)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X, y)
    assert portrait(model) == old


def test_a_warning_that_is_an_error_leaves_the_old_fit():
    model = fastreg.Lasso(alpha=1e-3, tol=1e-12, max_iter=1).fit(*data(0))
    old = portrait(model)
    warnings.simplefilter("error")
    with pytest.raises(fastreg.ConvergenceWarning):
        model.fit(np.random.default_rng(0).standard_normal((60, 40)), np.arange(60.0))
    assert portrait(model) == old


def test_partial_fit_goes_on_after_a_failed_fit():
    X, y = data(0)
    model = fastreg.Ridge().partial_fit(X[:20], y[:20])
    bad = X.copy()
    bad[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        model.fit(bad, y)
    model.partial_fit(X[20:], y[20:])
    assert model.statistics_.n_samples == 40
    np.testing.assert_allclose(model.coef_, fastreg.Ridge().fit(X, y).coef_, rtol=1e-9)


@each_model
def test_every_attribute_of_a_fit_is_declared(model):
    """Those that are not would outlive the next fit."""
    model = twin(model).fit(pd.DataFrame(data(0)[0], columns=list("abcd")), data(0)[1])
    public = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert public <= fitted_attributes(type(model))


def test_nothing_of_an_old_fit_stands_beside_the_new(tmp_path):
    X, y = data(0)
    model = fastreg.RidgeCV(store_cv_results=True).fit(X, y)
    model.set_params(store_cv_results=False, cv=3).fit(X, y)
    assert not hasattr(model, "cv_results_") and not hasattr(model, "dof_")
    table = pd.DataFrame(X, columns=list("abcd")).assign(y=y, kind=["u", "v"] * 20)
    table.to_csv(tmp_path / "t.csv", index=False)
    ridge = fastreg.Ridge().fit(tmp_path / "t.csv", "y")
    assert ridge.encoding_ is not None and len(ridge.feature_names_in_) > 4
    ridge.fit(X, y)
    assert not hasattr(ridge, "encoding_") and not hasattr(ridge, "feature_names_in_")
    ridge.partial_fit(X, y).fit(X, y)
    assert not hasattr(ridge, "statistics_")


def test_a_derived_class_keeps_its_own_attributes():
    class Centred(fastreg.Lasso):
        def fit(self, X, y):
            self.centre_ = X.mean(axis=0)
            super().fit(X - self.centre_, y)
            self.done_ = True
            return self

    X, y = data(0)
    model = Centred(alpha=0.1)
    assert model.fit(X, y) is model.fit(X, y)
    np.testing.assert_array_equal(model.centre_, X.mean(axis=0))
    assert model.done_
