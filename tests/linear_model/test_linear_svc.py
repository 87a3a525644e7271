"""`LinearSVC`: scikit-learn's minimum, a class against the rest, gaps that hold."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from conftest import needs_jit
from sklearn import svm
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg
from fastreg import LinearSVC, load_model, save_model
from fastreg.linear_model.state import fitted_attributes

pytestmark = needs_jit
PENALTIES = ["l1", "l2"]
CLASSES = [2, 3]


def problem(classes=2, m=150, n=4, seed=0):
    """(X, labels, weights)."""
    rng = np.random.default_rng(seed)
    X, B = rng.standard_normal((m, n)), rng.standard_normal((n, classes))
    y = (X @ B + rng.gumbel(size=(m, classes))).argmax(axis=1)
    return X, np.array(["a", "b", "c", "d"])[y], rng.uniform(0.5, 2.0, m)


def objective(model, X, sign, coef, intercept, w=None, C=1.0):
    """P of one fit, by a formula of its own; `sign` is 1 or −1."""
    w = np.ones(len(X)) if w is None else w
    ratio = {"l1": 1.0, "l2": 0.0}[model.penalty] if model.l1_ratio is None else model.l1_ratio
    margin = np.maximum(0.0, 1.0 - sign * (X @ coef + intercept))
    penalty = (ratio * np.abs(coef) + 0.5 * (1.0 - ratio) * coef**2).sum()
    return float((0.5 * w @ margin**2 + penalty / (2.0 * C)) / w.sum())


def signs(model, y):
    """One array of ±1 for each fit."""
    own = model.classes_ if len(model.classes_) > 2 else model.classes_[1:]
    return [np.where(y == label, 1.0, -1.0) for label in own]


@parametrize_with_checks([LinearSVC(), LinearSVC("l1"), LinearSVC(C=np.inf)])
@pytest.mark.thorough
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


# ---------------------------------------------------------------- scikit-learn's minimum


def theirs(X, y, w, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of liblinear, which stops short of such a tol
        return svm.LinearSVC(dual=False, tol=1e-14, max_iter=10**6, **options).fit(X, y, w)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 3.0, "b": 0.5}], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_minimum_is_scikit_learns(classes, penalty, class_weight, weighted):
    X, y, w = problem(classes)
    options = {"penalty": penalty, "C": 0.4, "class_weight": class_weight}
    w = w if weighted else None
    ours = LinearSVC(tol=1e-14, fit_intercept=False, **options).fit(X, y, w)
    peer = theirs(X, y, w, fit_intercept=False, **options)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-6)
    np.testing.assert_array_equal(ours.intercept_, 0.0)
    ours = LinearSVC(tol=1e-14, **options).fit(X, y, w)
    # scikit-learn penalises its intercept, by L1 as little as 1/scale.
    peer = theirs(X, y, w, intercept_scaling=3e4, **options)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, atol=2e-6)
    np.testing.assert_allclose(ours.decision_function(X), peer.decision_function(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), peer.predict(X))
    assert ours.score(X, y, w) == peer.score(X, y, w)
    for name in ("coef_", "intercept_", "n_iter_", "classes_"):
        mine, other = (np.asarray(getattr(each, name)) for each in (ours, peer))
        assert mine.shape == other.shape and mine.dtype == other.dtype


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_their_intercept_is_a_penalised_column_of_ours(penalty, scale):
    X, y, w = problem(3)
    peer = theirs(X, y, w, penalty=penalty, intercept_scaling=scale)
    wider = np.column_stack([X, np.full(len(y), scale)])
    ours = LinearSVC(penalty, fit_intercept=False, tol=1e-14).fit(wider, y, w)
    np.testing.assert_allclose(ours.coef_[:, :-1], peer.coef_, atol=1e-6)
    np.testing.assert_allclose(scale * ours.coef_[:, -1], peer.intercept_, atol=1e-6)


@pytest.mark.parametrize("name", ["dual", "intercept_scaling", "random_state", "verbose"])
def test_what_is_ignored_changes_nothing(name):
    X, y, _ = problem()
    other = {"dual": True, "intercept_scaling": 7.0, "random_state": 3, "verbose": 1}[name]
    ours = LinearSVC(**{name: other}).fit(X, y)
    np.testing.assert_array_equal(ours.coef_, LinearSVC().fit(X, y).coef_)


# ---------------------------------------------------------------- gaps


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("options", [{"penalty": "l1"}, {}, {"l1_ratio": 0.4}], ids=str)
@pytest.mark.parametrize("tol", [1e-1, 1e-4])
def test_gaps_are_met_and_hold(classes, options, tol):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        C, n = float(10 ** rng.uniform(-2, 2)), int(rng.integers(2, 30))
        X, y, w = problem(classes, m=60, n=n, seed=seed)
        model = LinearSVC(C=C, tol=tol, **options).fit(X, y, w)
        sharp = clone(model).set_params(tol=1e-13).fit(X, y, w)
        worth, gaps = model.certificate_, np.atleast_1d(model.dual_gap_)
        assert worth.converged and worth.kind == "gap" and (worth.relative_gap <= tol).all()
        assert len(gaps) == len(model.coef_) == len(worth.gap) and np.array_equal(gaps, worth.gap)
        for k, sign in enumerate(signs(model, y)):
            found, least = (
                objective(model, X, sign, each.coef_[k], each.intercept_[k], w, C)
                for each in (model, sharp)
            )
            assert found == pytest.approx(worth.objective[k], rel=1e-10)
            assert -1e-14 <= found - least <= gaps[k] + 1e-14


def test_a_fit_that_stops_early_is_told():
    X, y, _ = problem(3, n=20)
    with pytest.warns(fastreg.ConvergenceWarning, match=r"relative duality gap of .* was asked"):
        model = LinearSVC(C=100.0, max_iter=1, tol=1e-12).fit(X, y)
    assert not model.certificate_.converged and (model.dual_gap_ > 0.0).any()
    sharp = clone(model).set_params(max_iter=1000).fit(X, y)
    for k, sign in enumerate(signs(model, y)):
        found, least = (
            objective(model, X, sign, each.coef_[k], each.intercept_[k], C=100.0)
            for each in (model, sharp)
        )
        assert found - least <= model.dual_gap_[k] + 1e-14


def test_no_penalty_has_a_minimum_where_classes_separate():
    X, *_ = problem()
    model = LinearSVC(C=np.inf).fit(X, X[:, 0] > 0.1)
    assert model.certificate_.converged and model.score(X, X[:, 0] > 0.1) == 1.0


# ---------------------------------------------------------------- rows, weights, storages


@pytest.mark.parametrize("classes", CLASSES)
def test_weights_repeat_rows(classes):
    X, y, _ = problem(classes)
    w = np.random.default_rng(1).integers(0, 3, len(y))
    weighted = LinearSVC(tol=1e-13).fit(X, y, w)
    repeated = LinearSVC(tol=1e-13).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-7)
    X[w == 0], y[w == 0] = 1e9, "d"
    again = LinearSVC(tol=1e-13).fit(X, y, w)
    np.testing.assert_allclose(again.coef_, weighted.coef_, atol=1e-7)
    assert again.classes_.tolist() == weighted.classes_.tolist()


def test_the_weight_of_a_class_is_that_of_its_rows():
    X, y, w = problem()
    by_class = LinearSVC(tol=1e-13, class_weight={"a": 3.0, "b": 0.5}).fit(X, y, w)
    by_row = LinearSVC(tol=1e-13).fit(X, y, w * np.where(y == "a", 3.0, 0.5))
    np.testing.assert_allclose(by_class.coef_, by_row.coef_, atol=1e-8)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_each_of_three_classes_is_a_fit_of_two(penalty):
    X, y, w = problem(3)
    offset = np.random.default_rng(3).standard_normal((len(y), 3))
    model = LinearSVC(penalty, tol=1e-12).fit(X, y, w, offset)
    for k, label in enumerate("abc"):
        alone = LinearSVC(penalty, tol=1e-12).fit(X, y == label, w, offset[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_[0], atol=1e-9)
        z = model.decision_function(X, offset)[:, k]
        np.testing.assert_allclose(z, alone.decision_function(X, offset[:, k]), atol=1e-9)
    best = model.classes_[model.decision_function(X, offset).argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(X, offset), best)
    assert model.score(X, y, w, offset) == pytest.approx(np.average(best == y, weights=w))


@pytest.mark.parametrize("classes", CLASSES)
def test_storages(store, classes):
    X, y, _ = problem(classes)
    X = np.round(X * 8) / 8
    X[np.abs(X) < 0.3] = 0.0
    plain, model = (LinearSVC(tol=1e-12).fit(each, y) for each in (X, store(X)))
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-7)
    z = model.decision_function(store(X))
    np.testing.assert_allclose(z, plain.decision_function(X), atol=1e-6)


def test_frames_have_names():
    X, y, _ = problem(3)
    frame = pd.DataFrame(X, columns=list("efgh"))
    model = LinearSVC().fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list("efgh")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("hgfe")])


def test_bounds_and_factors():
    X, y, _ = problem(3)
    assert (LinearSVC(positive=True).fit(X, y).coef_ >= 0).all()
    assert np.abs(LinearSVC(bounds=(-0.1, 0.1)).fit(X, y).coef_).max() <= 0.1
    free = LinearSVC("l1", C=1e-9, penalty_factor=[0, 1, 1, 1]).fit(X, y)
    assert (free.coef_[:, 0] != 0.0).all() and not free.coef_[:, 1:].any()


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_source_is_its_rows(penalty, weighted):
    X, y, w = problem(m=300)
    numbers = (y == "b") * 1.0
    parts = np.array_split(np.arange(300), 3)
    blocks = [
        (X[some], numbers[some], w[some]) if weighted else (X[some], numbers[some])
        for some in parts
    ]
    own = LinearSVC(penalty, tol=1e-11).fit(X, numbers, w if weighted else None)
    model = LinearSVC(penalty, tol=1e-11).fit(fastreg.read(blocks, memory=0))
    assert "blocks" in model.certificate_.method and model.certificate_.converged
    np.testing.assert_allclose(model.coef_, own.coef_, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, own.intercept_, atol=1e-5)
    assert model.classes_.tolist() == [0, 1]


def test_a_file_of_texts_gives_labels(tmp_path):
    X, y, _ = problem()
    table = pd.DataFrame(X, columns=list("efgh")).assign(y=y)
    table.to_csv(tmp_path / "t.csv", index=False)
    for memory in (0, 2**30):
        source = fastreg.read(tmp_path / "t.csv", "y", labels=True, memory=memory)
        model = LinearSVC(tol=1e-10).fit(source)
        assert model.classes_.tolist() == ["a", "b"]
        np.testing.assert_allclose(model.coef_, LinearSVC(tol=1e-10).fit(X, y).coef_, atol=1e-4)
        scores = model.decision_function(tmp_path / "t.csv")
        np.testing.assert_allclose(scores, model.decision_function(table[list("efgh")]))


def test_dask_collections():
    da = pytest.importorskip("dask.array")
    X, y, _ = problem(3)
    chunks = da.from_array(X, chunks=(50, 4))
    model = LinearSVC(tol=1e-10).fit(X, y)
    lazy = model.decision_function(chunks)
    np.testing.assert_allclose(np.asarray(lazy), model.decision_function(X))
    two = da.from_array((y == "a") * 1.0, chunks=50)
    by_blocks = LinearSVC(tol=1e-10).fit(chunks, two)
    own = LinearSVC(tol=1e-10).fit(X, (y == "a") * 1.0)
    np.testing.assert_allclose(by_blocks.coef_, own.coef_, atol=1e-4)


def test_what_sources_have_not_is_said():
    X, y, _ = problem(3)
    numbers = np.searchsorted(["a", "b", "c"], y)
    source = fastreg.read([(X[:70], numbers[:70]), (X[70:], numbers[70:])], memory=0)
    with pytest.raises(ValueError, match=r"y of .* has 3 classes, and SquaredHinge takes 2"):
        LinearSVC().fit(source)
    shares = fastreg.read([(X[:70], numbers[:70] / 2.0), (X[70:], numbers[70:] / 2.0)], memory=0)
    with pytest.raises(ValueError, match=r"y of .* must be 0 or 1$"):
        LinearSVC().fit(shares)
    with pytest.raises(ValueError, match="class_weight needs rows in memory"):
        LinearSVC(class_weight="balanced").fit(source)
    with pytest.raises(ValueError, match="cannot be fitted to statistics"):
        LinearSVC().fit(fastreg.SufficientStatistics(4))


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({"loss": "hinge"}, None, "loss='hinge' is not in fastreg.*squared_hinge"),
        ({"multi_class": "crammer_singer"}, None, "multi_class='crammer_singer' is not in fastreg"),
        ({"penalty": "elasticnet"}, None, "'penalty' parameter"),
        ({"l1_ratio": 2.0}, None, "'l1_ratio' parameter"),
        ({"C": 0.0}, None, "'C' parameter"),
        ({"C": 1e-310}, None, "C must be at least 1e-307"),
        ({"tol": np.inf}, None, "'tol' parameter"),
        ({"class_weight": {"z": 1.0}}, None, "class_weight must have keys of the classes"),
        ({"class_weight": {"a": 0.0}}, None, "class_weight=.* leaves no weight to class 'a'"),
        ({"class_weight": {"a": -1.0}}, None, "class_weight must hold finite weights"),
        ({"penalty_factor": [1.0]}, None, "penalty_factor must hold 4"),
        ({"bounds": (1.0, 2.0)}, None, "low ≤ 0 ≤ high"),
        ({}, np.zeros(150), "y has one class"),
        ({}, np.linspace(0.1, 0.9, 150), "Unknown label type: .*Give labels"),
        ({}, np.eye(2)[np.arange(150) % 2], "y has two columns: give one label for each row"),
    ],
)
def test_what_is_wrong_is_said(options, y, message):
    X, labels, _ = problem(3)
    with pytest.raises(ValueError, match=message) as error:
        LinearSVC(**options).fit(X, labels if y is None else y)
    assert "target=" not in str(error.value)


@pytest.mark.parametrize("offset", [np.ones(150), np.full((150, 3), np.nan)], ids=["flat", "nan"])
def test_faulty_offsets_are_refused(offset):
    X, y, _ = problem(3)
    with pytest.raises(ValueError, match=r"offset must hold \(150, 3\) finite numbers"):
        LinearSVC().fit(X, y, offset=offset)


def test_what_is_no_likelihood_is_said():
    X, y, _ = problem()
    model = LinearSVC().fit(X, y)
    for name in ("predict_proba", "predict_log_proba", "summary", "residuals"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=f"{name}.*no likelihood: fit LogisticRegression"):
            getattr(model, name)
    with pytest.raises(AttributeError, match=r"no attribute 'other'$"):
        _ = model.other
    chances = CalibratedClassifierCV(model).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


# ---------------------------------------------------------------- the next fit, and files


@pytest.mark.parametrize("classes", CLASSES)
def test_a_warm_start_goes_on(classes):
    X, y, _ = problem(classes, m=400, n=30)
    model = LinearSVC("l1", C=10.0, warm_start=True, tol=1e-8)
    first = model.fit(X, y).n_iter_
    kept = model.coef_.copy()
    assert model.sparsify().fit(X, y).n_iter_ < first
    np.testing.assert_allclose(model.coef_, kept, atol=1e-5)
    held = model.set_params(bounds=(-0.01, 0.01)).fit(X, y).coef_
    assert np.abs(held).max() <= 0.01
    other = problem(4, m=400, n=30)
    np.testing.assert_allclose(
        model.set_params(bounds=None).fit(*other[:2]).coef_,
        LinearSVC("l1", C=10.0, tol=1e-8).fit(*other[:2]).coef_,
        atol=1e-5,
    )


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_it_is_saved_cloned_and_pickled(classes, suffix, tmp_path):
    X, y, w = problem(classes)
    model = LinearSVC("l1", C=0.3, class_weight="balanced", bounds=(-1.0, 1.0)).fit(X, y, w)
    save_model(model, tmp_path / f"m{suffix}")
    for again in (load_model(tmp_path / f"m{suffix}"), pickle.loads(pickle.dumps(model))):
        for name in ("coef_", "intercept_", "classes_", "dual_gap_", "n_iter_"):
            np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
        np.testing.assert_array_equal(again.certificate_.gap, model.certificate_.gap)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    dense = model.predict(X)
    assert sp.issparse(model.sparsify().coef_)
    np.testing.assert_array_equal(model.predict(X), dense)
    assert isinstance(model.densify().coef_, np.ndarray)


def test_every_attribute_of_a_fit_is_declared():
    """Those that are not would outlive the next fit."""
    X, y, _ = problem(3)
    model = LinearSVC().fit(pd.DataFrame(X, columns=list("efgh")), y)
    public = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    assert public <= fitted_attributes(LinearSVC)


def test_offsets_are_routed():
    X, y, w = problem()
    offset = np.random.default_rng(5).standard_normal(len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = LinearSVC().set_fit_request(offset=True, sample_weight=True)
        model.set_predict_request(offset=True).set_score_request(offset=True, sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipe.fit(X, y, sample_weight=w, offset=offset)
        Z = StandardScaler().fit_transform(X)
        alone = LinearSVC().fit(Z, y, w, offset)
        np.testing.assert_allclose(pipe[-1].coef_, alone.coef_)
        search = GridSearchCV(pipe, {"linearsvc__C": [0.01, 1.0]}, error_score="raise")
        assert search.fit(X, y, offset=offset, sample_weight=w).best_score_ > 0.5


def test_a_failed_fit_leaves_the_one_before():
    X, y, _ = problem(3)
    model = LinearSVC().fit(pd.DataFrame(X, columns=list("efgh")), y)
    before = {name: pickle.dumps(value) for name, value in vars(model).items()}
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
    assert {name: pickle.dumps(value) for name, value in vars(model).items()} == before
    model.set_params(C=100.0, max_iter=1, tol=1e-12)
    with pytest.raises(fastreg.ConvergenceWarning):  # warnings are errors here
        model.fit(X[:50], y[:50])
    model.set_params(C=1.0, max_iter=1000, tol=1e-4)
    assert {name: pickle.dumps(value) for name, value in vars(model).items()} == before
