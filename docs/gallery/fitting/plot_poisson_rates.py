"""
Rates of counts with an exposure
================================

Customers were watched for different times. How many claims does each make in a year?
A Poisson regression with the log of the years as its offset answers that.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import fastreg

# %%
# New drivers joined lately, so they were watched for less time. They also have more accidents.
rng = np.random.default_rng(0)
m = 5000
new = rng.random(m) < 0.4
city = rng.random(m) < 0.5
power = rng.standard_normal(m)
years = np.where(new, rng.uniform(0.1, 1.0, m), rng.uniform(1.0, 5.0, m))
rate = np.exp(-2.0 + 0.8 * new + 0.4 * city + 0.2 * power)
claims = rng.poisson(years * rate)
X = pd.DataFrame({"new driver": new * 1.0, "city": city * 1.0, "power of the car": power})

# %%
# The offset says how long each driver was watched. The second fit forgets it.
log_years = np.log(years)
rates = fastreg.PoissonRegressor(alpha=0.0).fit(X, claims, offset=log_years)
naive = fastreg.PoissonRegressor(alpha=0.0).fit(X, claims)
table = rates.summary(X, claims, offset=log_years)
print(table)

# %%
# Without the offset, new drivers seem to be the safer ones. That is a matter of time alone.
wrong = naive.summary(X, claims)
truth = np.exp([0.8, 0.4, 0.2])
fig, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
place = np.arange(3)
for shift, found, colour, label in (
    (0.12, table, "C0", "with the offset"),
    (-0.12, wrong, "C1", "without"),
):
    ratio = found.ratio[1:]
    ends = np.abs(np.array([found.ratio_lower[1:], found.ratio_upper[1:]]) - ratio)
    ax.errorbar(ratio, place + shift, xerr=ends, fmt="o", color=colour, capsize=3, label=label)
ax.plot(truth, place, "|", color="0.2", ms=15, mew=1.5, label="truth")
ax.axvline(1.0, color="0.6", lw=0.8)
ax.set_yticks(place, X.columns)
ax.set(xscale="log", xlabel="rate ratio, with 95 % interval", ylim=(-0.5, 2.6))
ax.set_xticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
ax.xaxis.set_minor_formatter("")
ax.legend(loc="upper left")
plt.show()

# %%
# Are the rates right? Drivers are sorted into ten groups by their predicted rate.
# In each group, claims per year should lie on the diagonal.
predicted = rates.predict(X)
groups = np.array_split(np.argsort(predicted), 10)
expected = [np.average(predicted[g], weights=years[g]) for g in groups]
seen = np.array([claims[g].sum() / years[g].sum() for g in groups])
error = [np.sqrt(claims[g].sum()) / years[g].sum() for g in groups]
fig, ax = plt.subplots(figsize=(5.0, 4.4), layout="constrained")
ax.plot([0.0, 0.6], [0.0, 0.6], color="0.6", lw=1.0)
ax.errorbar(expected, seen, yerr=error, fmt="o", capsize=3)
ax.set(xlabel="predicted claims a year", ylabel="observed claims a year")
ax.set_title("Ten groups of drivers, ± one standard error")
plt.show()
