"""An attack on the reading of tables: odd columns, against what a person would read.

    python -m tests.odd_tables --count 5000

Every table has a few columns of numbers, texts and dates, written as people and programs write
them, in a CSV file, a frame or a Parquet file. A person knows what each value means. fastreg must
read it so, or refuse it with the name of the column and an option; the options that a message gives
are then given, until the table is read. What is read otherwise without a word is a failure, and so
is a refusal that names a column of which nothing is odd.
"""

from __future__ import annotations

import argparse
import ast
import copy
import datetime as dt
import pathlib
import re
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

import fastreg

MARKS = ("?", "None", "none", "-", "--", ".", " ", "   ", "", "NA", "n.a.", "missing", "*", "#N/A")
EVERY = "(every column)"
EPOCH = dt.datetime(1970, 1, 1)


@dataclass
class Column:
    """texts : as written; values : as a person reads them, None where there is none
    kind : "number", "level", "date" or "row" (a name for each row)
    typed : what a frame holds, None for the texts
    odd : whether refusing it is fair
    """

    texts: list
    values: list
    kind: str
    typed: object = None
    odd: bool = True


# ---------------------------------------------------------------- columns


def _numbers(rng, m, digits=1):
    return (rng.integers(-50, 4000, m) + rng.integers(0, 10**digits, m) / 10**digits).tolist()


def plain(rng, m):
    values = _numbers(rng, m)
    return Column([repr(v) for v in values], values, "number", values, odd=False)


def whole(rng, m):
    values = rng.integers(-20, 20, m).tolist()
    return Column([str(v) for v in values], values, "number", values, odd=False)


def exponents(rng, m):
    values = (rng.standard_normal(m) * 10.0 ** rng.integers(-9, 9, m)).tolist()
    return Column([f"{v:.6e}" for v in values], [float(f"{v:.6e}") for v in values], "number")


def words(rng, m):
    texts = rng.choice(["Oslo", "Rome", "São Paulo", "x, y", 'say "a"', "N1"], m).tolist()
    return Column(texts, texts, "level", texts, odd=False)


def codes(rng, m):
    texts = [f"{v:05d}" for v in rng.choice(rng.integers(0, 99999, 6), m)]
    texts[0] = "01234"
    return Column(texts, texts, "level", None, odd=False)


def uneven_codes(rng, m):
    texts = rng.choice(["7", "12", "007", "1001"], m).tolist()
    texts[3] = "007"
    return Column(texts, [float(t) for t in texts], "number")


def flags(rng, m):
    true, false = [("True", "False"), ("true", "false"), ("TRUE", "FALSE")][rng.integers(3)]
    values = (rng.random(m) < 0.5).tolist()
    texts = [true if v else false for v in values]
    return Column(texts, [float(v) for v in values], "number", values, odd=False)


def _marked(rng, column):
    """Some values replaced by a mark for what is missing."""
    mark = MARKS[rng.integers(len(MARKS))]
    for i in rng.choice(len(column.texts), rng.integers(1, 4), replace=False):
        column.texts[i], column.values[i] = mark, None
    column.typed, column.odd = None, True
    return column


def marked(rng, m):
    return _marked(rng, (plain, whole, exponents)[rng.integers(3)](rng, m))


def marked_dates(rng, m):
    return _marked(rng, iso(rng, m))


def thousands(rng, m):
    values = rng.integers(-9_000, 9_000_000, m).tolist()
    values[0] = 1_234
    mark = ",'_ \u00a0"[rng.integers(5)]
    return Column([f"{v:,}".replace(",", mark) for v in values], values, "number")


def percent(rng, m):
    values = _numbers(rng, m)
    gap = ["", " "][rng.integers(2)]
    return Column([f"{v}{gap}%" for v in values], values, "number")


def currency(rng, m):
    values = _numbers(rng, m, 2)
    form = ["${:,.2f}", "€{:.2f}", "{:.2f} €", "£ {:.2f}", "{:,.2f} USD", "CHF {:.2f}"]
    form = form[rng.integers(len(form))]
    values[0] = 1234.5
    return Column([form.format(v) for v in values], values, "number")


def accounting(rng, m):
    values = _numbers(rng, m)
    values[0] = -1234.0
    return Column([f"({-v:,})" if v < 0 else f"{v:,}" for v in values], values, "number")


