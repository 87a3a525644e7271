"""Blocks of whole lines of a CSV file, two of them parsed at a time.

pyarrow's own reader of blocks parses one after the other. Its blocks are these: they end at the
last line that ends in the next so many bytes, whatever the quotes around it.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_AT_ONCE = 2  # blocks, of which as many are in memory
_MOST = 1 << 20  # bytes of a line that begins in one block and ends in the next
_LINE = re.compile(rb"[^\r\n]*[\r\n]?")
_FIRST_LINE = re.compile(rb"[\r\n]*" + _LINE.pattern)  # that is not empty
Parse = Callable[[Any, int, bytes], Any]


def parsed(path: str, size: int, parse: Parse) -> Iterator[tuple[list[Any], int]]:
    """(batches, bytes) of all blocks, in their order.

    Parameters
    ----------
    parse : gives the batches of a block, given its bytes, how many of them are the block, and the
        first line of the file: none for the first block, which has it
    """
    import pyarrow as pa

    with (
        pa.input_stream(path, compression="detect") as stream,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        waiting: deque[tuple[Any, int]] = deque()
        heading = b""
        for block, length in _blocks(stream, size):
            waiting.append((pool.submit(parse, block, length, heading), length))
            heading = heading or _FIRST_LINE.match(memoryview(block))[0]  # type: ignore[index]
            if len(waiting) == _AT_ONCE:
                yield _result(*waiting.popleft())
        for each in waiting:
            yield _result(*each)


def _result(batches: Any, length: int) -> tuple[list[Any], int]:
    return batches.result(), length


def _blocks(stream: Any, size: int) -> Iterator[tuple[Any, int]]:
    """(buffer of whole lines, their length); behind all but the last is an empty line, which tells
    a value that goes on there.

    A buffer is valid until `_AT_ONCE` more are asked for: new memory for each took a third of a
    read.
    """
    import pyarrow as pa

    spare = itertools.cycle([pa.allocate_buffer(_MOST + size + 1) for _ in range(_AT_ONCE + 1)])
    rest, block = b"", next(spare)
    count = _fill(block, stream, size)
    while count:
        after = next(spare)
        more = _fill(after, stream, size)
        view, stop = memoryview(block).cast("B"), _MOST + count
        end = _end_of_lines(view, stop) if more else stop
        begin = _MOST - len(rest)
        _check_first(rest, view[_MOST:end])
        view[begin:_MOST], rest = rest, bytes(view[end:stop])
        view[end : end + 1] = b"\n"
        yield block.slice(begin, end - begin + bool(more)), end - begin
        block, count = after, more


def _fill(block: Any, stream: Any, size: int) -> int:
    """Read the next bytes behind the room for the rest of a line; returns their number."""
    return int(stream.readinto(memoryview(block)[_MOST : _MOST + size]))


def _check_first(rest: bytes, lines: memoryview) -> None:
    """ValueError if the line that began in the block before may go on behind its end, between
    quotes: pyarrow's reader takes such a line by itself."""
    line = _LINE.match(lines)[0]  # type: ignore[index]
    if (rest + line).count(b'"') % 2:
        raise ValueError("a value goes on in the next line")


def _end_of_lines(view: memoryview, stop: int) -> int:
    begin = max(_MOST, stop - _MOST)
    last = bytes(view[begin:stop])
    end = max(last.rfind(b"\n"), last.rfind(b"\r"))
    if end < 0:
        raise ValueError("a line is too long")
    return begin + end + 1
