"""Paths are saved without the rows that they were fitted to."""

from __future__ import annotations

import dataclasses
import json
from typing import NamedTuple

import numpy as np
import pytest
from saved import assert_same

import fastreg
from fastreg import load_model, losses, save_model
from fastreg.paths.origins import Kept

SUFFIXES = [".npz", ".json"]


class Squared(NamedTuple):
    """A loss of the user, with a name that fastreg has as well."""


losses.traits.register(Squared)(lambda loss: losses.Traits())


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((50, 4))
    return X, X @ [1.0, -1.0, 0.0, 0.5] + rng.standard_normal(50)


def _path(rows, family="gaussian", **more):
    X, y = rows
    y = {"gaussian": y, "binomial": (y > 0) * 1.0, "poisson": np.round(np.exp(y / 2))}[family]
    return fastreg.path(X, y, family=family, alphas=5, **more)


PATHS = {
    "lasso": _path,
    "elastic net": lambda rows: _path(rows, l1_ratio=0.5),
    "bounds": lambda rows: _path(rows, bounds=(0.0, np.full(4, 2.0)), penalty_factor=[1, 2, 1, 0]),
    "no intercept, weights": lambda rows: _path(
        rows, fit_intercept=False, sample_weight=np.arange(1.0, 51.0)
    ),
    "binomial": lambda rows: _path(rows, "binomial", l1_ratio=0.9),
    "poisson": lambda rows: _path(rows, "poisson"),
    "relaxed": lambda rows: _path(rows).relax(0.3),
    "relaxed odds": lambda rows: _path(rows, "binomial").relax(),
    "statistics": lambda rows: fastreg.SufficientStatistics(4).update(*rows).path(alphas=5),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", PATHS)
def test_a_path_comes_back(name, suffix, rows, tmp_path):
    path = PATHS[name](rows)
    save_model(path, tmp_path / f"m{suffix}")
    loaded = load_model(tmp_path / f"m{suffix}")
    assert_same(path, loaded)
    for way in ("deviance", "explained", "null_deviance", "dof"):
        assert_same(getattr(path, way), getattr(loaded, way), way)
    assert repr(path) == repr(loaded) and repr(path.table()) == repr(loaded.table())
    for kind in ("link", "response"):
        assert_same(path.predict(rows[0], type=kind), loaded.predict(rows[0], type=kind))
    strength = float(np.mean(path.alphas[1:3]))
    assert_same(path.coef(strength), loaded.coef(strength))
    for criterion in ("bic", "aicc", "gcv"):
        assert_same(path.select(criterion), loaded.select(criterion))
    save_model(loaded, tmp_path / f"again{suffix}")
    assert (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"m{suffix}").read_bytes()


def test_names_come_back(rows, tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(rows[0], columns=list("abcd"))
    save_model(fastreg.path(frame, rows[1], alphas=3), tmp_path / "m.json")
    loaded = load_model(tmp_path / "m.json")
    assert loaded.feature_names == list("abcd")
    with pytest.raises(ValueError, match="put the columns in their order"):
        loaded.predict(frame[list("bacd")])


def test_the_rows_are_not_in_the_file(rows, tmp_path):
    X, y = rows
    save_model(fastreg.path(X, y, sample_weight=np.ones(50), alphas=3), tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as archive:
        assert not any(50 in archive[name].shape for name in archive.files)
    loaded = load_model(tmp_path / "m.npz")
    for ask in (lambda: loaded.select("cv"), loaded.relax):
        with pytest.raises(ValueError, match="needs the rows, and a path loaded from a file"):
            ask()


def test_a_loaded_path_takes_the_rows_again(rows, tmp_path):
    X, y = rows
    path = fastreg.path(X, y, alphas=3, l1_ratio=0.5)
    save_model(path, tmp_path / "m.json")
    point = load_model(tmp_path / "m.json").at(0.1, X=X, y=y)
    assert np.array_equal(point.coefs, path.at(0.1).coefs)


def test_what_needs_rows_is_none_where_there_are_none(tmp_path, rows):
    X, y = rows
    source = fastreg.read([(X[:25], (y > 0)[:25] * 1.0), (X[25:], (y > 0)[25:] * 1.0)])
    path = fastreg.path(source, family="binomial", alphas=3, l1_ratio=0.5)
    save_model(path, tmp_path / "m.json")
    loaded = load_model(tmp_path / "m.json")
    assert_same(path.predict(X), loaded.predict(X))
    with pytest.raises(ValueError, match="needs the rows"):
        loaded.select("bic")


def test_a_loss_of_the_user_is_refused(rows, tmp_path):
    path = _path(rows)
    objective = dataclasses.replace(path.data.objective, loss=Squared())
    kept = Kept(objective, path.data.count, path.data.weight, 1000, 0.0, None, False, False)
    path = dataclasses.replace(path, data=kept)
    with pytest.raises(ValueError, match=r"loss Squared\(\) is none of fastreg's"):
        save_model(path, tmp_path / "m.json")


def test_a_loaded_path_knows_that_it_had_weights_and_an_offset(rows, tmp_path):
    X, y = rows
    given = {"sample_weight": np.linspace(0.5, 2.0, 50), "offset": np.linspace(-1.0, 1.0, 50)}
    path = fastreg.path(X, (y > 0) * 1.0, family="binomial", alphas=3, **given)
    save_model(path, tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="sample_weight and offset must be given with X"):
        loaded.at(0.01, X=X, y=(y > 0) * 1.0)
    again = loaded.at(0.01, X=X, y=(y > 0) * 1.0, **given)
    assert np.array_equal(again.coefs, path.at(0.01).coefs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alphas", [-1.0, -2.0, -3.0]), ("l1_ratio", 7.0), ("weight", -3.0), ("count", 0),
        ("gamma", 0.5), ("gaps", [0.1, 0.2, 0.3]), ("l2", [[-1.0]]),
    ],
)  # fmt: skip
def test_parts_that_contradict_each_other_are_refused(name, value, rows, tmp_path):
    file = tmp_path / "m.json"
    save_model(fastreg.path(*rows, alphas=3), file)
    state = json.loads(file.read_text())
    assert name in state["attributes"]
    old = state["attributes"][name]
    state["attributes"][name] = {"float64": value} if isinstance(old, dict) else value
    file.write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r"out of range|do not descend"):
        load_model(file)
