"""The zstd decoder inside ``unpack.py`` agrees with the library, and refuses what is none."""

import gzip
import importlib
import random
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edms_backup.package import compression, unpack

from .builders import make_package

zstd = compression._zstd()
pytestmark = pytest.mark.skipif(zstd is None, reason="no zstd to compare with")


def by_hand(stored):
    return b"".join(unpack.zstd_by_hand(iter([stored])))


def streamed(data, level, step=10_000, **options):
    """Compress in pieces, as the writer does: the frame does not tell its size."""
    if options:
        settings_ = {zstd.CompressionParameter[name]: value for name, value in options.items()}
        compressor = zstd.ZstdCompressor(
            options={zstd.CompressionParameter.compression_level: level, **settings_}
        )
    else:
        compressor = zstd.ZstdCompressor(level=level)
    pieces = [compressor.compress(data[start : start + step]) for start in range(0, len(data), step)]
    return b"".join(pieces) + compressor.flush()


def words(dice, size):
    vocabulary = [bytes(dice.choices(b"abcdefghijklmnop \xc3", k=dice.randint(1, 9))) for _ in range(300)]
    return b" ".join(dice.choices(vocabulary, k=size // 4 + 1))[:size]


KINDS = {
    "text": words,
    "noise": lambda dice, size: dice.randbytes(size),
    "zeros": lambda dice, size: bytes(size),
    "few letters": lambda dice, size: bytes(dice.choices(b"ab", k=size)),
    "skewed": lambda dice, size: bytes(min(255, int(dice.expovariate(0.03))) for _ in range(size)),
    "mixed": lambda dice, size: words(dice, size // 2) + dice.randbytes(size - size // 2),
    "rows": lambda dice, size: b"".join(
        b'{"model":"a.b","fields":{"n":%d,"t":"%x"},"_pk":%d}\n' % (n, dice.randrange(99**9), n)
        for n in range(size // 40 + 1)
    )[:size],
}
SIZES = [0, 1, 2, 5, 30, 255, 256, 257, 1023, 5000, 65_791, 65_792, 131_072, 131_073, 300_000]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [1, 3, 19])
def test_it_agrees_with_the_library(kind, level):
    dice = random.Random(level)
    for size in SIZES:
        data = KINDS[kind](dice, size)
        assert by_hand(zstd.compress(data, level)) == data
        assert by_hand(streamed(data, level)) == data


@pytest.mark.parametrize("level", [-5, 1, 3])
def test_it_keeps_no_more_than_the_window_and_needs_no_more(level):
    dice = random.Random(2)
    data = words(dice, 100_000) * 6
    assert by_hand(streamed(data, level, window_log=17)) == data
    assert by_hand(streamed(data, level, window_log=10)) == data


def test_it_skips_the_checksum():
    data = b"checked " * 1000
    assert by_hand(streamed(data, 3, checksum_flag=1)) == data


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"abc", b"x" * 70, b"0123456789" * 9]), max_size=60)
)
def test_it_agrees_on_anything(parts):
    data = b"".join(parts)
    assert by_hand(zstd.compress(data, 19)) == data
    assert by_hand(streamed(data, 1, step=7)) == data


