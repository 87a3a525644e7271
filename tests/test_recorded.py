"""Digests of answers: the same for any number of threads, and another for another answer."""

import itertools

import pytest
from conftest import needs_jit

import fastreg
from tests import recorded


@needs_jit
@pytest.mark.parametrize("threads", [1, 3])
def test_digests_are_those_of_any_number_of_threads(threads):
    def some():
        return {name: recorded.digest(found) for name, found in itertools.islice(problems(), 12)}

    def problems():
        return (each for each in recorded.problems() if each[0].startswith("tall C"))

    expected = some()
    fastreg.set_num_threads(threads)
    try:
        assert some() == expected
    finally:
        fastreg.set_num_threads(None)


def test_another_answer_has_another_digest():
    assert recorded.digest([1.0, [2.0]]) != recorded.digest([1.0, [2.0 + 4e-16]])
