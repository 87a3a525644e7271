"""
Costs of which many are zero
============================

Most policies cost nothing in a year, and some cost much. What does each cost on average?
A Tweedie regression takes zeros and amounts in one model.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import fastreg

# %%
# A policy has a random number of claims, and each claim a random size. The cost is their sum.
# City drivers have more claims. Dear cars have larger ones.
rng = np.random.default_rng(0)
m = 20_000
city = (rng.random(m) < 0.4) * 1.0
price = rng.standard_normal(m)
years = rng.uniform(0.2, 1.0, m)
claims = rng.poisson(0.3 * years * np.exp(0.7 * city))
mean = np.exp(0.4 * price)  # of a claim, in thousands
cost = np.where(claims > 0, rng.gamma(2.0 * np.maximum(claims, 1), mean / 2.0), 0.0)
X = pd.DataFrame({"city": city, "price of the car": price})
a_year = cost / years

fig, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.hist(cost[cost > 0], bins=np.linspace(0.0, 8.0, 65), color="C0")
ax.set(xlabel="cost of a policy, in thousands", ylabel="policies")
ax.set_title(f"Above zero; {(cost == 0).mean():.0%} of all policies cost nothing")
plt.show()

# %%
# Which power of the mean is the variance? The likelihood says it.
# Costs of policies of nearly a full year are compared, without weights.
full = years > 0.8
powers = np.arange(1.1, 1.91, 0.1)
likelihoods = []
for power in powers:
    fit = fastreg.TweedieRegressor(power=power, alpha=0.0).fit(X[full], cost[full])
    likelihoods.append(fit.summary(X[full], cost[full]).log_likelihood)

fig, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
ax.plot(powers, likelihoods, "o-")
ax.axvline(4.0 / 3.0, color="0.6", lw=1.0, ls="--")
ax.annotate("truth", (4.0 / 3.0, min(likelihoods)), (6, 0), textcoords="offset points", color="0.4")
ax.set(xlabel="power", ylabel="log likelihood")
plt.show()

# %%
# Half of the policies are for the fit. The cost is that of a year, and its weight is the years.
half = np.arange(m) < m // 2
best = powers[np.argmax(likelihoods)]
model = fastreg.TweedieRegressor(power=best, alpha=0.0).fit(X[half], a_year[half], years[half])
print(model.summary(X[half], a_year[half], years[half]))

# %%
# Are predictions right on average? The other half is sorted into ten groups by prediction.
# A fit that forgets the price of the car is wrong at both ends.
rest = ~half
forgets = fastreg.TweedieRegressor(power=best, alpha=0.0)
forgets.fit(X[["city"]][half], a_year[half], years[half])
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.9), layout="constrained", sharey=True)
model.plot_calibration(X[rest], a_year[rest], years[rest], ax=axes[0])
axes[0].set(title="City and price", xlabel="predicted cost of a year", ylabel="cost of a year")
axes[0].legend(loc="upper left")
groups = np.array_split(np.flatnonzero(rest)[np.argsort(model.predict(X[rest]))], 10)
seen = [np.average(a_year[g], weights=years[g]) for g in groups]
for fit, columns, label, colour in (
    (model, list(X), "city and price", "C0"),
    (forgets, ["city"], "city alone", "C1"),
):
    predicted = [np.average(fit.predict(X[columns].iloc[g]), weights=years[g]) for g in groups]
    axes[1].plot(np.arange(1, 11), predicted, "-", color=colour, label=label)
axes[1].plot(np.arange(1, 11), seen, "o", color="0.3", label="seen")
axes[1].set(xlabel="group", ylabel="", title="The same groups", xticks=range(1, 11))
axes[1].legend(loc="upper left")
plt.show()
