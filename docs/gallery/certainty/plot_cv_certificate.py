"""
Are the held-out errors exact enough to choose by?
==================================================

Cross-validation compares errors of many fits, and each fit has a tolerance.
Could rounding and early stopping have changed the choice? ``cv_certificate_`` bounds every error.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import KFold

import fastreg

# %%
# The size of a tumour, from twenty-six other measurements. These are so correlated that training
# fits are hard.
data = load_breast_cancer()
size = ["radius" in name or "perimeter" in name or "area" in name for name in data.feature_names]
X = data.data[:, ~np.array(size)]
X = (X - X.mean(axis=0)) / X.std(axis=0)
y = data.data[:, 0]
alphas = np.geomspace(1.0, 1e-3, 20)
exact = fastreg.LassoCV(alphas=alphas, cv=10, tol=0.0).fit(X, y)
loose = fastreg.LassoCV(alphas=alphas, cv=10, tol=1e-1).fit(X, y)
print("exact:", exact.cv_certificate_)
print("loose:", loose.cv_certificate_)

# %%
# Training fits that stop early have no bound; the certificate names their gaps instead.
# With ``tol=0`` no error is off by more than rounding. The curve and the choice can be trusted.
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
mean = exact.mse_path_.mean(axis=1)
axes[0].fill_between(
    exact.alphas_,
    mean - exact.mse_se_,
    mean + exact.mse_se_,
    color="0.88",
    label="± standard error",
)
axes[0].plot(exact.alphas_, mean, label="held-out error")
axes[0].axvline(exact.alpha_, color="C1", ls="--", lw=1.2, label="chosen")
axes[0].set(ylabel="mean squared error / mm²")
axes[0].legend()
bound = exact.cv_certificate_.bound
axes[1].fill_between(exact.alphas_, bound.min(axis=1), bound.max(axis=1), alpha=0.3)
axes[1].plot(exact.alphas_, np.median(bound, axis=1), label="certificate, ten folds")
axes[1].plot(exact.alphas_, exact.mse_se_ / mean, color="C1", label="standard error of the mean")
axes[1].set(yscale="log", ylabel="relative uncertainty", ylim=(1e-16, 1.0))
axes[1].legend(loc="center right")
for ax in axes:
    ax.set(xscale="log", xlabel="alpha")
    ax.invert_xaxis()
plt.show()

# %%
# Is the certificate right? We fit each training set again and compute the errors with NumPy.
# No error is farther off than its bound.
again = np.empty_like(exact.mse_path_)
for f, (train, test) in enumerate(KFold(10).split(X)):
    for k, alpha in enumerate(exact.alphas_):
        model = fastreg.Lasso(alpha=alpha, tol=0.0).fit(X[train], y[train])
        again[k, f] = np.mean((y[test] - model.predict(X[test])) ** 2)
true = np.abs(again - exact.mse_path_) / exact.mse_path_
print("all within their bounds:", bool((true <= bound).all()))

fig, ax = plt.subplots(figsize=(5.4, 4.4), layout="constrained")
ends = [1e-16, 1e-9]
ax.plot(ends, ends, color="0.6", lw=1.0, label="error = bound")
ax.scatter(bound, np.maximum(true, 1e-16), s=10, alpha=0.5, label="a fold at one alpha")
ax.set(xscale="log", yscale="log", xlabel="certified bound", ylabel="relative difference found")
ax.legend()
plt.show()
