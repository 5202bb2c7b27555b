#!/usr/bin/env python3
"""Verify a package of edms_backup and unpack it. Needs Python 3.9 or newer, and nothing else.

    python3 unpack.py --verify-only PACKAGE
    python3 unpack.py PACKAGE FOLDER

This file travels in every package, for the day when the app that wrote it is gone. So it stands alone,
does not import the app's reader, and is longer than other files: its last part is a decoder for zstd
(RFC 8878), which Python has only since 3.14. Exit codes: 0 done, 1 damaged, 2 wrong usage or a file that
cannot be read or written.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import importlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

CHUNK = 256 * 1024
TRAILER = re.compile(rb"edms_backup package format=([0-9]{4}) length=([0-9]{20}) sha256=([0-9a-f]{64})")
TRAILER_LENGTH = 131
FORMAT_VERSION = 1
MEMBER = re.compile(
    r"README\.txt|unpack\.py|MANIFEST\.json|files\.jsonl(\.zst|\.gz)?"
    r"|rows/[A-Za-z_]\w*\.[A-Za-z_]\w*(\.[0-9]{4,9})?\.jsonl(\.zst|\.gz)?"
    r"|files/([0-9a-f]{2})/\4[0-9a-f]{62}(\.zst|\.gz)?",
    re.ASCII,
)
LABEL = re.compile(r"[^\W\d]\w*\.[^\W\d]\w*")
ROOT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
MAX_LINE = 256 * 1024 * 1024
NAME_ERRORS = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}


class Damaged(Exception):
    """The file is no intact package; the message is one sentence."""


# --- The package -------------------------------------------------------------------------------------------


class Package:
    """An open package whose seal and directory have been checked."""

    def __init__(self, file: BinaryIO) -> None:
        check_seal(file)
        try:
            self.archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OverflowError, RuntimeError, struct.error) as error:
            raise Damaged(f"The ZIP directory cannot be read: {error}.") from error
        self.members = {info.filename: info for info in self.archive.infolist()}
        if len(self.members) != len(self.archive.infolist()):
            raise Damaged("A member occurs twice.")
        for name, info in self.members.items():
            if not MEMBER.fullmatch(name) or info.compress_type != zipfile.ZIP_STORED:
                raise Damaged(f"{name!r} is no member of a package.")
        self.manifest: dict[str, Any] = load_json(b"".join(self.stored("MANIFEST.json")), "MANIFEST.json")
        if self.manifest["format_version"] != FORMAT_VERSION:
            raise Damaged("The manifest is of a format version that this script does not know.")
        listed = {member["name"] for member in self.manifest["members"]}
        if listed != {name for name in self.members if name[:6] != "files/" and name != "MANIFEST.json"}:
            raise Damaged("The members are not those that the manifest names.")

    def stored(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member as they are stored."""
        if name not in self.members:
            raise Damaged(f"{name} is missing.")
        try:
            with self.archive.open(name) as stream:
                yield from iter(lambda: stream.read(CHUNK), b"")
        except (zipfile.BadZipFile, EOFError, RuntimeError, struct.error) as error:
            raise Damaged(f"{name} cannot be read: {error}.") from error

    def content(self, name: str, size: int, sha256: str) -> Iterator[bytes]:
        """Yield the decompressed bytes of a member, never more than ``size``; compare size and digest."""
        chunks = self.stored(name)
        if name.endswith(".zst"):
            chunks = zstd_chunks(chunks)
        elif name.endswith(".gz"):
            chunks = gzip_chunks(chunks)
        digest = hashlib.sha256()
        total = 0
        for chunk in chunks:
            digest.update(chunk)
            total += len(chunk)
            if total > size:
                break
            yield chunk
        if total != size or digest.hexdigest() != sha256:
            raise Damaged(f"{name} does not hold the bytes that are recorded.")

    def lines(self, segment: dict[str, Any]) -> Iterator[bytes]:
        """Yield the lines of a segment; compare their number."""
        rest = b""
        parts: list[bytes] = []
        length = count = 0
        for chunk in self.content(segment["member"], segment["size"], segment["sha256"]):
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                parts.append(line + b"\n")
                count += 1
                yield b"".join(parts)
                parts.clear()
                length = 0
            parts.append(rest)
            length += len(rest)
            if length > MAX_LINE:
                raise Damaged(f"{segment['member']} has a line that is too long.")
        if rest or count != segment["rows"]:
            raise Damaged(f"{segment['member']} does not hold {segment['rows']} lines.")

    def rows(self, model: dict[str, Any]) -> Iterator[bytes]:
        """Yield the lines of a model; compare their number and digest."""
        total = count = 0
        for segment in model["segments"]:
            for line in self.lines(segment):
                total += int.from_bytes(hashlib.sha256(content_of(line)).digest(), "big")
                count += 1
                yield line
        if count != model["rows"] or f"{total % (1 << 256):064x}" != model["digest"]:
            raise Damaged(f"The rows of {model['label']} are not those that were counted.")

    def files(self) -> Iterator[dict[str, Any]]:
        """Yield the entries of the index of files."""
        index = self.manifest["files"]["index"]
        for line in self.lines(index) if index else ():
            yield load_json(line, index["member"])


