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
# The search starts at the best common strength. So its held-out error is never larger than there.
model = fastreg.AdaptiveRidge(groups=groups).fit(X, y)
print(f"held-out error: common strength {model.equal_error_:.0f}, by group {model.error_:.0f}")
print(model.cv_certificate_)

# %%
# Measurements are hardly shrunk, products strongly, and squares are as good as left out.
alphas = np.geomspace(1.0, 1e4, 25)
common = fastreg.path(X, y, l1_ratio=0.0, alphas=alphas / len(y)).select("cv", cv=5)
fig, axes = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
axes[0].plot(common.alphas * len(y), common.values, label="one strength for all")
axes[0].axhline(model.error_, color="C1", label="one for each group")
axes[0].set(xscale="log", xlabel="common strength", ylabel="held-out mean squared error")
axes[0].legend()
axes[1].plot(model.group_alphas_, model.groups_, "o", color="C1", ms=9)
axes[1].set(xscale="log", xlabel="strength found", ylim=(-0.5, 2.5), title="Strength of each group")
axes[1].grid(axis="y", color="0.9")
plt.show()

# %%
# The coefficients show what that means.
order = np.argsort(groups, kind="stable")
fig, ax = plt.subplots(figsize=(7.0, 3.6), layout="constrained")
ax.plot(common.coef[order], "o", color="C0", ms=4, label="one strength for all")
ax.plot(model.coef_[order], "o", color="C1", ms=4, label="one for each group")
places = [np.flatnonzero(groups[order] == name) for name in model.groups_]
for here in places[:-1]:
    ax.axvline(here[-1] + 0.5, color="0.8", lw=0.8)
ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
ax.set_xticks([here.mean() for here in places], [f"{name}s" for name in model.groups_])
ax.tick_params(axis="x", length=0)
ax.set(ylabel="change for one standard deviation")
ax.legend(loc="upper center")
plt.show()
