"""The guide to the command line is true: its commands run, its tables have every option."""

from __future__ import annotations

import csv
import io
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

import fastreg
from fastreg.cli import main
from fastreg.cli.known_families import FAMILIES
from fastreg.cli.options import parser
from tests.docs.pages import code

pytest.importorskip("pyarrow")
TEXT = (Path(__file__).resolve().parents[2] / "docs/guide/command-line.md").read_text("utf-8")
CITIES = ("Oslo", "Rome", "Turku")


def _written(path, header, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])


def _houses(rng, count, cities=CITIES):
    """[area, rooms, city, sold, price] of each."""
    out = []
    for i in range(count):
        area, rooms = round(rng.normal(90, 20), 1), int(rng.integers(1, 6))
        day = f"2023-{1 + i % 12:02d}-{1 + i % 28:02d}"
        price = round(3 * area + 10 * rooms + rng.normal(0, 20), 1)
        out.append(["" if i % 20 == 7 else area, rooms, cities[i % len(cities)], day, price])
    return out


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """All files that the guide reads."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    header = ["area", "rooms", "city", "sold", "price"]
    _written("houses.csv", header, _houses(rng, 120))
    _written("new.csv", header[:4], [row[:4] for row in _houses(rng, 30)])
    _written("elsewhere.csv", header[:4], [row[:4] for row in _houses(rng, 6, ("Bergen",))])
    x = rng.standard_normal((150, 2))
    bought = np.where(x[:, 0] + rng.logistic(size=150) > 0, "yes", "no")
    _written("visits.csv", ["a", "b", "bought"], np.column_stack([x.astype(str), bought]))
    years = rng.uniform(0.5, 3.0, 150)
    claims = rng.poisson(years * np.exp(0.4 * x[:, 0]))
    _written("claims.csv", ["a", "b", "years", "claims"], np.c_[x, years, claims])
    cost = np.where(claims > 0, rng.gamma(np.maximum(claims, 1)), 0.0)
    _written("costs.csv", ["a", "b", "years", "cost"], np.c_[x, years, cost])
    export = [
        [i, f"1.{100 + i},5", f"{1 + i % 28:02d}.{1 + i % 12:02d}.2023", f"{i},5"]
        for i in range(40)
    ]
    export[3][1], export[5][1] = "k.A.", "?"
    _written("export.csv", ["nr", "flaeche", "verkauft", "preis"], export, ";")
    return tmp_path


def _commands():
    return [
        line for block in code(TEXT, "bash")
        for line in block.strip().splitlines()
    ]  # fmt: skip


def test_its_commands_run(folder, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    for command in _commands():
        piped = re.fullmatch(r"cat (\S+) \| (.*)", command)
        if piped:
            content = (folder / piped[1]).read_bytes()
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        program, *argv = shlex.split(piped[2] if piped else command)
        assert program == "fastreg"
        assert main(argv) == 0, (command, capsys.readouterr().err)
    assert len((folder / "predictions.csv").read_text().split()) == 31
    assert len((folder / "elsewhere-predictions.csv").read_text().split()) == 7
    assert (folder / "odds.csv").read_text().startswith("probability,class\n")
    assert (folder / "houses.html").stat().st_size > 10_000
    means = np.loadtxt(folder / "means.csv", skiprows=1)
    costs = fastreg.load_model(folder / "costs.json")
    years = np.loadtxt(folder / "costs.csv", delimiter=",", skiprows=1)[:, 2]
    assert costs.power == 1.6 and np.all(means > 0.0)
    rates = np.array(costs.predict(folder / "costs.csv"))
    np.testing.assert_allclose(means, rates * years, rtol=1e-12)
    assert "38 rows" in capsys.readouterr().out  # of the export, without two


def test_a_city_that_is_unknown_is_an_error(folder, capsys):
    first, second = _commands()[:2]
    assert main(shlex.split(first)[1:]) == 0
    assert main(shlex.split(second.replace("new.csv", "elsewhere.csv"))[1:]) == 1
    assert "elsewhere.csv, line 2, 'city': 'Bergen'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "predict"])
def test_its_tables_have_every_option(command):
    (of,) = (each for each in parser()._actions if isinstance(each.choices, dict))
    flags = {flag for each in of.choices[command]._actions for flag in each.option_strings}
    flags -= {"-h", "--help"}
    part = TEXT.partition(f"### `fastreg {command}")[2].partition("\n#")[0]
    told = set(re.findall(r"`(--[\w-]+)", "\n".join(re.findall(r"^\| (`--.*?) \|", part, re.M))))
    if command == "predict":  # those of reading are told in the table of the fit
        whole = TEXT.partition("**texts and CSV files**")[2].partition("**model**")[0]
        told |= set(re.findall(r"^\| `(--[\w-]+)", whole, re.MULTILINE))
    assert told == flags


def test_it_has_every_family():
    part = TEXT.partition("## Classes, counts and amounts")[2].partition("\n#")[0]
    rows = re.findall(r"^\| `([\w-]+)` .* \| (.*?) ?\|$", part, re.MULTILINE)
    assert [name for name, _ in rows] == list(FAMILIES)
    for name, own in rows:
        assert own == "" or own.startswith(f"`--{FAMILIES[name].number} ")
        assert bool(own) == bool(FAMILIES[name].number)


def test_it_names_the_exit_statuses_of_the_help():
    statuses = re.findall(r"^  (\d+) ", parser().epilog, re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE) == statuses
