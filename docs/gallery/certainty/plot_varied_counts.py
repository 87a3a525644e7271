"""
Counts that vary more than Poisson's
====================================

A Poisson variable has a variance of its mean. Counts of people often vary more.
What goes wrong then, and how does a picture show it?
"""

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats

import fastreg

# %%
# Visits of 2000 patients. Each has a tendency of its own that no feature tells.
rng = np.random.default_rng(0)
m = 2000
X = rng.standard_normal((m, 3))
tendency = rng.gamma(1.2, 1.0 / 1.2, m)
visits = rng.poisson(2.0 * tendency * np.exp(0.4 * X[:, 0]))
poisson = fastreg.PoissonRegressor(alpha=0.0).fit(X, visits)
varied = fastreg.NegativeBinomialRegressor(alpha=0.0).fit(X, visits)
print(f"theta {varied.theta_:.2f}, standard error {varied.theta_se_:.2f}; truth 1.2")
print(f"AIC {poisson.summary(X, visits).aic:.0f} and {varied.summary(X, visits).aic:.0f}")

# %%
# A rootogram hangs bars of what was seen from the curve of what a model expects.
# Bars that end at zero are right. The Poisson model expects too few zeros, and too many twos.
most = 16
counts = np.arange(most)
seen = np.array([(visits == k).sum() for k in counts])


def expected(model):
    mean = model.predict(X)[:, None]
    if model is poisson:
        return scipy.stats.poisson.pmf(counts, mean).sum(axis=0)
    theta = model.theta_
    return scipy.stats.nbinom.pmf(counts, theta, theta / (theta + mean)).sum(axis=0)


fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained", sharey=True)
for ax, model, title in zip(axes, (poisson, varied), ("Poisson", "Negative binomial"), strict=True):
    top = np.sqrt(expected(model))
    ax.bar(counts, -np.sqrt(seen), bottom=top, width=0.8, color="C0", alpha=0.7)
    ax.plot(counts, top, "o-", color="C1", label="expected")
    ax.axhline(0.0, color="0.3", lw=0.8)
    ax.set(title=title, xlabel="visits")
axes[0].set(ylabel="square root of patients", ylim=(-9.0, 26.0))
axes[1].legend()
plt.show()

# %%
# Quantile residuals are normal where the model is right, so points lie on the diagonal.
fig, ax = plt.subplots(figsize=(5.0, 4.6), layout="constrained")
normal = scipy.stats.norm.ppf((np.arange(m) + 0.5) / m)
for model, label in ((poisson, "Poisson"), (varied, "negative binomial")):
    found = np.sort(model.residuals(X, visits, kind="quantile", random_state=0))
    ax.plot(normal, found, "o", ms=3, label=label)
ax.plot(normal, normal, color="0.4", lw=1.0)
ax.set(xlabel="normal quantile", ylabel="quantile residual")
ax.legend(loc="upper left")
plt.show()

# %%
# Coefficients hardly differ. Standard errors do, and the sandwich repairs those of Poisson.
# The classical interval of the last feature misses the truth, which is zero.
tables = {
    "Poisson, classical": poisson.summary(X, visits),
    "Poisson, sandwich": poisson.summary(X, visits, method="sandwich"),
    "negative binomial": varied.summary(X, visits),
}
fig, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
for k, (label, table) in enumerate(tables.items()):
    ax.errorbar(
        table.coef[1:],
        np.arange(3) + 0.2 * (1 - k),
        xerr=table.coef[1:] - table.lower[1:],
        fmt="o",
        capsize=3,
        label=label,
    )
ax.plot([0.4, 0.0, 0.0], np.arange(3), "|", color="0.2", ms=40, mew=1.2, label="truth")
ax.set_yticks(range(3), ["x0", "x1", "x2"])
ax.set(xlabel="coefficient, with 95 % interval", ylim=(-0.6, 2.6))
ax.legend(loc="center", bbox_to_anchor=(0.6, 0.62), markerscale=0.5)
plt.show()