def content_of(line: bytes) -> bytes:
    """Return what the digest of a row covers: the line without the ids that depend on the site."""
    content, pk = line[:-2].rsplit(b',"_pk":', 1)
    if content.endswith(b',"pk":' + pk):
        content = content[: -len(b',"pk":' + pk)]
    if b'"_refs":{' not in content and content.count(b'{"') <= 2:  # itself and its fields: no object inside
        return content
    row = load_json(content + b"}", "a row")
    for reference in row.get("_refs", {}).values():
        place, step = row["fields"], reference["field"]
        for following in reference.get("path", []):
            place, step = place[step], following
        place[step] = None
    row["fields"] = {name: in_order(value) for name, value in row["fields"].items()}
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":")).encode()[:-1]


def in_order(value: Any) -> Any:
    """Return a value with the members of every object in the order of their names."""
    if isinstance(value, dict):
        return {name: in_order(value[name]) for name in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def check_seal(file: BinaryIO) -> None:
    """Compare length and digest of the whole file with its trailer."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - TRAILER_LENGTH))
    trailer = TRAILER.fullmatch(file.read())
    if trailer is None:
        raise Damaged("The file is no package, or its end is missing, or something follows it.")
    if int(trailer[1]) != FORMAT_VERSION:
        raise Damaged(f"Format version {int(trailer[1])} is unknown; use the unpack.py of that package.")
    if int(trailer[2]) != length:
        raise Damaged(f"The file has {length} bytes, but was sealed with {int(trailer[2])}.")
    digest = hashlib.sha256()
    file.seek(0)
    left = length - 64
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise Damaged("The file has become shorter while it was read.")
        digest.update(chunk)
        left -= len(chunk)
    if digest.hexdigest().encode() != trailer[3]:
        raise Damaged("The file is damaged: its digest is not the one that was sealed.")


def load_json(data: bytes, place: str) -> Any:
    """Return the JSON value in ``data``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{place} holds no JSON: {error}.") from error


def verify(file: BinaryIO) -> Package:
    """Check everything that can be checked; return the open package, or raise ``Damaged``."""
    try:
        package = Package(file)
        for member in package.manifest["members"]:
            digest = hashlib.sha256()
            for chunk in package.stored(member["name"]):
                digest.update(chunk)
            if digest.hexdigest() != member["sha256"]:
                raise Damaged(f"{member['name']} does not have the digest that is recorded.")
        for model in package.manifest["models"]:
            if not LABEL.fullmatch(model["label"]):
                raise Damaged(f"{model['label']!r} is no label of a model.")
            for line in package.rows(model):
                load_json(line, model["label"])
        verify_files(package)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"The package is not as the format asks: {error!r}.") from error
    return package