def decimal_commas(rng, m):
    values = _numbers(rng, m, 2)
    values[0] = 0.25
    return Column([repr(v).replace(".", ",") for v in values], values, "number")


def european(rng, m):
    values = [v * 100 for v in rng.integers(1000, 99999, m).tolist()]
    swapped = str.maketrans(",.", ".,")
    return Column(
        [f"{v + 0.5:,}".translate(swapped) for v in values], [v + 0.5 for v in values], "number"
    )


def minus_signs(rng, m):
    values = rng.integers(-99, 99, m).tolist()
    values[0] = -5
    return Column([str(v).replace("-", "−") for v in values], values, "number")


def _days(rng, m):
    first = dt.datetime(2019, 1, 1)
    days = [first + dt.timedelta(days=int(i)) for i in rng.integers(0, 900, m)]
    days[:2] = dt.datetime(2020, 12, 31), dt.datetime(2021, 1, 30)  # no month 31, no month 30
    return days


def iso(rng, m):
    days = _days(rng, m)
    return Column([f"{d:%Y-%m-%d}" for d in days], days, "date", days, odd=False)


def times(rng, m):
    days = [
        d + dt.timedelta(minutes=int(i))
        for d, i in zip(_days(rng, m), rng.integers(0, 1440, m), strict=True)
    ]
    return Column([d.isoformat(" ") for d in days], days, "date", days, odd=False)


def foreign_dates(rng, m):
    days = _days(rng, m)
    forms = [
        "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y", "%b %d, %Y",
        "%d-%b-%y", "%d/%m/%y", "%B %d, %Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d%b%Y",
    ]  # fmt: skip
    form = forms[rng.integers(len(forms))]
    return Column([d.strftime(form) for d in days], days, "date")


def short_dates(rng, m):
    """Without leading zeros, as sheets write them."""
    days = _days(rng, m)
    return Column([f"{d.day}/{d.month}/{d.year}" for d in days], days, "date")


def namibia(rng, m):
    texts = rng.choice(["NA", "DE", "ZA", "FR"], m).tolist()
    texts[1] = "NA"
    return Column(texts, texts, "level", None)


def keys(rng, m):
    texts = [f"k{i:x}z" for i in rng.permutation(m) + 7]
    return Column(texts, texts, "row")


