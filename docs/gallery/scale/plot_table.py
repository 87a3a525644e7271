"""
A table with texts, dates and missing values
============================================

Must a table be prepared before a fit? Not here. Texts, dates and gaps are taken as they come,
and ``predict`` reads a new file in the same way.
"""

import csv
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import fastreg

# %%
# Two years of sales of ice cream, with a text, a time, and temperatures that are missing at times.
rng = np.random.default_rng(0)
places = {"beach": 60.0, "park": 30.0, "station": 10.0}


def write(file, first, days):
    with open(file, "w", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(["day", "place", "temperature", "sold"])
        for k in range(days):
            day = datetime.fromisoformat(first) + timedelta(days=k)
            season = 12.0 - 10.0 * np.cos(2 * np.pi * day.timetuple().tm_yday / 365.0)
            for place, more in places.items():
                warm = season + 4.0 * rng.standard_normal()
                weekend = 25.0 * (day.weekday() >= 5)
                sold = 40.0 + more + weekend + 3.0 * warm + 10.0 * rng.standard_normal()
                seen = "" if rng.random() < 0.1 else f"{warm:.1f}"
                out.writerow([day.date(), place, seen, round(sold)])


sales, new = (Path(tempfile.mkdtemp()) / name for name in ("sales.csv", "new.csv"))
write(sales, "2023-01-01", 730)
write(new, "2025-01-01", 90)
print(*sales.read_text().splitlines()[:6], sep="\n")

# %%
# ``missing="indicator"`` puts the mean for what is missing, and marks it.
# ``standardize`` measures numbers in standard deviations, so that one penalty suits all.
source = fastreg.read(sales, "sold", missing="indicator", standardize=True)
model = fastreg.LassoCV(cv=10).fit(source)
names = np.array(source.feature_names)
for name, coef in zip(names, model.coef_, strict=True):
    print(f"{name:28} {coef:8.2f}")

# %%
# A bar is what a feature adds to the sales, a temperature one standard deviation higher included.
# Weekends, the beach and warm days count most.
kept = np.flatnonzero(np.abs(model.coef_) > 0.5)
kept = kept[np.argsort(model.coef_[kept])]
fig, ax = plt.subplots(figsize=(7.0, 4.6), layout="constrained")
ax.barh(names[kept], model.coef_[kept], height=0.6)
ax.axvline(0.0, color="0.6", lw=0.8)
ax.set(xlabel="ice creams a day", title="What sells ice cream")
plt.show()

# %%
# The model remembers how the table was read. A new file needs no preparation either.
with open(new) as file:
    sold = np.array([float(row["sold"]) for row in csv.DictReader(file)])
predicted = model.predict(new)
fig, ax = plt.subplots(figsize=(5.4, 4.4), layout="constrained")
for k, place in enumerate(places):
    ax.plot(predicted[k::3], sold[k::3], "o", ms=4, alpha=0.7, label=place)
ends = [sold.min(), sold.max()]
ax.plot(ends, ends, color="0.6", lw=1.0)
ax.set(xlabel="predicted", ylabel="sold", title="Ninety new days, ice creams a day")
ax.legend()
plt.show()
