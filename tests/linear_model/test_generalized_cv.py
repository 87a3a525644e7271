"""`LogisticRegressionCV` and `PoissonRegressorCV`: folds, scores and choices."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from conftest import needs_jit
from sklearn import linear_model as peers
from sklearn.metrics import get_scorer, log_loss, make_scorer, mean_poisson_deviance, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import (
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    PoissonRegressorCV,
)
from fastreg.linear_model.state import fitted_attributes

pytestmark = needs_jit
RECENT = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
as_in_1_9 = pytest.mark.skipif(not RECENT, reason="as scikit-learn 1.9 has it")


def problem(m=120, n=4, seed=0):
    rng = np.random.default_rng(seed)
    X, offset = rng.standard_normal((m, n)), 0.5 * rng.standard_normal(m)
    z = X[:, 0] - 0.4 + offset
    y = np.where(rng.random(m) < 1 / (1 + np.exp(-z)), "yes", "no")
    return X, y, rng.uniform(0.5, 2.0, m), offset, rng.poisson(np.exp(0.5 * z)).astype(float)


@parametrize_with_checks(
    [
        LogisticRegressionCV(Cs=3, cv=3),
        LogisticRegressionCV(Cs=3, cv=3, scoring="roc_auc_ovr", l1_ratios=[0.0, 1.0]),
        PoissonRegressorCV(alphas=3, cv=3),
    ]
)
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@as_in_1_9
@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_and_choice_are_scikit_learns(scoring, weighted):
    X, y, w, _, _ = problem()
    w = w if weighted else None
    options = {"Cs": [0.01, 1.0, 100.0, 0.1], "cv": 4, "scoring": scoring, "tol": 1e-10}
    options |= {"l1_ratios": (0.0,), "use_legacy_attributes": False}
    ours = LogisticRegressionCV(**options).fit(X, y, w)
    theirs = peers.LogisticRegressionCV(solver="newton-cholesky", **options).fit(X, y, w)
    np.testing.assert_allclose(ours.scores_, theirs.scores_, rtol=1e-6)
    np.testing.assert_allclose(ours.coefs_paths_, theirs.coefs_paths_, atol=1e-5)
    np.testing.assert_array_equal(ours.Cs_, theirs.Cs_)
    assert ours.C_ == theirs.C_ and ours.l1_ratio_ == theirs.l1_ratio_
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-6)
    assert ours.cv_certificate_.converged


@as_in_1_9
@pytest.mark.parametrize("ratios", [None, (0.0,), np.array([0.2, 1.0])])
@pytest.mark.parametrize("refit", [True, False])
def test_legacy_shapes_are_scikit_learns(ratios, refit):
    X, y, _, _, _ = problem()
    options = {"Cs": 3, "cv": 3, "refit": refit, "use_legacy_attributes": True}
    options |= {"l1_ratios": ratios, "scoring": "accuracy"}
    ours = LogisticRegressionCV(**options).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = peers.LogisticRegressionCV(solver="saga", **options).fit(X, y)
    for name in ("C_", "l1_ratio_", "coef_", "intercept_", "Cs_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name)), name
    for name in ("scores_", "coefs_paths_"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert mine.keys() == other.keys() and mine["yes"].shape == other["yes"].shape


def test_the_mean_of_folds_without_a_refit():
    X, y, _, _, _ = problem()
    model = LogisticRegressionCV(Cs=5, cv=3, refit=False).fit(X, y)
    best = model.scores_[:, 0].argmax(axis=1)
    mean = np.mean([model.coefs_paths_[f, 0, k, 0] for f, k in enumerate(best)], axis=0)
    np.testing.assert_allclose(np.append(model.coef_, model.intercept_), mean)
    assert np.mean(model.Cs_[best]) == model.C_ and not hasattr(model, "certificate_")


def test_scores_are_those_of_refits_with_an_offset():
    X, y, w, offset, _ = problem()
    splits = list(StratifiedKFold(3).split(X, y))
    plain = LogisticRegressionCV(Cs=[0.1, 1.0], cv=splits, tol=1e-10).fit(X, y, w, offset)
    scored = LogisticRegressionCV(Cs=[0.1, 1.0], cv=splits, tol=1e-10, scoring="accuracy")
    scored.fit(X, y, offset=offset)
    for f, (train, test) in enumerate(splits):
        for k, C in enumerate([0.1, 1.0]):
            model = LogisticRegression(C=C, tol=1e-10)
            model.fit(X[train], y[train], w[train], offset[train])
            lost = log_loss(
                y[test], model.predict_proba(X[test], offset[test]), sample_weight=w[test]
            )
            assert plain.scores_[f, 0, k] == pytest.approx(-lost, rel=1e-7)
            model.fit(X[train], y[train], offset=offset[train])
            right = model.score(X[test], y[test], offset=offset[test])
            assert scored.scores_[f, 0, k] == right
    ranked = LogisticRegressionCV(Cs=[1.0], cv=splits, scoring="roc_auc").fit(X, y, offset=offset)
    z = ranked.decision_function(X, offset)
    assert ranked.score(X, y, offset=offset) == roc_auc_score(y, z)
    assert scored.score(X, y, offset=offset) == scored._accuracy(X, y, None, offset)
    assert plain.score(X, y, w, offset) > plain.score(X, y, w)


def test_the_rule_of_one_standard_error():
    X, y, _, _, _ = problem()
    for scoring in ("neg_log_loss", "roc_auc"):
        model = LogisticRegressionCV(scoring=scoring, rule="1se").fit(X, y)
        mean = model.scores_[:, 0].mean(axis=0)
        spread = model.scores_[:, 0].std(axis=0, ddof=1) / np.sqrt(5)
        best = mean.argmax()
        assert model.C_min_ == model.Cs_[best]
        assert model.C_ == model.C_1se_ == model.Cs_[mean >= mean[best] - spread[best]].min()


def test_every_attribute_of_a_fit_is_declared():
    X, y, _, _, counts = problem()
    frame = pd.DataFrame(X, columns=list("abcd"))
    for model, target in (
        (LogisticRegression(), y),
        (LogisticRegressionCV(Cs=2), y),
        (PoissonRegressor(), counts),
        (PoissonRegressorCV(alphas=2), counts),
    ):
        fitted = {name for name in vars(model.fit(frame, target)) if name.endswith("_")}
        assert fitted <= fitted_attributes(type(model))


def test_no_penalty_is_a_choice_among_others():
    X, y, _, _, counts = problem()
    model = LogisticRegressionCV(Cs=[np.inf, 1e-300, 1.0], cv=3).fit(X, y)
    assert model.cv_certificate_.converged
    alone = LogisticRegressionCV(Cs=[1.0], cv=3).fit(X, y)
    np.testing.assert_allclose(model.scores_[:, :, 2:], alone.scores_, rtol=1e-4)
    found = PoissonRegressorCV(alphas=[0.0, 0.1], cv=3).fit(X, counts)
    assert found.cv_certificate_.converged and found.alphas_[-1] == 0.0


def test_counts_and_proportions_choose_as_one():
    rng = np.random.default_rng(0)
    X, counts = rng.standard_normal((60, 3)), rng.integers(1, 6, (60, 2))
    trials = counts.sum(axis=1)
    cv = KFold(3)
    first = LogisticRegressionCV(cv=cv, target="counts").fit(X, counts)
    second = LogisticRegressionCV(cv=cv, target="proportions")
    second.fit(X, counts[:, 0] / trials, trials)
    np.testing.assert_allclose(first.scores_, second.scores_)
    assert first.score(X, counts) == pytest.approx(second.score(X, counts[:, 0] / trials, trials))
    with pytest.raises(ValueError, match="scoring must be 'neg_log_loss'"):
        LogisticRegressionCV(target="counts", scoring="accuracy").fit(X, counts)


def test_what_is_wrong_is_said():
    X, y, _, _, counts = problem()
    order = np.argsort(y)
    halves = [(order[:40], order[40:]), (order[40:], order[:40])]
    with pytest.raises(ValueError, match="split 0 of cv trains on rows of one class alone, 'no'"):
        LogisticRegressionCV(cv=halves).fit(X, y)
    with pytest.raises(ValueError, match="trains on a target of zero alone"):
        PoissonRegressorCV(cv=2).fit(X, np.repeat([0.0, 1.0], 60))
    with pytest.raises(ValueError, match="Cs must be"):
        LogisticRegressionCV(Cs=[0.0, 1.0]).fit(X, y)
    with pytest.raises(ValueError, match="l1_ratios must be between 0 and 1"):
        LogisticRegressionCV(l1_ratios=[2.0]).fit(X, y)
    blocks = fastreg.read([(X, counts)])
    with pytest.raises(ValueError, match="offset must be the number of a target"):
        PoissonRegressorCV().fit(blocks, offset=counts)
    with pytest.raises(ValueError, match="cv must be a number of folds"):
        PoissonRegressorCV(cv=KFold(2)).fit(blocks)
    with pytest.raises(ValueError, match="scoring must be 'neg_log_loss' and refit True"):
        LogisticRegressionCV(scoring="roc_auc").fit(blocks)
    with pytest.raises(ValueError, match="y must be of the classes"):
        LogisticRegressionCV(Cs=2).fit(X, y).score(X, np.where(y == "yes", "yes", "other"))


def test_scorers_are_given_frames_and_weights_by_routing():
    X, y, w, _, _ = problem()
    frame = pd.DataFrame(X, columns=list("abcd"))

    def by_half(model, given, labels, sample_weight=None):
        assert list(given.columns) == list("abcd")
        return (model.predict(given) == labels).mean()

    found = LogisticRegressionCV(Cs=3, scoring=by_half).fit(frame, y)
    plain = LogisticRegressionCV(Cs=3, scoring="accuracy").fit(X, y)
    np.testing.assert_array_equal(found.scores_, plain.scores_)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        routed = LogisticRegressionCV(Cs=3, scoring=scorer).fit(X, y, sample_weight=w)
    weighted = LogisticRegressionCV(Cs=3, scoring="accuracy").fit(X, y, w)
    np.testing.assert_array_equal(routed.scores_, weighted.scores_)
    sharp = make_scorer(log_loss, response_method="predict_proba", greater_is_better=False)
    own = LogisticRegressionCV(Cs=3, scoring=sharp).fit(X, y)
    ours = LogisticRegressionCV(Cs=3).fit(X, y)
    np.testing.assert_allclose(own.scores_, ours.scores_)


@pytest.mark.parametrize("kind", [LogisticRegressionCV, PoissonRegressorCV])
def test_groups_and_offsets_reach_a_nested_fit(kind):
    X, y, _, offset, counts = problem()
    y = y if kind is LogisticRegressionCV else counts
    groups = np.repeat(np.arange(12), 10)
    options = {"Cs": 3} if kind is LogisticRegressionCV else {"alphas": 3}
    model, outer = kind(cv=GroupKFold(3), **options), GroupKFold(4)
    with sklearn.config_context(enable_metadata_routing=True):
        asked = model.set_fit_request(offset=True).set_score_request(offset=True)
        found = cross_validate(
            asked, X, y, params={"groups": groups, "offset": offset}, cv=outer, error_score="raise"
        )
    for score, (train, test) in zip(found["test_score"], outer.split(X, y, groups), strict=True):
        again = sklearn.clone(model).fit(
            X[train], y[train], offset=offset[train], groups=groups[train]
        )
        assert again.score(X[test], y[test], offset=offset[test]) == score


@pytest.mark.parametrize("ratio", [0.0, 1.0, [0.5, 1.0]], ids=str)
def test_poisson_errors_are_deviances_of_refits(ratio):
    X, _, w, offset, y = problem()
    cv = KFold(3)
    model = PoissonRegressorCV(l1_ratio=ratio, alphas=6, cv=cv, tol=1e-13, rule="1se")
    model.fit(X, y, w, offset)
    assert model.alpha_ == model.alpha_1se_ >= model.alpha_min_
    ratios = np.atleast_1d(ratio)
    paths = model.deviance_path_.reshape(len(ratios), 6, 3)
    for which, own in enumerate(ratios):
        alphas = model.alphas_.reshape(-1, 6)[which]
        for f, (train, test) in enumerate(cv.split(X)):
            for k in (1, 5):
                fit = PoissonRegressor(alpha=alphas[k], l1_ratio=own, tol=1e-13)
                fit.fit(X[train], y[train], w[train], offset[train])
                mean = fit.predict(X[test], offset[test])
                expected = mean_poisson_deviance(y[test], mean, sample_weight=w[test])
                assert paths[which, k, f] == pytest.approx(expected, rel=1e-7)
    final = PoissonRegressor(alpha=model.alpha_, l1_ratio=model.l1_ratio_).fit(X, y, w, offset)
    np.testing.assert_allclose(model.coef_, final.coef_, atol=1e-4)
    assert model.deviance_se_.shape == model.deviance_path_.shape[:-1]
    assert model.cv_certificate_.converged


def test_a_poisson_grid_begins_where_all_is_zero():
    X, _, _, _, y = problem()
    model = PoissonRegressorCV(l1_ratio=1.0, alphas=4, eps=0.1).fit(X, y)
    top = PoissonRegressor(alpha=model.alphas_[0] * 1.0001, l1_ratio=1.0).fit(X, y)
    below = PoissonRegressor(alpha=model.alphas_[0] * 0.99, l1_ratio=1.0, tol=1e-8).fit(X, y)
    assert not top.coef_.any() and below.coef_.any()
    assert model.alphas_[-1] == pytest.approx(0.1 * model.alphas_[0])
    given = PoissonRegressorCV(alphas=[0.1, 1.0]).fit(X, y)
    np.testing.assert_array_equal(given.alphas_, [1.0, 0.1])