def verify_files(package: Package) -> None:
    """Check the index of files, and each content once."""
    checked = set()
    for entry in package.files():
        if not isinstance(entry["root"], str) or not isinstance(entry["name"], str):
            raise Damaged("The index of files names a file that has no name.")
        if entry.get("missing") or entry["member"] in checked:
            continue
        checked.add(entry["member"])
        for _ in package.content(entry["member"], entry["size"], entry["sha256"]):
            pass
    if checked != {name for name in package.members if name.startswith("files/")}:
        raise Damaged("There are contents that belong to no file.")


# --- Unpacking ---------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print one line; names may hold anything, so what a terminal might obey is escaped."""
    printable = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    sys.stderr.write(printable.encode("ascii", "backslashreplace").decode() + "\n")


def unpack(package: Package, folder: Path) -> None:
    """Write rows, files and manifest below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows").mkdir()
    for model in package.manifest["models"]:
        write(folder / "rows" / (model["label"] + ".jsonl"), package.rows(model))
    taken: set[str] = set()
    renamed = 0
    for entry in package.files():
        name = f"{entry['root']}/{entry['name']}"
        if entry.get("missing"):
            say(f"{name} was missing already when the package was made.")
            continue
        target = place_of(folder, entry["root"], entry["name"])
        key = unicodedata.normalize("NFC", name).casefold()
        if target is None or key in taken or not try_write(target, package, entry):
            renamed += 1
            target = folder / "renamed" / f"{renamed:06d}"
            write(target, package.content(entry["member"], entry["size"], entry["sha256"]))
            say(f"{name} cannot have that name here, or another file has it; it is renamed/{target.name}.")
        taken.add(key)
    write(folder / "MANIFEST.json", package.stored("MANIFEST.json"))


def place_of(folder: Path, root: str, name: str) -> Path | None:
    """Return where a file goes, or ``None`` when its name would lead elsewhere."""
    parts = name.split("/")
    harmless = all(part not in ("", ".", "..") and len(part) < 250 for part in parts)
    if not harmless or "\\" in name or "\0" in name or re.match("[A-Za-z]:", name):
        return None
    if not ROOT.fullmatch(root) or (os.name == "nt" and ":" in name):
        return None
    return folder.joinpath("files", root, *parts)


def try_write(target: Path, package: Package, entry: dict[str, Any]) -> bool:
    """Write a file under its name, or return that the file system does not allow it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.open("xb").close()
    except UnicodeEncodeError:
        return False
    except OSError as error:
        if error.errno not in NAME_ERRORS:
            raise
        return False
    target.unlink()
    write(target, package.content(entry["member"], entry["size"], entry["sha256"]))
    return True


def write(target: Path, chunks: Iterator[bytes]) -> None:
    """Write a new file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)


def main(arguments: list[str] | None = None) -> int:
    """Run the script; return its exit code."""
    parser = argparse.ArgumentParser(prog="unpack.py", description="Verify and unpack a package.")
    parser.add_argument("--verify-only", action="store_true", help="write nothing")
    parser.add_argument("package", metavar="PACKAGE", type=Path)
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", help="new or empty")
    options = parser.parse_args(arguments)
    folder: Path | None = options.folder
    if options.verify_only == (folder is not None):
        parser.error("give a FOLDER, or --verify-only")
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is not empty; choose a new folder")
    try:
        with options.package.open("rb") as file:
            package = verify(file)
            if folder is not None:
                unpack(package, folder)
    except Damaged as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename or options.package}: {error.strerror}.")
        return 2
    files = package.manifest["files"]
    rows = sum(model["rows"] for model in package.manifest["models"])
    done = "is intact" if folder is None else f"is intact and unpacked to {folder}"
    say(f"{options.package} {done}: {rows} rows, {files['count']} files, {files['missing']} missing before.")
    return 0


# --- Decompression -----------------------------------------------------------------------------------------


def gzip_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what a gzip stream holds, in pieces of bounded size."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            data = chunk
            while data or not decompressor.eof:
                piece = decompressor.decompress(data, CHUNK)
                if piece:
                    yield piece
                data = decompressor.unconsumed_tail
                if decompressor.unused_data:
                    raise Damaged("Something follows a gzip stream.")
                if not data and len(piece) < CHUNK:
                    break
    except zlib.error as error:
        raise Damaged(f"A gzip stream is damaged: {error}.") from error
    if not decompressor.eof:
        raise Damaged("A gzip stream has no end.")


def zstd_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what a zstd stream holds, by the fastest means that this computer has."""
    return zstd_means()(chunks)