def test_damage_never_gives_a_crash():
    """Damage may decode to other bytes, which the digest then finds; it may not raise anything else."""
    dice = random.Random(5)
    stored = zstd.compress(words(dice, 6000), 3)
    for _ in range(3000):
        changed = bytearray(stored[: dice.randint(1, len(stored))])
        for _ in range(dice.randint(0, 3)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            produced = by_hand(bytes(changed))
        except unpack.Damaged:
            continue
        assert len(produced) <= 20 * unpack.MAX_BLOCK


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (b"", "no beginning"),
        (b"PK\3\4", "no beginning"),
        (b"\x28\xb5\x2f\xfd", "is damaged"),
        (b"\x28\xb5\x2f\xfd\x23\x00\x01\x00\x00", "dictionary"),
        (b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00", "too large a window"),
        (b"\x28\xb5\x2f\xfd\x20\x00", "no end"),
        (b"\x28\xb5\x2f\xfd\x20\x00\x07\x00\x00", "block is too large"),
        (b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x20", "block is too large"),
        (b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00abc", "no end"),
        (b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00x", "Something follows"),
    ],
)
def test_what_is_no_frame_is_refused(stored, reason):
    with pytest.raises(unpack.Damaged, match=reason):
        by_hand(stored)


def test_a_block_cannot_grow_beyond_its_limit():
    """One hundred matches of 64 KiB each from 207 bytes."""
    raw = (8 << 3).to_bytes(3, "little") + b"01234567"
    sequences = b"\0" + bytes([100, 0b01010100, 0, 0, 52]) + bytes(200) + b"\1"
    block = (len(sequences) << 3 | 0b101).to_bytes(3, "little") + sequences
    with pytest.raises(unpack.Damaged, match="sequence is too long"):
        by_hand(b"\x28\xb5\x2f\xfd\x00\x58" + raw + block)


@pytest.mark.parametrize("count", [unpack.LITERAL_COUNTS, unpack.MATCH_COUNTS, unpack.OFFSET_COUNTS])
def test_the_default_tables_add_up(count):
    assert sum(map(abs, count)) in (32, 64)


# --- which means is used ---


def without_modules(monkeypatch, *missing):
    real = importlib.import_module

    def import_module(name):
        if name in missing:
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(unpack.importlib, "import_module", import_module)


ALL = ("compression.zstd", "backports.zstd", "zstandard")


def test_a_module_comes_first():
    assert unpack.zstd_means() not in (unpack.zstd_by_hand, unpack.zstd_by_program)


def test_then_comes_the_program(monkeypatch):
    without_modules(monkeypatch, *ALL)
    monkeypatch.setattr(unpack.shutil, "which", lambda _: "zstd")
    assert unpack.zstd_means() is unpack.zstd_by_program


def test_the_hand_is_always_there(monkeypatch, tmp_path):
    without_modules(monkeypatch, *ALL)
    monkeypatch.setattr(unpack.shutil, "which", lambda _: None)
    assert unpack.zstd_means() is unpack.zstd_by_hand
    path = tmp_path / "package.edms"
    path.write_bytes(make_package(codec="zstd"))
    assert unpack.main([str(path), str(tmp_path / "out")]) == 0


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd program")
def test_the_program_agrees():
    data = random.Random(6).randbytes(300_000) + bytes(300_000)
    stored = zstd.compress(data)
    assert b"".join(unpack.zstd_by_program(iter([stored]))) == data
    with pytest.raises(unpack.Damaged, match="damaged"):
        list(unpack.zstd_by_program(iter([stored[:-20]])))
    unfinished = unpack.zstd_by_program(iter([stored]))
    assert next(unfinished)
    unfinished.close()


def test_the_module_agrees():
    data = random.Random(6).randbytes(300_000) + bytes(300_000)
    stored = zstd.compress(data)
    assert b"".join(unpack.zstd_by_module(zstd, iter([stored]))) == data
    for spoiled in (stored[:-20], b"none" + stored):
        with pytest.raises(unpack.Damaged, match="damaged"):
            list(unpack.zstd_by_module(zstd, iter([spoiled])))


def test_gzip_agrees():
    data = random.Random(6).randbytes(300_000) + bytes(900_000)
    stored = gzip.compress(data)
    for step in (1000, 10**6):
        pieces = (stored[start : start + step] for start in range(0, len(stored), step))
        assert b"".join(unpack.gzip_chunks(pieces)) == data
    for spoiled in (stored[:-1], stored + b"x", stored + stored, b"none", b""):
        with pytest.raises(unpack.Damaged, match="gzip stream"):
            list(unpack.gzip_chunks(iter([spoiled])))
    with pytest.raises(unpack.Damaged, match="follows a gzip stream"):
        list(unpack.gzip_chunks(iter([stored, b"x"])))
