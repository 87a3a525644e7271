"""SufficientStatistics: collected in any way, they give the fits that the rows give."""

import json

import numpy as np
import pytest
from conftest import STORAGES

import fastreg
from fastreg import LassoCV, Ridge, SufficientStatistics, checkpoints


def data(m=300, n=6, k=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n)) + rng.standard_normal(n)
    Y = X[:, :2] @ rng.standard_normal((2, k or 1)) + rng.standard_normal((m, k or 1))
    return X, Y if k else Y[:, 0], rng


@pytest.mark.parametrize(
    "options", [{}, {"l1_ratio": 0.4, "positive": True}, {"fit_intercept": False}]
)
def test_a_path_is_that_of_the_rows(options):
    X, y, rng = data()
    w = rng.random(300)
    stats = SufficientStatistics(6)
    for start in range(0, 300, 77):
        rows = slice(start, start + 77)
        stats.update(X[rows], y[rows], w[rows])
    found = stats.path(alphas=20, tol=1e-10, **options)
    wanted = fastreg.path(X, y, sample_weight=w, alphas=20, tol=1e-10, **options)
    np.testing.assert_allclose(found.alphas, wanted.alphas, rtol=1e-10)
    np.testing.assert_allclose(found.coefs, wanted.coefs, atol=1e-8)
    np.testing.assert_allclose(found.intercepts, wanted.intercepts, atol=1e-8)
    np.testing.assert_allclose(found.certificate.objective, wanted.certificate.objective, rtol=1e-9)
    assert found.gaps.max() <= 1e-10 and found.certificate.converged
    assert found.certificate.passes == 0


def test_ridges_of_every_target():
    X, Y, _ = data(k=3)
    stats = SufficientStatistics(6, n_targets=3).update(X, Y)
    for t in range(3):
        found = stats.path(l1_ratio=0.0, alphas=[1.0, 0.01], target=t)
        for q, alpha in enumerate(found.alphas):
            model = Ridge(alpha * 300, tol=1e-12).fit(X, Y[:, t])
            np.testing.assert_allclose(found.coefs[:, q], model.coef_, rtol=1e-9)


def test_cross_validation_is_that_of_the_rows():
    X, y, _ = data()
    folds = np.arange(300) % 5
    pairs = [(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in range(5)]
    model = LassoCV(cv=pairs, alphas=25, tol=1e-10).fit(X, y)
    found = (
        SufficientStatistics(6, n_folds=5)
        .update(X, y, fold=folds)
        .cross_validate(alphas=25, tol=1e-10)
    )
    np.testing.assert_allclose(found.mse, model.mse_path_, rtol=1e-9)
    assert found.alpha_min == pytest.approx(model.alpha_min_)
    assert found.alpha_1se == pytest.approx(model.alpha_1se_)


@pytest.mark.parametrize("name", ["F", "csr", "csc", "float32"])
def test_blocks_of_any_storage(name):
    X, y, _ = data()
    X = X.astype(np.float32).astype(float)
    plain = SufficientStatistics(6).update(X, y)
    mixed = SufficientStatistics(6).update(X[:100], y[:100])
    mixed.update(STORAGES[name](X[100:]), y[100:])
    np.testing.assert_allclose(mixed.covariance(), plain.covariance(), atol=1e-11)
    np.testing.assert_allclose(mixed.mean(), plain.mean(), atol=1e-12)


def test_sums_and_differences():
    X, y, _ = data()
    parts = [SufficientStatistics(6).update(X[a : a + 100], y[a : a + 100]) for a in (0, 100, 200)]
    whole = SufficientStatistics(6).update(X, y)
    together = parts[2] + parts[0] + parts[1]
    assert together.n_samples == 300 and together.weight == 300.0
    np.testing.assert_allclose(together.covariance(), whole.covariance(), rtol=1e-12, atol=1e-12)
    rest = whole - parts[1]
    np.testing.assert_allclose(
        rest.covariance(), (parts[0] + parts[2]).covariance(), rtol=1e-10, atol=1e-10
    )
    nothing = SufficientStatistics(6)
    assert (nothing + whole).n_samples == (whole + nothing).n_samples == 300
    assert (nothing + nothing).n_samples == 0
    with pytest.raises(ValueError, match="no part of these statistics"):
        nothing - whole
    with pytest.raises(ValueError, match="the same numbers of features"):
        whole + SufficientStatistics(5)
    with pytest.raises(TypeError):
        whole + 1


def test_a_file_gives_the_same_bits(tmp_path):
    X, y, _ = data()
    stats = SufficientStatistics(6, n_folds=3).update(X, y, fold=np.arange(300) % 3)
    stats.save(tmp_path / "stats.npz")
    again = SufficientStatistics.load(tmp_path / "stats.npz")
    assert again.covariance().tobytes() == stats.covariance().tobytes()
    assert again.n_samples == 300 and again.n_folds == 3
    assert (
        again.cross_validate(alphas=5).mse.tobytes() == stats.cross_validate(alphas=5).mse.tobytes()
    )
    SufficientStatistics(4).save(tmp_path / "empty.npz")
    assert SufficientStatistics.load(tmp_path / "empty.npz").n_samples == 0


def test_faulty_files_are_refused(tmp_path):
    X, y, _ = data()
    SufficientStatistics(6).update(X, y).save(tmp_path / "sound.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match="holds no fastreg statistics"):
        SufficientStatistics.load(tmp_path / "text.npz")
    with np.load(tmp_path / "sound.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "header"}
        header = json.loads(str(file["header"]))
    changed = arrays | {"mean": arrays["mean"] + 1e-9}
    np.savez(tmp_path / "faulty.npz", header=json.dumps(header), **changed)
    with pytest.raises(ValueError, match="its content does not match its digest"):
        SufficientStatistics.load(tmp_path / "faulty.npz")
    del header["digest"]
    checkpoints.write(tmp_path / "sound.npz", header, arrays)
    assert SufficientStatistics.load(tmp_path / "sound.npz").n_samples == 300
    for key, value, message in [
        ("scatter", arrays["scatter"][:, :3], "scatter should be numbers of shape"),
        ("mean", arrays["mean"] * np.nan, "mean holds NaN or infinity"),
        ("unit", arrays["unit"] * 1.5, "units, weights or counts are out of range"),
        ("weight", -arrays["weight"], "units, weights or counts are out of range"),
    ]:
        checkpoints.write(tmp_path / "faulty.npz", header, arrays | {key: value})
        with pytest.raises(ValueError, match=message):
            SufficientStatistics.load(tmp_path / "faulty.npz")
    with pytest.raises(FileNotFoundError):
        SufficientStatistics.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.ones((300, 5))}, "X has 5 features and y 1 targets, these statistics 6 and 1"),
        ({"y": np.ones((300, 2))}, "X has 6 features and y 2 targets"),
        ({"fold": 3}, "fold must hold integers from 0 to 1"),
        ({"fold": np.full(300, -1)}, "fold must hold integers from 0 to 1"),
        ({"fold": np.full(300, 0.5)}, "fold must hold integers from 0 to 1"),
        ({"X": np.full((300, 6), np.nan)}, "Input X contains NaN"),
        ({"X": np.full((300, 6), np.inf)}, "Input X contains infinity"),
        ({"sample_weight": -np.ones(300)}, "sample_weight"),
    ],
)
def test_a_faulty_block_changes_nothing(change, message):
    X, y, _ = data()
    stats = SufficientStatistics(6, n_folds=2).update(X, y)
    before = stats.covariance()
    with pytest.raises(ValueError, match=message):
        stats.update(**({"X": X, "y": y} | change))
    np.testing.assert_array_equal(stats.covariance(), before)
    assert stats.n_samples == 300


