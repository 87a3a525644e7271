"""The page of what combines with what: a "no" is an error in words, a certificate of its kind."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import needs_jit

import fastreg
from fastreg.losses import NegativeBinomial, Tweedie

rng = np.random.default_rng(0)
X = rng.standard_normal((80, 4))
Y = X[:, 0] + rng.standard_normal(80)
WON, COUNTS = (Y > 0) * 1.0, np.round(np.exp(0.5 * Y))
SIZES = np.exp(0.5 * Y)
COSTS = np.where(COUNTS > 1.0, SIZES, 0.0)
CLASSES_AND_COUNTS = {
    "binomial": ("binomial", WON, fastreg.LogisticRegression, {}),
    "poisson": ("poisson", COUNTS, fastreg.PoissonRegressor, {}),
    "negative_binomial": (
        NegativeBinomial(2.0), COUNTS, fastreg.NegativeBinomialRegressor, {"theta": 2.0}
    ),
}  # fmt: skip
AMOUNTS = {
    "gamma": ("gamma", SIZES, fastreg.GammaRegressor, {}),
    "tweedie": (Tweedie(1.5), COSTS, fastreg.TweedieRegressor, {"power": 1.5}),
    "inverse_gaussian": ("inverse_gaussian", SIZES, fastreg.TweedieRegressor, {"power": 3}),
    "power 2.5": (Tweedie(2.5), SIZES, fastreg.TweedieRegressor, {"power": 2.5}),
}
HINGE = {"squared_hinge": ("squared_hinge", WON, fastreg.LinearSVC, {})}
WITH_MODELS = CLASSES_AND_COUNTS | AMOUNTS
ALL = WITH_MODELS | HINGE
NOT_CONVEX = {"inverse_gaussian", "power 2.5"}
CRITERIA = ("aic", "aicc", "bic", "ebic")

pytestmark = needs_jit
each = pytest.mark.parametrize("name", ALL)
each_with_models = pytest.mark.parametrize("name", WITH_MODELS)


def blocks(y):
    return fastreg.read([(X[:40], y[:40]), (X[40:], y[40:])])


def path_of(name, **options):
    family, y, *_ = ALL[name]
    return fastreg.path(X, y, family=family, **{"alphas": 3} | options)


@each
def test_what_families_have_not_is_said(name):
    family, y, kind, options = ALL[name]
    path = path_of(name)
    with pytest.raises(ValueError, match="rss"):
        _ = path.rss
    with pytest.raises(ValueError, match="cp"):
        path.select("cp")
    of_source = fastreg.path(blocks(y), family=family, alphas=3)
    for ask in (lambda: of_source.select("bic"), of_source.relax):
        with pytest.raises(ValueError, match="rows"):
            ask()
    with pytest.raises(ValueError, match="y"):
        kind(**options).fit(X, np.column_stack([y, y]))


@each
def test_what_paths_of_families_have(name):
    family, y, *_ = ALL[name]
    path = path_of(name, tol=1e-8)
    assert path.deviance[0] == pytest.approx(path.null_deviance, rel=1e-6)
    assert path.dof[-1] == 5.0 and path.explained[-1] > 0.05
    assert path.select("gcv").index > 0
    relaxed = path.relax()
    assert (relaxed.deviance <= path.deviance * (1 + 1e-9)).all()
    assert relaxed.select("cv").index > 0
    assert np.isfinite(path.select("cv").values).all() and path.select("1se").index >= 0
    sparse = path_of(name, tol=1e-8)
    for found in (
        fastreg.path(sp.csr_array(X), y, family=family, alphas=3, tol=1e-8),
        fastreg.path(blocks(y), family=family, alphas=3, tol=1e-8),
    ):
        np.testing.assert_allclose(found.coefs, sparse.coefs, atol=1e-3)
    moved = path_of(name, offset=np.full(80, 0.5), tol=1e-10)
    straight = path_of(name, tol=1e-10)
    np.testing.assert_allclose(moved.intercepts, straight.intercepts - 0.5, atol=1e-5)


@each
def test_criteria_by_likelihood_want_a_density(name, tmp_path):
    path = path_of(name)
    fastreg.save_model(path, tmp_path / "path.npz")
    saved = fastreg.load_model(tmp_path / "path.npz")
    np.testing.assert_allclose(saved.select("gcv").values, path.select("gcv").values)
    for criterion in CRITERIA:
        if name in ("power 2.5", "squared_hinge"):
            words = "no formula here" if name == "power 2.5" else "no likelihood"
            with pytest.raises(ValueError, match=words):
                path.select(criterion)
        else:
            assert np.isfinite(path.select(criterion).values).all()
        if name in CLASSES_AND_COUNTS:
            np.testing.assert_allclose(
                saved.select(criterion).values, path.select(criterion).values
            )
        else:
            with pytest.raises(ValueError, match="needs the rows, and a path loaded from a file"):
                saved.select(criterion)


@each
def test_scores_of_classes_are_of_classes(name):
    for score in ("misclassification", "auc"):
        if name in ("binomial", "squared_hinge"):
            assert path_of(name).select("cv", score=score).index >= 0
        else:
            with pytest.raises(ValueError, match=r"is for y in \[0, 1\]"):
                path_of(name).select("cv", score=score)


@each
def test_responses_want_a_mean(name):
    if name == "squared_hinge":
        with pytest.raises(ValueError, match="has no mean"):
            path_of(name).predict(X, type="response")
    else:
        assert (path_of(name).predict(X, type="response") > 0.0).all()


@each_with_models
def test_estimators_of_families_have_tables_residuals_and_files(name, tmp_path):
    _, y, kind, options = WITH_MODELS[name]
    free = {"C": np.inf} if name == "binomial" else {"alpha": 0.0}
    model = kind(**options, **free).fit(X, y)
    table = model.summary(X, y, cluster=np.arange(80) % 20)
    assert (table.standard_error > 0.0).all()
    assert np.isnan(table.aic) == (name == "power 2.5")
    for residuals in ("deviance", "pearson", "response", "working"):
        assert np.isfinite(model.residuals(X, y, kind=residuals)).all()
    if name == "power 2.5":
        with pytest.raises(ValueError, match="no distribution function"):
            model.residuals(X, y, kind="quantile")
    else:
        assert np.isfinite(model.residuals(X, y, kind="quantile")).all()
    fastreg.save_model(model, tmp_path / "model.npz")
    found = fastreg.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    if name != "binomial":
        assert kind(**options).fit(blocks(y)).certificate_.converged
        chosen = getattr(fastreg, f"{kind.__name__}CV")(**options, alphas=3).fit(blocks(y))
        assert chosen.certificate_.converged and chosen.alpha_ in chosen.alphas_


def test_the_hinge_has_an_estimator_of_classes_alone(tmp_path):
    model = fastreg.LinearSVC().fit(X, WON, offset=Y)
    assert model.certificate_.converged and not hasattr(fastreg, "LinearSVCCV")
    for name in ("summary", "residuals", "plot_calibration", "predict_proba"):
        with pytest.raises(AttributeError, match="no likelihood"):
            getattr(model, name)
    fastreg.save_model(model, tmp_path / "model.npz")
    found = fastreg.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(found.decision_function(X), model.decision_function(X))
    assert fastreg.LinearSVC().fit(blocks(WON)).certificate_.converged
    assert len(fastreg.LinearSVC().fit(X, np.minimum(COUNTS, 2)).certificate_.gap) == 3


def test_groups_of_features_have_strengths_for_some_losses():
    adaptive = {name for name in fastreg.__all__ if name.startswith("Adaptive")}
    assert adaptive == {
        "AdaptiveElasticNet", "AdaptiveLasso", "AdaptiveLogisticRegression",
        "AdaptivePoissonRegressor", "AdaptiveRidge",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda: fastreg.NegativeBinomialRegressor().fit(blocks(COUNTS)),
         "theta=None needs rows in memory"),
        (lambda: fastreg.NegativeBinomialRegressorCV().fit(blocks(COUNTS)),
         "theta=None needs rows in memory"),
        (lambda: fastreg.TweedieRegressor(power=0).fit(blocks(Y)), "power=0 is least squares"),
        (lambda: fastreg.TweedieRegressorCV(power=0).fit(blocks(Y)), "power=0 is least squares"),
        (lambda: fastreg.TweedieRegressor(power=0).fit(X, Y).summary(X, Y),
         "power=0 is that of least squares: fit LinearRegression"),
        (lambda: fastreg.TweedieRegressor(power=0.5).fit(X, COSTS), "no density has it"),
        (lambda: fastreg.LinearSVC(loss="hinge").fit(X, WON), "loss='hinge' is not in fastreg"),
        (lambda: fastreg.LinearSVC(multi_class="crammer_singer").fit(X, WON),
         "multi_class='crammer_singer' is not in fastreg"),
        (lambda: fastreg.GammaRegressor().fit(X, COSTS), "y must be above 0"),
        (lambda: fastreg.TweedieRegressor(power=3).fit(X, COSTS), "y must be above 0"),
        (lambda: fastreg.path(X, COSTS, family="gamma"), r"must lie in \(0, inf\)"),
        (lambda: fastreg.path(X, COSTS, family="tweedie"), "give fastreg.losses.Tweedie"),
        (lambda: fastreg.path(X, COUNTS, family="negative_binomial"), "losses.NegativeBinomial"),
        (lambda: fastreg.path(X, SIZES, family=Tweedie(2.0)), "is fastreg.losses.Gamma"),
    ],
)  # fmt: skip
def test_limits_of_options_are_said(fit, words):
    with pytest.raises(ValueError, match=words):
        fit()


def test_what_squares_have_not_is_said():
    with pytest.raises(ValueError, match="offset"):
        fastreg.path(X, Y, offset=WON)
    with pytest.raises(ValueError, match="SufficientStatistics"):
        fastreg.path(blocks(Y), alphas=3)
    stats = fastreg.SufficientStatistics.collect(blocks(Y))
    path = stats.path(alphas=3)
    assert path.select("bic").index >= 0 and path.relax().coefs.shape == (4, 3)
    with pytest.raises(ValueError, match=r"is for y in \[0, 1\]"):
        fastreg.path(X, Y, alphas=3).select("cv", score="auc")
    for kind in (fastreg.Ridge, fastreg.Lasso):
        assert not hasattr(kind, "residuals") and not hasattr(kind, "plot_calibration")


def test_criteria_of_saved_paths_of_squares(tmp_path):
    path = fastreg.path(X, Y, alphas=3)
    fastreg.save_model(path, tmp_path / "path.npz")
    saved = fastreg.load_model(tmp_path / "path.npz")
    for criterion in CRITERIA:
        np.testing.assert_allclose(saved.select(criterion).values, path.select(criterion).values)


@pytest.mark.parametrize(
    ("model", "y", "kind"),
    [
        (fastreg.Ridge(), Y, "gap"), (fastreg.Lasso(alpha=0.1), Y, "gap"),
        (fastreg.ElasticNet(alpha=0.1, positive=True), Y, "gap"),
        (fastreg.LinearRegression(), Y, "stationarity"),
        (fastreg.LogisticRegression(), WON, "gap"),
        (fastreg.LogisticRegression(C=np.inf), WON, "stationarity"),
        (fastreg.LinearSVC(), WON, "gap"),
        (fastreg.LinearSVC(C=np.inf), WON, "stationarity"),
        (fastreg.PoissonRegressor(), COUNTS, "gap"),
        (fastreg.PoissonRegressor(alpha=0.0), COUNTS, "stationarity"),
        (fastreg.TweedieRegressor(power=0), Y, "gap"),
        (fastreg.TweedieRegressor(power=0, link="log"), COUNTS, "stationarity"),
    ],
    ids=repr,
)  # fmt: skip
def test_certificates_are_of_the_kind_of_the_page(model, y, kind):
    assert model.fit(X, y).certificate_.kind == kind


@each
def test_certificates_of_paths_are_of_the_kind_of_the_page(name):
    kind = "stationarity" if name in NOT_CONVEX else "gap"
    factor = np.array([0.5, 1.0, 2.0, 1.0])
    for options in (
        {"l1_ratio": 0.0}, {"l1_ratio": 0.5}, {"l1_ratio": 1.0}, {"penalty_factor": factor},
        {"bounds": (-0.1, 0.2)}, {"positive": True},
    ):  # fmt: skip
        found = path_of(name, **options).certificate
        assert found.converged and found.kind == kind, options
    assert path_of(name, alphas=[0.0]).certificate.kind == "stationarity"
    factor[0] = 0.0
    assert path_of(name, penalty_factor=factor).certificate.kind == "stationarity"
    assert fastreg.path(X, Y, penalty_factor=factor).certificate.kind == "stationarity"