def zstd_means() -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """Return the best decoder: a module, the zstd program, or the one below."""
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return lambda chunks: zstd_by_module(module, chunks)
    if shutil.which("zstd"):
        return zstd_by_program
    return zstd_by_hand


def spooled(chunks: Iterator[bytes]) -> BinaryIO:
    """Return the bytes as a file, since modules and programs want one."""
    file: Any = tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024)  # noqa: SIM115
    for chunk in chunks:
        file.write(chunk)
    file.seek(0)
    return file  # type: ignore[no-any-return]


def zstd_by_module(module: Any, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decode with one of the modules, which all can open a file."""
    refusals: tuple[type[Exception], ...] = (module.ZstdError, EOFError)
    try:
        with spooled(chunks) as file, module.open(file, "rb") as stream:
            yield from iter(lambda: stream.read(CHUNK), b"")
    except refusals as error:
        raise Damaged(f"A zstd stream is damaged: {error}.") from error


def zstd_by_program(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decode with the zstd program."""
    with spooled(chunks) as file:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(["zstd", "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=quiet)
        with process:
            output: Any = process.stdout
            try:
                yield from iter(lambda: output.read(CHUNK), b"")
            except GeneratorExit:
                process.kill()
                raise
        if process.returncode:
            raise Damaged("A zstd stream is damaged.")


# --- zstd by hand: RFC 8878, one frame, no dictionary. Slow (about 1 MB/s), and needs nothing. -------------

LITERAL_BITS = [0] * 16 + [1] * 4 + [2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
MATCH_BITS = [0] * 32 + [1] * 4 + [2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
LITERAL_COUNTS = [4, 3] + [2] * 11 + [1] * 3 + [2] * 9 + [3, 2] + [1] * 5 + [-1] * 4
MATCH_COUNTS = [1, 4, 3] + [2] * 6 + [1] * 37 + [-1] * 7
OFFSET_COUNTS = [1] * 6 + [2] * 3 + [1] * 15 + [-1] * 5
MAX_BLOCK = 128 * 1024
MAX_WINDOW = 8 * 1024 * 1024


def baselines(start: int, bits: list[int]) -> list[int]:
    """Return the value at which each code begins."""
    values = [start]
    for width in bits[:-1]:
        values.append(values[-1] + (1 << width))
    return values


LITERAL_BASE = baselines(0, LITERAL_BITS)
MATCH_BASE = baselines(3, MATCH_BITS)


class Backward:
    """A bit stream that is read from its end to its beginning (RFC 8878, 4.1)."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise Damaged("A zstd bit stream has no end.")
        self.data = bytes(8) + data  # what lies before the beginning reads as zeros
        self.position = 64 + 8 * len(data) - 9 + data[-1].bit_length()

    def read(self, bits: int) -> int:
        """Return the next ``bits`` bits."""
        self.position -= bits
        if self.position < 64:
            raise Damaged("A zstd bit stream is too short.")
        byte = self.position >> 3
        window = int.from_bytes(self.data[byte : byte + 8], "little")
        return (window >> (self.position & 7)) & ((1 << bits) - 1)

    @property
    def left(self) -> int:
        """Return how many bits are left."""
        return self.position - 64


def read_counts(data: bytes, max_log: int, max_symbol: int) -> tuple[list[int], int, int]:
    """Return the distribution at the start of ``data``, its accuracy, and its length (4.1.1)."""
    bits = int.from_bytes(data[:1024], "little")
    log = (bits & 15) + 5
    position = 4
    left = 1 << log
    counts: list[int] = []
    if log > max_log:
        raise Damaged("A zstd table is too exact.")
    while left > 0 and len(counts) <= max_symbol:
        width = (left + 1).bit_length()
        value = (bits >> position) & ((1 << width) - 1)
        low = value & ((1 << (width - 1)) - 1)
        spare = (1 << width) - 1 - (left + 1)
        position += width
        if low < spare:
            value = low
            position -= 1
        elif value >= 1 << (width - 1):
            value -= spare
        counts.append(value - 1)
        left -= abs(value - 1)
        repeat = 3 if value == 1 else 0
        while repeat == 3:
            repeat = (bits >> position) & 3
            position += 2
            counts += [0] * repeat
    length = (position + 7) // 8
    if left or len(counts) > max_symbol + 1 or length > len(data):
        raise Damaged("A zstd table does not add up.")
    return counts, log, length


def make_table(counts: list[int], log: int) -> Any:
    """Return accuracy and states (symbol, bits to read, base of the next state) of a distribution."""
    size = 1 << log
    symbols = [0] * size
    upcoming = [abs(count) for count in counts]
    high = size
    for symbol, count in enumerate(counts):
        if count == -1:
            high -= 1
            symbols[high] = symbol
    place = 0
    for symbol, count in enumerate(counts):
        for _ in range(max(count, 0)):
            symbols[place] = symbol
            place = (place + (size >> 1) + (size >> 3) + 3) & (size - 1)
            while place >= high:
                place = (place + (size >> 1) + (size >> 3) + 3) & (size - 1)
    states = []
    for symbol in symbols:
        number = upcoming[symbol]
        upcoming[symbol] += 1
        bits = log + 1 - number.bit_length()
        states.append((symbol, bits, (number << bits) - size))
    return log, states


DEFAULTS = (make_table(LITERAL_COUNTS, 6), make_table(OFFSET_COUNTS, 5), make_table(MATCH_COUNTS, 6))


def read_weights(data: bytes) -> tuple[list[int], int]:
    """Return the weights of a Huffman tree but the last, and the length of their description (4.2.1)."""
    head = data[0]
    if head >= 128:
        length = 1 + (head - 126) // 2
        nibbles = [nibble for byte in data[1:length] for nibble in (byte >> 4, byte & 15)]
        return nibbles[: head - 127], length
    counts, log, used = read_counts(data[1 : 1 + head], 6, 255)
    _, states = make_table(counts, log)
    stream = Backward(data[1 + used : 1 + head])
    pair = [stream.read(log), stream.read(log)]
    weights: list[int] = []
    while len(weights) < 255:
        symbol, bits, base = states[pair[0]]
        weights.append(symbol)
        if stream.left < bits:
            weights.append(states[pair[1]][0])
            return weights, 1 + head
        pair = [pair[1], base + stream.read(bits)]
    raise Damaged("A zstd tree has too many leaves.")


def make_tree(weights: list[int]) -> Any:
    """Return the length of the longest code and, for each value of that many bits, symbol and length."""
    total = sum(1 << (weight - 1) for weight in weights if weight)
    longest = total.bit_length()
    rest = (1 << longest) - total
    if not total or longest > 11 or rest & (rest - 1):
        raise Damaged("A zstd tree does not add up.")
    weights = [*weights, rest.bit_length()]
    codes = []
    for weight in range(1, longest + 1):
        for symbol, own in enumerate(weights):
            if own == weight:
                codes += [(symbol, longest + 1 - weight)] * (1 << (weight - 1))
    return longest, codes


def read_huffman(tree: Any, data: bytes, count: int) -> bytearray:
    """Return the ``count`` literals of one Huffman stream (4.2.2)."""
    longest, codes = tree
    stream = Backward(data)
    padded, position, mask = stream.data, stream.position - longest, (1 << longest) - 1
    literals = bytearray()
    for _ in range(count):
        if position < 64 - longest:
            break
        byte = position >> 3
        symbol, bits = codes[(int.from_bytes(padded[byte : byte + 4], "little") >> (position & 7)) & mask]
        literals.append(symbol)
        position -= bits
    if position != 64 - longest or len(literals) != count:
        raise Damaged("A zstd literal stream has the wrong length.")
    return literals


class ByHand:
    """Decodes the blocks of one frame; holds what one block leaves to the next."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.history = bytearray()
        self.tree: Any = None
        self.tables: list[Any] = [None, None, None]
        self.offsets = [1, 4, 8]

    def block(self, kind: int, data: bytes) -> bytes:
        """Return what a block of that kind holds (3.1.1.2)."""
        if len(self.history) > 2 * self.window + MAX_BLOCK:
            del self.history[: -self.window]
        start = len(self.history)
        if kind == 2:
            literals, rest = self.literals(data)
            self.sequences(literals, rest, start + MAX_BLOCK)
        else:
            self.history += data
        return bytes(self.history[start:])

    def literals(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the literals of a block, and what follows them (3.1.1.3.1)."""
        kind, shape = data[0] & 3, data[0] >> 2 & 3
        if kind < 2:
            head = (1, 2, 1, 3)[shape]
            size = int.from_bytes(data[:head], "little") >> (3, 4, 3, 4)[shape]
            if size > MAX_BLOCK:
                raise Damaged("A zstd block is too large.")
            stored = size if kind == 0 else 1
            text = data[head : head + stored]
            if len(text) != stored:
                raise Damaged("A zstd block is too short.")
            return (text if kind == 0 else text * size), data[head + stored :]
        head, width = ((3, 10), (3, 10), (4, 14), (5, 18))[shape]
        sizes = int.from_bytes(data[:head], "little") >> 4
        size, stored = sizes & ((1 << width) - 1), sizes >> width
        body, rest = data[head : head + stored], data[head + stored :]
        if len(body) != stored or not body or size > MAX_BLOCK:
            raise Damaged("A zstd block is too short.")
        if kind == 2:
            weights, used = read_weights(body)
            self.tree = make_tree(weights)
            body = body[used:]
        if self.tree is None:
            raise Damaged("A zstd block refers to a tree that is not there.")
        if shape == 0:
            return bytes(read_huffman(self.tree, body, size)), rest
        return self.four_streams(body, size), rest

    def four_streams(self, body: bytes, size: int) -> bytes:
        """Return the literals of four streams behind a jump table."""
        if len(body) < 6:
            raise Damaged("A zstd block is too short.")
        lengths = struct.unpack_from("<3H", body)
        part = (size + 3) // 4
        literals = bytearray()
        start = 6
        for index in range(4):
            stop = start + lengths[index] if index < 3 else len(body)
            count = part if index < 3 else size - 3 * part
            literals += read_huffman(self.tree, body[start:stop], count)
            start = stop
        return bytes(literals)

    def read_table(self, index: int, mode: int, data: bytes) -> bytes:
        """Prepare one of the three tables of codes; return what follows its description (3.1.1.3.2.1)."""
        max_log, max_symbol = ((9, 35), (8, 31), (9, 52))[index]
        if mode == 0:
            self.tables[index] = DEFAULTS[index]
        elif mode == 1:
            if data[0] > max_symbol:
                raise Damaged("A zstd code is unknown.")
            self.tables[index] = (0, [(data[0], 0, 0)])
            return data[1:]
        elif mode == 2:
            counts, log, used = read_counts(data, max_log, max_symbol)
            self.tables[index] = make_table(counts, log)
            return data[used:]
        if self.tables[index] is None:
            raise Damaged("A zstd block refers to a table that is not there.")
        return data

    def sequences(self, literals: bytes, data: bytes, limit: int) -> None:
        """Append literals and matches to the history, as the sequences tell (3.1.1.3.2 and 3.1.1.4)."""
        count, used = data[0], 1
        if count == 255:
            count, used = int.from_bytes(data[1:3], "little") + 0x7F00, 3
        elif count >= 128:
            count, used = ((count - 128) << 8) + data[1], 2
        if not count:
            self.history += literals
            return
        modes, data = data[used], data[used + 1 :]
        for index in range(3):
            data = self.read_table(index, modes >> (6 - 2 * index) & 3, data)
        stream = Backward(data)
        states = [stream.read(log) for log, _ in self.tables]
        done = 0
        for number in range(count):
            steps = [table[1][state] for table, state in zip(self.tables, states)]  # noqa: B905
            literal_code, offset_code, match_code = (step[0] for step in steps)
            raw_offset = (1 << offset_code) + stream.read(offset_code)
            match = MATCH_BASE[match_code] + stream.read(MATCH_BITS[match_code])
            literal = LITERAL_BASE[literal_code] + stream.read(LITERAL_BITS[literal_code])
            if number < count - 1:
                for index in (0, 2, 1):
                    states[index] = steps[index][2] + stream.read(steps[index][1])
            self.history += literals[done : done + literal]
            done += literal
            self.copy(self.offset(raw_offset, literal), match)
            if done > len(literals) or len(self.history) > limit:
                raise Damaged("A zstd sequence is too long.")
        if stream.left:
            raise Damaged("A zstd bit stream is too long.")
        self.history += literals[done:]

    def offset(self, value: int, literal: int) -> int:
        """Return the offset that ``value`` means, and remember it (3.1.1.5)."""
        if value > 3:
            offset, place = value - 3, 2
        else:
            place = value - 1 + (literal == 0)
            offset = self.offsets[place] if place < 3 else self.offsets[0] - 1
        if place:
            del self.offsets[min(place, 2)]
            self.offsets.insert(0, offset)
        return offset

    def copy(self, offset: int, length: int) -> None:
        """Append ``length`` bytes that begin ``offset`` bytes before the end; they may overlap."""
        start = len(self.history) - offset
        if start < 0 or offset < 1:
            raise Damaged("A zstd match lies before the beginning.")
        piece = self.history[start : start + length]
        if len(piece) < length:
            piece = (piece * (length // len(piece) + 1))[:length]
        self.history += piece


def zstd_by_hand(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decode one zstd frame with nothing but this file (3.1.1)."""
    with spooled(chunks) as file:
        try:
            yield from frame(file)
        except (IndexError, struct.error) as error:
            raise Damaged("A zstd stream is damaged.") from error


def frame(file: BinaryIO) -> Iterator[bytes]:
    """Yield the blocks of the frame in ``file``, and insist that nothing follows."""
    if file.read(4) != b"\x28\xb5\x2f\xfd":
        raise Damaged("A zstd stream has no beginning.")
    flags = file.read(1)[0]
    single, checksum = flags >> 5 & 1, flags >> 2 & 1
    if flags & 0b1011:
        raise Damaged("A zstd stream needs a dictionary.")
    window = 0
    if not single:
        byte = file.read(1)[0]
        window = (1 << (10 + (byte >> 3))) * (8 + (byte & 7)) // 8
    width = (single, 2, 4, 8)[flags >> 6]
    size = int.from_bytes(file.read(width), "little") + (256 if width == 2 else 0)
    window = window or size
    if window > MAX_WINDOW:
        raise Damaged("A zstd stream needs too large a window.")
    decoder = ByHand(window)
    last = 0
    while not last:
        head = file.read(3)
        if len(head) < 3:
            raise Damaged("A zstd stream has no end.")
        number = int.from_bytes(head, "little")
        last, kind, length = number & 1, number >> 1 & 3, number >> 3
        if kind == 3 or length > MAX_BLOCK:
            raise Damaged("A zstd block is too large.")
        stored = 1 if kind == 1 else length
        data = file.read(stored)
        if len(data) < stored:
            raise Damaged("A zstd stream has no end.")
        yield decoder.block(kind, data * length if kind == 1 else data)
    if len(file.read(5)) != 4 * checksum:
        raise Damaged("Something follows a zstd stream.")


if __name__ == "__main__":
    sys.exit(main())
