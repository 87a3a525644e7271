"""
Ridge, lasso or elastic net on correlated features
==================================================

Five features measure nearly the same thing. What does each penalty do with them?
Ridge shares the effect among all five. The lasso favours one of them. The elastic net shares the
effect as well, and leaves noise out.
"""

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# The first five features are noisy copies of one signal. Ten others are noise.
rng = np.random.default_rng(3)
signal = rng.standard_normal((120, 1))
copies = signal + 0.15 * rng.standard_normal((120, 5))
X = np.hstack([copies, rng.standard_normal((120, 10))])
y = 2.0 * signal[:, 0] + rng.standard_normal(120)
print("correlation of two copies:", np.corrcoef(copies.T)[0, 1].round(2))

# %%
# One function fits all three: ``l1_ratio`` is the share of the L1 penalty.
kinds = {"ridge": 0.0, "elastic net": 0.3, "lasso": 1.0}
paths = {
    name: fastreg.path(X, y, l1_ratio=ratio, alphas=np.geomspace(100.0, 0.01, 60))
    for name, ratio in kinds.items()
}

fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.6), sharey=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.plot(path.alphas, path.coefs[5:].T, color="0.75", lw=1.0)
    ax.plot(path.alphas, path.coefs[:5].T, color="C0")
    ax.set(xscale="log", xlabel="alpha", title=name)
    ax.invert_xaxis()
axes[0].set_ylabel("coefficient")
lines = axes[0].lines
axes[0].legend([lines[-1], lines[0]], ["copies of the signal", "noise"])
plt.show()

# %%
# Cross-validation chooses a strength for each. The predictions are about equally good.
# The coefficients tell three different stories, so read them with care.
fig, ax = plt.subplots(layout="constrained")
for k, (name, path) in enumerate(paths.items()):
    chosen = path.select("cv", cv=10)
    error = chosen.values[chosen.index]
    place = np.arange(15) + 0.25 * (k - 1)
    ax.bar(place, chosen.coef, width=0.22, color=f"C{k}", label=f"{name}: held-out MSE {error:.2f}")
ax.axvline(4.5, color="0.6", lw=0.8)
ax.set(xlabel="feature: 0 to 4 are copies, the others noise", ylabel="coefficient")
ax.set_title("Coefficients where cross-validation stops")
ax.set_xticks(range(15))
ax.legend()
plt.show()
