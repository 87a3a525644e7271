"""Blocks of whole lines of a CSV file, two of them parsed at a time.

pyarrow's own reader of blocks parses one after the other. Its blocks are these: they end at the
last line that ends in the next so many bytes, whatever the quotes around it.
"""

from __future__ import annotations

import itertools
import queue
import re
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

from fastreg._interrupts import protected
from fastreg._jit import get_num_threads

_AT_ONCE = 2  # blocks, of which as many are in memory
_PATIENCE = 0.05  # seconds between two looks for a signal
_GRACE = 2.0  # seconds that a thread gets for the block that it is at
_MOST = 1 << 20  # bytes of a line that begins in one block and ends in the next
_LINE = re.compile(rb"[^\r\n]*[\r\n]?")
_FIRST_LINE = re.compile(rb"[\r\n]*" + _LINE.pattern)  # that is not empty
Parse = Callable[[Any, int, bytes], Any]


def parsed(path: str, size: int, parse: Parse) -> Generator[tuple[list[Any], int], None, None]:
    """(batches, bytes) of all blocks, in their order.

    Parameters
    ----------
    parse : gives the batches of a block, given its bytes, how many of them are the block, and the
        first line of the file: none for the first block, which has it
    """
    import pyarrow as pa

    parsers = _begun(parse)
    waiting: deque[tuple[_Parser, int]] = deque()
    heading = b""
    try:
        with pa.input_stream(path, compression="detect") as stream:
            for (block, length), parser in zip(_blocks(stream, size), itertools.cycle(parsers)):
                parser.put(block, length, heading)
                waiting.append((parser, length))
                heading = heading or _FIRST_LINE.match(memoryview(block))[0]  # type: ignore[index]
                if len(waiting) == len(parsers):
                    yield _result(*waiting.popleft())
            for each in waiting:
                yield _result(*each)
    finally:
        _end(parsers)


@protected
def _begun(parse: Parse) -> list[_Parser]:
    return [_Parser(parse) for _ in range(min(_AT_ONCE, get_num_threads()))]


@protected
def _end(parsers: list[_Parser]) -> None:
    for parser in parsers:
        parser.end()
    for parser in parsers:
        parser.join()


def _result(parser: _Parser, length: int) -> tuple[list[Any], int]:
    return parser.take(), length


class _Parser:
    """A thread that parses blocks, in their order.

    Simple queues only: an interrupt between the steps of a Condition, of which futures are made,
    leaves it locked.
    """

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._blocks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="fastreg-parser", daemon=True)
        self._thread.start()

    def put(self, *block: Any) -> None:
        self._blocks.put(block)

    def take(self) -> Any:
        """The batches of the next block, or its error."""
        while True:
            try:
                found, error = self._results.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            if error is not None:
                raise error
            return found

    def end(self) -> None:
        """Let the thread end after the block that it is at."""
        self._blocks.put(None)

    def join(self) -> None:
        """Wait for that end, some 50 ms. A process that ends while one of its threads is within
        pyarrow may abort: once in 118 runs of a command whose first line was refused."""
        self._thread.join(_GRACE)

    def _serve(self) -> None:
        while (block := self._blocks.get()) is not None:
            try:
                self._results.put((self._parse(*block), None))
            except Exception as error:
                self._results.put((None, error))


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
