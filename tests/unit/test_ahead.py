"""Rows are fetched ahead: in order, one chunk at a time, and never any more once the reading is over."""

import threading
import time
from collections.abc import Generator

import pytest

from edms_backup.engines.ahead import read_ahead

Chunks = Generator[list[int], None, None]
WHOLE = [1, 2, 3]


class Source:
    """Chunks of three; tells which thread fetched what, and whether it was closed."""

    def __init__(self, *chunks: list[int], error: Exception | None = None) -> None:
        self.given = chunks
        self.error = error
        self.fetched: list[tuple[list[int], threading.Thread]] = []
        self.closed = False

    def chunks(self) -> Chunks:
        try:
            for chunk in self.given:
                self.fetched.append((chunk, threading.current_thread()))
                yield chunk
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@pytest.mark.parametrize(
    "chunks",
    [[], [[1]], [WHOLE], [WHOLE, [4]], [WHOLE, [4, 5, 6], [7, 8, 9]], [WHOLE] * 9],
)
def test_everything_comes_in_its_order(chunks: list[list[int]]) -> None:
    source = Source(*chunks)

    assert list(read_ahead(source.chunks(), 3)) == chunks
    assert source.closed


def test_the_next_one_is_fetched_while_one_is_in_use() -> None:
    source = Source(WHOLE, [4, 5, 6], [7])
    ahead = read_ahead(source.chunks(), 3)

    assert next(ahead) == WHOLE
    deadline = time.monotonic() + 10
    while len(source.fetched) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert [chunk for chunk, _ in source.fetched] == [WHOLE, [4, 5, 6]]  # and no more than that
    assert source.fetched[1][1] is not threading.current_thread()
    assert list(ahead) == [[4, 5, 6], [7]]


def test_what_fits_into_one_chunk_needs_no_thread() -> None:
    source = Source([1, 2])
    before = threading.active_count()
    ahead = read_ahead(source.chunks(), 3)

    assert next(ahead) == [1, 2]
    assert threading.active_count() == before
    assert list(ahead) == []


def test_an_error_comes_after_what_was_read_before_it() -> None:
    source = Source(WHOLE, [4, 5, 6], error=ValueError("the server has gone"))
    ahead, seen = read_ahead(source.chunks(), 3), []

    with pytest.raises(ValueError, match="the server has gone"):
        seen.extend(ahead)
    assert seen == [WHOLE, [4, 5, 6]]
    assert source.closed


def test_who_stops_early_leaves_nobody_fetching() -> None:
    begun, go_on = threading.Event(), threading.Event()
    closed = False

    def chunks() -> Chunks:
        nonlocal closed
        try:
            yield WHOLE
            begun.set()
            go_on.wait(10)
            yield [4]
        finally:
            closed = True

    ahead = read_ahead(chunks(), 3)
    assert next(ahead) == WHOLE
    assert begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    ahead.close()  # type: ignore[attr-defined]
    assert closed
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edms-read-ahead")]
