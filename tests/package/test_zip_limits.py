"""Numbers at the edge of what ZIP can write without its 64-bit records: a field that is full always means them."""

import struct

import pytest

from edms_backup.package.container import TRAILER_LENGTH, Member, central_header, directory_end, local_header

FULL_32, FULL_16 = 2**32 - 1, 2**16 - 1
NAME = "files.jsonl"


def extra(values: list[int]) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""


@pytest.mark.parametrize("size", [0, FULL_32 - 1, FULL_32, FULL_32 + 1])
@pytest.mark.parametrize("offset", [0, FULL_32 - 1, FULL_32, FULL_32 + 1])
def test_a_member_at_the_edge(size: int, offset: int) -> None:
    member = Member(NAME, offset, size, 0)
    sizes = [size, size] if size >= FULL_32 else []
    local, central = local_header(member), central_header(member)

    assert local[30:] == NAME.encode() + extra(sizes)
    assert struct.unpack_from("<2L", local, 18) == (min(size, FULL_32),) * 2
    values = sizes + ([offset] if offset >= FULL_32 else [])
    assert central[46:] == NAME.encode() + extra(values)
    assert struct.unpack_from("<2L", central, 20) == (min(size, FULL_32),) * 2
    assert struct.unpack_from("<L", central, 42) == (min(offset, FULL_32),)
    assert struct.unpack_from("<H", local, 4) == (45 if sizes else 20,)
    assert struct.unpack_from("<H", central, 6) == (45 if values else 20,)


@pytest.mark.parametrize(
    ("count", "size", "offset", "large"),
    [
        (1, 2, 3, False),
        (FULL_16 - 1, FULL_32 - 1, FULL_32 - 1, False),
        (FULL_16, 2, 3, True),
        (1, FULL_32, 3, True),
        (1, 2, FULL_32, True),
        (FULL_16 + 1, FULL_32 + 1, FULL_32 + 1, True),
    ],
)
def test_an_end_at_the_edge(count: int, size: int, offset: int, large: bool) -> None:
    end = directory_end(count, size, offset)

    short = (min(count, FULL_16), min(count, FULL_16), min(size, FULL_32), min(offset, FULL_32))
    assert struct.unpack("<4s4H2LH", end[-22:]) == (b"PK\5\6", 0, 0, *short, TRAILER_LENGTH)
    if not large:
        assert len(end) == 22
        return
    assert struct.unpack("<4sQ2H2L4Q", end[:56]) == (
        *(b"PK\6\6", 44, 3 << 8 | 45, 45, 0, 0),
        *(count, count, size, offset),
    )
    assert struct.unpack("<4sLQL", end[56:76]) == (b"PK\6\7", 0, offset + size, 1)
    assert len(end) == 98
