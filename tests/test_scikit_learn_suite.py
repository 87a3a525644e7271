"""The list of exceptions; and the shortest part of the suite, metadata routing, in a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn
from conftest import needs_jit

from tests.scikit_learn_suite import Entry, entries

RECENT = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


def test_every_exception_has_one_reason():
    tests = [each.tests for each in entries()]
    assert len(tests) == len(set(tests))
    assert all(each.reason.endswith(".") for each in entries())


def test_an_entry_covers_what_it_says():
    entry = Entry("test_a::test_b[*-x]", "…")
    assert entry.covers("test_a::test_b[1-x]") and entry.covers("test_a::test_b[(2)-x]")
    assert not entry.covers("test_a::test_b[1-y]") and not entry.covers("test_a::test_b")


@needs_jit
@pytest.mark.skipif(not RECENT, reason="the list is for scikit-learn 1.9")
@pytest.mark.thorough
def test_routing_is_scikit_learns():
    done = subprocess.run(
        [sys.executable, "-m", "tests.scikit_learn_suite", "-k", "metadata or routing or request"],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