def test_nothing_can_be_fitted_to_nothing():
    with pytest.raises(ValueError, match="there are no rows yet"):
        SufficientStatistics(3).path()
    X, y, _ = data()
    with pytest.raises(ValueError, match="rows in two folds or more"):
        SufficientStatistics(6).update(X, y).cross_validate()
    with pytest.raises(ValueError, match="n_features must be a positive integer"):
        SufficientStatistics(0)
    with pytest.raises(ValueError, match="target must be from 0 to 0"):
        SufficientStatistics(6).update(X, y).path(target=1)


def test_constant_columns_and_targets():
    X, y, _ = data()
    X[:, 2] = 0.1
    found = SufficientStatistics(6).update(X, y).path(alphas=10, tol=1e-9)
    assert not found.coefs[2].any() and found.certificate.converged
    flat = SufficientStatistics(6).update(X, np.full(300, 0.1)).path(alphas=[0.1])
    assert not flat.coefs.any()
    np.testing.assert_allclose(flat.intercepts, 0.1, rtol=1e-12)


def test_an_unpenalised_feature_is_certified_by_kkt_and_failure_is_told(monkeypatch):
    from fastreg import solvers

    X, y, _ = data()
    factor = np.ones(6)
    factor[2] = 0.0
    stats = SufficientStatistics(6).update(X, y)
    found = stats.path(alphas=8, penalty_factor=factor)
    assert found.certificate.converged and found.coefs[2].all()
    monkeypatch.setattr(solvers, "follow", lambda *_: (np.zeros((6, 1)), np.zeros(1)))
    with pytest.warns(fastreg.ConvergenceWarning, match="did not reach a relative gap"):
        stats.path(alphas=[1e-3])


def test_degrees_of_freedom_without_an_intercept():
    X, y, _ = data()
    found = (
        SufficientStatistics(6).update(X, y).path(l1_ratio=0.0, alphas=[0.5], fit_intercept=False)
    )
    hat = X @ np.linalg.solve(X.T @ X + 150 * np.eye(6), X.T)
    np.testing.assert_allclose(found.dof, np.trace(hat), rtol=1e-9)


def test_weights_that_are_no_integers_can_all_be_taken_out_again():
    X, y, rng = data()
    w = rng.random(300) / 3
    a = SufficientStatistics(6).update(X[:100], y[:100], w[:100])
    b = SufficientStatistics(6).update(X[100:], y[100:], w[100:])
    assert ((a + b) - b - a).n_samples == 0


def test_a_sparse_offset_is_refused():
    X, y, _ = data()
    with pytest.raises(ValueError, match="mean that dwarfs its spread"):
        SufficientStatistics(6).update(STORAGES["csr"](X + 1e7), y)
