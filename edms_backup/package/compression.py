"""Codecs: how a member is compressed by itself, shown in its name (``docs/format.md``, *Codecs*).

Decompression is bounded: the caller says how many bytes it may yield, and what would exceed them is
refused before it fills memory or disk.
"""

from __future__ import annotations

import functools
import importlib
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from edms_backup.errors import MalformedPackage, UnsupportedFormat, UsageError

__all__ = ["CODECS", "PLAIN", "Codec", "Compressor", "choose_codec", "codec_of", "decompressed", "pays"]

CHUNK = 256 * 1024
"""How much is read, decompressed or handed on at a time."""
SAMPLE = 64 * 1024
"""How much of a file is compressed on trial."""
WORTH = 0.9
"""A sample that does not shrink below this share stays plain: PDF, DOCX, PNG and JPEG are compressed."""
ZSTD_LEVEL = 3
ZSTD_TRIAL_LEVEL = 1
"""Its tables leave more of the processor's cache alone; what shrinks on this level does on a higher one."""
GZIP_LEVEL = 4
ZSTD_WINDOW_LOG = 23
"""Readers accept windows up to 8 MiB, which RFC 8878 asks of every decoder; level 3 uses 2 MiB."""


class Compressor(Protocol):
    """What the compressors of zlib and zstd have in common."""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """Take bytes in; return what is ready."""

    def flush(self) -> bytes:
        """Return the rest."""


class Decompressor(Protocol):
    """The protocol of the incremental decompressors of bz2, lzma and zstd."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take bytes in; return at most ``max_length`` bytes."""


class _Gunzip:
    """zlib's decompressor of one gzip member, behind the protocol of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take bytes in; return at most ``max_length`` bytes."""
        produced = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # Output that zlib still holds back is followed by the stream's trailer: there is always more input.
        self.needs_input = not self._zlib.unconsumed_tail
        self.eof = self._zlib.eof
        self.unused_data = self._zlib.unused_data
        return produced


@functools.cache
def _zstd() -> Any:
    """Return the zstd module of the standard library or its backport, or ``None``."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _need_zstd() -> Any:
    module = _zstd()
    if module is None:
        raise UnsupportedFormat(
            "The package uses zstd, which is not installed here.",
            hint="Install edms-backup[zstd], or use Python 3.14 or newer.",
        )
    return module


def _zstd_compressor(level: int = ZSTD_LEVEL) -> Compressor:
    compressor: Compressor = _need_zstd().ZstdCompressor(level=level)
    return compressor


def _zstd_decompressor() -> Decompressor:
    zstd = _need_zstd()
    options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
    decompressor: Decompressor = zstd.ZstdDecompressor(options=options)
    return decompressor


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One way to compress a member."""

    name: str
    suffix: str
    """What the member's name ends with."""
    max_ratio: int
    """The most that one compressed byte can stand for; a declared size beyond it is a lie."""
    compressor: Callable[[], Compressor]
    decompressor: Callable[[], Decompressor]
    trial: Callable[[], Compressor] | None = None
    """Makes a compressor for trials alone, which takes another content after it was flushed."""


def _no_codec() -> Any:
    raise NotImplementedError


PLAIN = Codec(name="none", suffix="", max_ratio=1, compressor=_no_codec, decompressor=_no_codec)
_GZIP = Codec(
    name="gzip",
    suffix=".gz",
    max_ratio=1_100,  # deflate: 258 bytes for 2 bits
    compressor=lambda: zlib.compressobj(GZIP_LEVEL, wbits=31),
    decompressor=_Gunzip,
)
_ZSTD = Codec(
    name="zstd",
    suffix=".zst",
    max_ratio=33_000,  # a block of 128 KiB from 4 bytes
    compressor=_zstd_compressor,
    decompressor=_zstd_decompressor,
    trial=lambda: _zstd_compressor(ZSTD_TRIAL_LEVEL),
)
CODECS = {codec.name: codec for codec in (PLAIN, _GZIP, _ZSTD)}


def choose_codec(name: str) -> Codec:
    """Return the codec called ``none``, ``gzip`` or ``zstd``; ``auto`` is zstd, or gzip without it."""
    if name == "auto":
        name = "zstd" if _zstd() is not None else "gzip"
    if name not in CODECS:
        raise UsageError(f"There is no codec {name!r}.", hint=f"Choose one of auto, {', '.join(CODECS)}.")
    if name == "zstd":
        _need_zstd()
    return CODECS[name]


def codec_of(member: str) -> Codec:
    """Return the codec that a member's name shows."""
    return next((codec for codec in (_ZSTD, _GZIP) if member.endswith(codec.suffix)), PLAIN)


def pays(codec: Codec, sample: bytes) -> bool:
    """Return whether ``sample``, the beginning of a content, shrinks enough to compress all of it."""
    if codec is PLAIN or not sample:
        return False
    return _trial_size(codec, sample) < WORTH * len(sample)


_spare = threading.local()
"""The compressor of this thread's last trial, where it takes another content: making one takes longer than a trial."""


def _trial_size(codec: Codec, sample: bytes) -> int:
    compressor = _spare.__dict__.pop(codec.name, None) or (codec.trial or codec.compressor)()
    size = len(compressor.compress(sample)) + len(compressor.flush())
    if codec.trial is not None:
        _spare.__dict__[codec.name] = compressor
    return size


def decompressed(codec: Codec, chunks: Iterator[bytes], limit: int, member: str) -> Iterator[bytes]:
    """Yield the decompressed bytes of ``chunks`` in pieces of bounded size.

    Raises ``MalformedPackage`` naming ``member`` as soon as there are more than ``limit`` bytes, when
    the stream is no stream of that codec, ends early, or is followed by anything.
    """
    if codec is not PLAIN:
        chunks = _inflated(codec, chunks, limit, member)
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise MalformedPackage(f"{member} holds more than the {limit} bytes that are declared.")
        yield chunk


def _inflated(codec: Codec, chunks: Iterator[bytes], limit: int, member: str) -> Iterator[bytes]:
    decompressor = codec.decompressor()
    # One byte beyond the limit is enough to see that it is exceeded.
    step = min(CHUNK, limit + 1)
    for chunk in chunks:
        if decompressor.eof:
            raise MalformedPackage(f"{member} goes on after the end of its {codec.name} stream.")
        data = chunk
        while True:
            try:
                piece = decompressor.decompress(data, step)
            except (zlib.error, _zstd_error()) as error:
                raise MalformedPackage(f"{member} is no {codec.name} stream: {error}.") from error
            if piece:
                yield piece
            if decompressor.eof or decompressor.needs_input:
                break
            data = b""
    if not decompressor.eof:
        raise MalformedPackage(f"{member} ends within its {codec.name} stream.")
    if decompressor.unused_data:
        raise MalformedPackage(f"{member} goes on after the end of its {codec.name} stream.")


def _zstd_error() -> type[Exception]:
    error: type[Exception] = zlib.error if _zstd() is None else _zstd().ZstdError
    return error
