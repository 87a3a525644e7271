"""`fastreg predict` says what it cannot predict with."""

import numpy as np

import fastreg
from fastreg.cli import main


def test_a_path_and_a_selection_are_refused_in_words(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    y = X[:, 0] + rng.standard_normal(40)
    np.savetxt("x.csv", X, delimiter=",", header="a,b,c", comments="")
    selection = fastreg.StabilitySelection(n_pairs=2, random_state=0).fit(X, y)
    for model in (fastreg.path(X, y, alphas=2), selection):
        fastreg.save_model(model, "m.json")
        assert main(["predict", "m.json", "x.csv"]) == 2
        assert "does not predict files" in capsys.readouterr().err
