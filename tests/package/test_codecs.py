"""Which codec is chosen, and what is worth compressing."""

import dataclasses
import random
import threading

import pytest

from edms_backup.errors import UnsupportedFormat, UsageError
from edms_backup.package import compression
from edms_backup.package.compression import CODECS, choose_codec, codec_of, pays


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_only_what_shrinks_pays(name: str) -> None:
    codec = CODECS[name]
    assert pays(codec, b"all work and no play " * 100) is True
    assert pays(codec, random.Random(1).randbytes(5000)) is False
    assert pays(codec, b"") is False
    assert pays(CODECS["none"], b"all work and no play " * 100) is False


def test_a_trial_is_the_same_whatever_was_tried_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressor that begins anew gives the bytes of a new one, and one that was cut off is not used again."""
    dice = random.Random(2)
    zstd = CODECS["zstd"]
    trial = zstd.trial
    assert trial is not None

    class Cut:
        def __init__(self) -> None:
            self.real, self.cut = trial(), False
            made.append(self)

        def compress(self, data: bytes) -> bytes:
            taken = self.real.compress(data)
            if self.cut:
                raise MemoryError
            return taken

        def flush(self) -> bytes:
            return self.real.flush()

    made: list[Cut] = []
    codec = dataclasses.replace(zstd, trial=Cut)
    monkeypatch.setattr(compression, "_spare", threading.local())
    for _ in range(200):
        sample = dice.randbytes(dice.randrange(1, 3000)) + b"ab" * dice.randrange(3000)
        fresh = trial()
        size = len(fresh.compress(sample)) + len(fresh.flush())
        assert compression._trial_size(codec, sample) == size
    assert len(made) == 1
    made[0].cut = True
    with pytest.raises(MemoryError):
        pays(codec, b"x" * 5000)
    assert compression._trial_size(codec, sample) == size
    assert len(made) == 2


def test_a_codec_that_is_not_installed_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {name: choose_codec(name).suffix for name in CODECS} == {"none": "", "gzip": ".gz", "zstd": ".zst"}
    assert choose_codec("auto").name == "zstd"
    monkeypatch.setattr(compression, "_zstd", lambda: None)
    assert choose_codec("auto").name == "gzip"
    with pytest.raises(UnsupportedFormat, match="not installed"):
        choose_codec("zstd")
    with pytest.raises(UsageError, match="'brotli'"):
        choose_codec("brotli")


def test_a_member_shows_its_codec() -> None:
    names = {"a.jsonl": "none", "a.jsonl.gz": "gzip", "a.jsonl.zst": "zstd", "a.gz.jsonl": "none"}
    assert {name: codec_of(name).name for name in names} == names
