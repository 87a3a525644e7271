"""A classifier that says how sure its answer is: benign or malignant, from 30 features of cells.

    python docs/examples/breast_cancer.py

A path shows in which order features come in, cross-validation chooses how many, the odds say by how
much each counts, and certificates say how far all of that can be from the minimum.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer

import fastreg


def main() -> None:
    data = load_breast_cancer()
    X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    malignant = (data.target == 0).astype(float)

    path = fastreg.path(X, malignant, family="binomial", alphas=20)
    entered = [np.flatnonzero(coef != 0.0) for coef in path.coefs.T]
    print(f"path: 0 to {len(entered[-1])} features, gaps up to {path.gaps.max():.0e}")
    first = next(features for features in entered if len(features))
    print("first to enter:", ", ".join(data.feature_names[first]))

    kinds = data.target_names[data.target]  # texts are labels as they are
    Cs = np.logspace(-2, 1, 10)
    model = fastreg.LogisticRegressionCV(Cs=Cs, l1_ratios=[1.0], rule="1se").fit(X, kinds)
    print(f"chosen: C = {model.C_:.3g}, {np.count_nonzero(model.coef_)} features")
    print(f"held-out deviance: {-2.0 * model.scores_[:, 0].mean(axis=0).max():.3f}")

    ratios = np.exp(model.coef_[0])  # of the odds of the second class, for a standard deviation
    for j in np.argsort(-np.abs(model.coef_[0]))[:5]:
        print(f"  {data.feature_names[j]:24} odds of {model.classes_[1]} × {ratios[j]:.2f}")
    print("fit:", model.certificate_)
    print("choice:", model.cv_certificate_)


if __name__ == "__main__":
    main()
