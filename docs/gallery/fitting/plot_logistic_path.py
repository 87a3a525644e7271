"""
Benign or malignant: a logistic path and its AUC
================================================

How many of thirty measurements of cells does a good classifier need?
A path of the logistic loss starts without any. Cross-validation says when to stop.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import fastreg

# %%
# ``family="binomial"`` puts the logistic loss in place of the squares.
data = load_breast_cancer()
X = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
malignant = (data.target == 0).astype(float)
path = fastreg.path(X, malignant, family="binomial", alphas=50)
print(path)

# %%
# The line marks the strongest penalty within one standard error of the best deviance.
chosen = path.select("1se", cv=10)
ax = path.plot(chosen, names=data.feature_names)
ax.set(ylabel="log odds for one standard deviation", title="Log odds of a malignant tumour")
plt.show()

# %%
# The deviance asks for good probabilities. The AUC only asks for the right order of patients: a
# malignant tumour should come before a benign one. Both stop at about a third of the features.
ranked = path.select("1se", cv=10, score="auc")
features = np.count_nonzero(path.coefs, axis=0)
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
for ax, each, name in zip(axes, (chosen, ranked), ("mean deviance", "1 − AUC"), strict=True):
    seen = features > 0
    ax.fill_between(
        path.alphas[seen],
        (each.values - each.standard_error)[seen],
        (each.values + each.standard_error)[seen],
        color="0.88",
    )
    ax.plot(path.alphas[seen], each.values[seen])
    ax.axvline(each.alpha, color="C1", lw=1.2, ls="--")
    kept = features[each.index]
    ax.annotate(
        f"1se: {kept} features", (each.alpha, 0.9), (6, 0), xycoords=("data", "axes fraction"),
        textcoords="offset points", color="C1",
    )  # fmt: skip
    ax.set(xscale="log", xlabel="alpha", ylabel=f"held-out {name}")
    ax.invert_xaxis()
plt.show()

# %%
# The odds ratios of the features that the deviance keeps:
for j in np.argsort(-np.abs(chosen.coef))[:6]:
    print(f"{data.feature_names[j]:22} odds × {np.exp(chosen.coef[j]):.2f}")
