"""The next rows are fetched while the ones before are being worked on.

The database computes and sends them then; who waits for it waits once, not twice.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Chunk = TypeVar("Chunk", bound=Sequence[object])


def read_ahead(chunks: Generator[Chunk, None, None], size: int) -> Iterator[Chunk]:
    """Yield what ``chunks`` yields, one chunk of it always being fetched in another thread.

    ``size``: how long a chunk is that is not the last one; less than that is worth no thread. ``chunks`` must not use
    anything that the caller uses meanwhile, unless that is safe to share. However this ends, nothing is being
    fetched any more, and ``chunks`` is closed.
    """
    try:
        chunk = next(chunks, None)
        if chunk is None or len(chunk) < size:
            yield from () if chunk is None else (chunk,)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="edms-read-ahead") as thread:
            while chunk is not None:
                coming = thread.submit(next, chunks, None)
                yield chunk
                chunk = coming.result()
    finally:
        chunks.close()