def header_again(rng, m):
    """Files put one below the other."""
    column = plain(rng, m)
    column.texts[m // 2], column.values[m // 2] = "value", None
    column.typed, column.odd = None, True
    return column


def late_word(rng, m):
    column = whole(rng, m)
    column.texts[-1], column.values[-1] = "n/d", None
    column.typed, column.odd = None, True
    return column


KINDS = (
    plain, whole, exponents, words, codes, uneven_codes, flags, marked, marked_dates, thousands,
    percent, currency, accounting, decimal_commas, european, minus_signs, iso, times, foreign_dates,
    short_dates, namibia, keys, header_again, late_word,
)  # fmt: skip


def intervals(rng, m):
    values = pd.cut(pd.Series(rng.standard_normal(m)), [-9, -1, 0, 1, 9])
    return Column([str(v) for v in values], [str(v) for v in values], "level", values, odd=False)


def nullable(rng, m):
    values = [int(v) if v % 3 else None for v in rng.integers(0, 20, m)]
    return Column([str(v) for v in values], values, "number", pd.array(values, "Int64"), odd=True)


def periods(rng, m):
    days = [d.replace(day=1) for d in _days(rng, m)]
    typed = pd.PeriodIndex(days, freq="M")
    return Column([str(p) for p in typed], days, "date", typed, odd=False)


def coded(rng, m):
    texts = [str(v) for v in rng.integers(1, 4, m)]
    return Column(texts, texts, "level", pd.Categorical(texts), odd=False)


def zones(rng, m):
    days = _days(rng, m)
    typed = pd.DatetimeIndex(days).tz_localize("UTC")
    return Column([d.isoformat() for d in days], days, "date", typed, odd=False)


def objects(rng, m):
    values = rng.integers(0, 50, m).tolist()
    typed = np.array([*values[:-1], "?"], dtype=object)
    return Column([str(v) for v in values], values, "number", typed)


def imaginary(rng, m):
    return Column(["1j"] * m, [1j] * m, "number", np.full(m, 1j))


OF_FRAMES = (intervals, nullable, periods, coded, zones, objects, imaginary)


# ---------------------------------------------------------------- tables


def draw(seed):
    """(where it is, the columns, their names)."""
    rng = np.random.default_rng(seed)
    m = int(rng.integers(40, 160))
    where = ("csv", "semicolons", "frame", "parquet")[rng.integers(4)]
    kinds = KINDS if where != "frame" else KINDS + OF_FRAMES
    chosen = [kinds[i] for i in rng.integers(0, len(kinds), rng.integers(1, 5))]
    columns = {f"{kind.__name__}{i}": kind(rng, m) for i, kind in enumerate(chosen)}
    columns["rest"] = plain(rng, m)
    if where == "semicolons":  # where decimals have commas, all have
        for kind, column in zip([*chosen, plain], columns.values(), strict=True):
            if kind in (plain, exponents, percent, marked, header_again):
                column.texts = [text.replace(".", ",") for text in column.texts]
    return where, columns, rng.standard_normal(m).round(6)


def write(where, columns, y, folder):
    """The table, as it is given to `fastreg.read`."""
    if where in ("csv", "semicolons"):
        path = folder / "t.csv"
        frame = pd.DataFrame({name: column.texts for name, column in columns.items()} | {"y": y})
        comma = {"sep": ",", "decimal": "."} if where == "csv" else {"sep": ";", "decimal": ","}
        frame.to_csv(path, index=False, **comma)
        return path
    frame = pd.DataFrame(
        {n: c.texts if c.typed is None else c.typed for n, c in columns.items()} | {"y": y}
    )
    if where == "frame":
        return frame
    frame.to_parquet(folder / "t.parquet")
    return folder / "t.parquet"


def attack(seed):
    """Failures of one table: texts."""
    where, columns, y = draw(seed)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        data = write(where, columns, y, pathlib.Path(folder))
        options, out = {}, []
        for _ in range(40):
            try:
                source = fastreg.read(data, "y", **spread(options, columns))
                X = source.whole()[0]
            except (ValueError, UserWarning) as error:
                fault = answer(str(error), columns, options, where)
            else:
                X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
                left = {n: c for n, c in columns.items() if n not in options.get("drop", ())}
                return out + compare(left, X, source.feature_names, options)
            if fault:
                return [fault]
        return ["the advice of messages does not end"]


def answer(message, columns, options, where):
    """Follow the advice of the first line about a column; a fault of any line, or None."""
    heading, *lines = message.splitlines()
    for line in lines[1:]:
        fault = follow_line(line, columns, copy.deepcopy(options), where)
        if fault:
            return fault
    return follow_line(lines[0] if lines else heading, columns, options, where)


def follow_line(message, columns, options, where):
    if "sep=" in message and "sep" not in options:
        options |= {"sep": ";", "decimal": ","}
        return None
    named = [name for name in columns if f"'{name}'" in message]
    if not named:
        return f"names no column: {message}"
    name = named[0]
    column = columns[name]
    if not column.odd:
        return f"refuses {name}: {message}"
    if "keep_default_na=False makes" in message:
        options["keep_default_na"] = False
        return None
    if "value is missing" in message or "contains NaN" in message:
        options["missing"] = "indicator"
        return None if "missing=" in message else f"gives no option: {message}"
    given = advice(message)
    if column.kind == "row" or "cannot be read" in message:
        leave(name, options, where)
        return None
    if not given:
        return f"gives no option for {name}: {message}"
    given = [(key, value) for key, value in given if key != "date_format" or fits(value, column)]
    return follow(given, options, where, name)


_OPTION = re.compile(
    r"(numbers|na_values|thousands|decimal|date_format)=(\[.*?\]|\{.*?\}|'.'|\"'\")"
)


def advice(message):
    return [(name, ast.literal_eval(value)) for name, value in _OPTION.findall(message)]


def fits(formats, column):
    """Whether a format is the one that a person means, where days may be months."""
    (form,) = formats.values()
    pairs = [(t, v) for t, v in zip(column.texts, column.values, strict=True) if v is not None]
    return form == "ISO8601" or all(dt.datetime.strptime(t, form) == v for t, v in pairs)


def follow(given, options, where, name):
    """What a person does: a table has one decimal point, and one mark of thousands; a column with
    others is left out."""
    new = dict(given)
    marks = {key: options.get(key) for key in ("decimal", "thousands")}
    wanted = {"decimal": new.pop("decimal", "."), "thousands": new.pop("thousands", None)}
    free = where in ("frame", "parquet") and not options.get("numbers")
    if not free and wanted["decimal"] != (marks["decimal"] or "."):
        return leave(name, options, where)
    if wanted["thousands"] and marks["thousands"] not in (None, wanted["thousands"]):
        return leave(name, options, where)
    before = copy.deepcopy(options)
    options |= {key: value for key, value in wanted.items() if value not in (None, ".")}
    options["numbers"] = [*dict.fromkeys([*options.get("numbers", []), *new.get("numbers", [])])]
    options["na_values"] = with_words(options.get("na_values", []), new.get("na_values", []))
    options["date_format"] = {**new.get("date_format", {}), **options.get("date_format", {})}
    return leave(name, options, where) if options == before else None


def spread(options, columns):
    """Words of every column as those of each: of Namibia's not."""
    words = options.get("na_values")
    if not isinstance(words, dict) or EVERY not in words:
        return options
    each = {name: words[EVERY] for name in columns if not name.startswith("namibia")}
    own = {name: [*each.get(name, []), *words.get(name, [])] for name in {**each, **words}}
    return options | {"na_values": {name: own[name] for name in own if name != EVERY}}


def with_words(known, new):
    """Words for what is missing: of all columns, or once one has its own, of each."""
    if isinstance(known, list) and isinstance(new, list):
        return [*dict.fromkeys([*known, *new])]
    known, new = ({EVERY: each} if isinstance(each, list) else each for each in (known, new))
    return {key: [*known.get(key, []), *new.get(key, [])] for key in {**known, **new}}


def leave(name, options, where):
    """Drop a column."""
    options.setdefault("drop", []).append(name)
    options["numbers"] = [each for each in options.get("numbers", []) if each != name]
    options.get("date_format", {}).pop(name, None)
    if where in ("frame", "parquet") and not options["numbers"]:
        options.pop("decimal", None), options.pop("thousands", None)


def compare(columns, X, names, options):
    """What was read otherwise than a person does."""
    at = {name: X[:, j] for j, name in enumerate(names)}
    kept = options.get("drop", ())
    out = []
    for name, column in columns.items():
        if name in kept:
            continue
        found = {"number": _number, "level": _level, "date": _date, "row": _row}[column.kind]
        if not found(name, column.values, at):
            shown = [each for each in names if each.startswith(name)][:3]
            out.append(f"{name} is misread: {column.texts[:4]} as {shown}, with {options}")
    return out


def _number(name, values, at):
    lost = np.array([v is None for v in values])
    known = np.array([np.nan if v is None else float(v) for v in values])
    found = at.get(name)
    if found is None or (lost.any() and not np.array_equal(at.get(f"{name} (missing)"), lost)):
        return False
    return np.allclose(found[~lost], known[~lost], rtol=1e-9)


def _level(name, values, at):
    return all(
        np.array_equal(at.get(f"{name}={level}"), [v == level for v in values])
        for level in set(values)
    )


def _date(name, values, at):
    lost = np.array([v is None for v in values])
    days = np.array([np.nan if v is None else (v - EPOCH) / dt.timedelta(days=1) for v in values])
    found = at.get(f"{name} days")
    if found is None:
        return False
    away = (found - days)[~lost]
    return np.ptp(away) < 1e-6


def _row(name, values, at):
    return False  # it is to be refused


# ---------------------------------------------------------------- many


def run(seeds):
    """{seed: failures}, of those that have some."""
    found = {seed: attack(seed) for seed in seeds}
    return {seed: failures for seed, failures in found.items() if failures}


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first table")
    parser.add_argument("--only", type=int, help="the table of this seed")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    seeds = seeds if chosen.only is None else [chosen.only]
    failed = run(seeds)
    for seed, failures in failed.items():
        print(f"seed {seed} ({draw(seed)[0]}):", *failures, sep="\n    ")
    words = Counter(
        text.split()[0].rstrip("0123456789") for each in failed.values() for text in each
    )
    print(f"{len(failed)} of {len(seeds)} tables failed", dict(words) or "")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
