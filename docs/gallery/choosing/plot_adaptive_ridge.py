"""
One strength for each group of features
=======================================

Ten measurements have ten squares and forty-five products. Should all be shrunk alike?
``AdaptiveRidge`` finds a strength for each group, by the gradient of the held-out error.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import fastreg

# %%
# The features of the diabetes data, with all terms of second order.
data = load_diabetes()
terms = PolynomialFeatures(2, include_bias=False)
X = StandardScaler().fit_transform(terms.fit_transform(StandardScaler().fit_transform(data.data)))
y = data.target
powers = terms.powers_
groups = np.where(
    powers.sum(axis=1) == 1, "measurement", np.where(powers.max(axis=1) == 2, "square", "product")
)

# %%
# The search starts at the best common strength, so it can only do better than that.
model = fastreg.AdaptiveRidge(groups=groups).fit(X, y)
print(f"held-out error: common strength {model.equal_error_:.0f}, by group {model.error_:.0f}")
print(model.cv_certificate_)

# %%
# Measurements are shrunk least. Squares hardly count, so they are shrunk most.
alphas = np.geomspace(1.0, 1e4, 25)
common = [
    fastreg.AdaptiveRidge(alpha_bounds=(alpha, 1.0001 * alpha)).fit(X, y).error_ for alpha in alphas
]
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.8), layout="constrained")
axes[0].plot(alphas, common, label="one strength for all")
axes[0].axhline(model.error_, color="C1", label="one for each group")
axes[0].set(xscale="log", xlabel="common strength", ylabel="held-out mean squared error")
axes[0].legend()
axes[1].barh(model.groups_, model.group_alphas_, color="C1", height=0.5)
axes[1].set(xscale="log", xlabel="strength found", title="Strength of each group")
plt.show()

# %%
# The coefficients show what that means.
equal = fastreg.RidgeCV(alphas=alphas, cv=5).fit(X, y)
order = np.argsort(groups, kind="stable")
fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
ax.plot(equal.coef_[order], "o", color="C0", ms=4, label="one strength for all")
ax.plot(model.coef_[order], "o", color="C1", ms=4, label="one for each group")
for name in model.groups_:
    here = np.flatnonzero(groups[order] == name)
    ax.axvline(here[-1] + 0.5, color="0.8", lw=0.8)
    ax.text(here.mean(), -17.5, f"{name}s", ha="center", color="0.3")
ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
ax.set(xlabel="feature", ylabel="coefficient", ylim=(-20, None))
ax.legend(loc="upper center")
plt.show()
