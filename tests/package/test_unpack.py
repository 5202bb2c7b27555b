"""``unpack.py``: verifies and unpacks with the standard library alone, and never writes elsewhere."""

import ast
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edms_backup.package import FileEntry, encode_line, unpack
from edms_backup.package.container import MANIFEST, UNPACK
from edms_backup.package.files import encode_entry

from .builders import FILES, LABEL, ROWS, make_package, members_of
from .test_hostile import exchange_index

CODECS = ["none", "gzip", "zstd"]
NAMES = {
    "../evil": False,
    "a/../../evil": False,
    "/evil": False,
    "//evil": False,
    "C:evil": False,
    "c:\\evil": False,
    "..\\evil": False,
    "a\\b": False,
    "a//b": False,
    "./a": False,
    "a/.": False,
    "..": False,
    "a/": False,
    "nul\0.pdf": False,
    "x" * 300: False,
    "\ud800": False,
    "...": True,
    "~root": True,
    "-rf": True,
    "%2e%2e/evil": True,
    "ordner/prüfplan.pdf": True,
    "a b/c\nd": True,
    "\u202etxt.exe": True,
}


def saved(tmp_path, package):
    path = tmp_path / "package.edms"
    path.write_bytes(package)
    return path


def run(*arguments):
    return unpack.main([str(argument) for argument in arguments])


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("codec", CODECS)
def test_everything_is_unpacked(tmp_path, capsys, codec):
    package = make_package(codec=codec)
    folder = tmp_path / "out"
    assert run(saved(tmp_path, package), folder) == 0
    lines = b"".join(encode_line(LABEL.lower(), {"fields": fields}, pk) for fields, pk in ROWS)
    assert (folder / f"rows/{LABEL}.jsonl").read_bytes() == lines
    assert (folder / MANIFEST).read_bytes() == members_of(package)[MANIFEST]
    for name, data in FILES.items():
        assert (folder / "files/media" / name).read_bytes() == data
    assert len(files_below(folder)) == 2 + len(FILES)
    said = capsys.readouterr().err
    assert "media/documents/lost.pdf was missing already when the package was made." in said
    assert "2 rows, 3 files, 1 missing before." in said


def test_verify_only_writes_nothing(tmp_path, capsys):
    path = saved(tmp_path, make_package())
    assert run("--verify-only", path) == 0
    assert list(tmp_path.iterdir()) == [path]
    assert "package.edms is intact: 2 rows" in capsys.readouterr().err


def test_the_embedded_script_runs_alone(tmp_path):
    """As in README.txt: take the script out of the package, run it with an isolated Python."""
    path = saved(tmp_path, make_package())
    with zipfile.ZipFile(path) as archive:
        archive.extract(UNPACK, tmp_path)
    command = [sys.executable, "-I", "-S", "-W", "error", tmp_path / UNPACK, path, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert files_below(tmp_path / "out") >= {f"rows/{LABEL}.jsonl", MANIFEST}


def test_the_script_needs_nothing_but_the_standard_library():
    tree = ast.parse(Path(unpack.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_damage_is_one_sentence_and_code_1(tmp_path, capsys):
    package = bytearray(make_package())
    package[5000] ^= 1
    assert run(saved(tmp_path, package), tmp_path / "out") == 1
    assert capsys.readouterr().err == "The file is damaged: its digest is not the one that was sealed.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["p"], ["p", "f", "g"], ["--verify-only", "p", "f"], ["--what"]])
def test_wrong_usage_is_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        unpack.main(arguments)
    assert exit_.value.code == 2
    assert "usage: unpack.py" in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_refused(tmp_path, capsys):
    path = saved(tmp_path, make_package())
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("precious")
    for target in (tmp_path / "out", path):
        with pytest.raises(SystemExit) as exit_:
            run(path, target)
        assert exit_.value.code == 2
        assert "is not empty" in capsys.readouterr().err
    assert files_below(tmp_path / "out") == {"mine.txt"}


def test_an_empty_folder_is_welcome(tmp_path):
    (tmp_path / "out").mkdir()
    assert run(saved(tmp_path, make_package()), tmp_path / "out") == 0


def test_a_package_that_is_not_there_is_code_2(tmp_path, capsys):
    assert run("--verify-only", tmp_path / "none") == 2
    assert "No such file" in capsys.readouterr().err


def with_names(*entries):
    """Return a package whose index names files like this: (root, name, content)."""
    contents = {str(index): data for index, (_, _, data) in enumerate(entries)}
    package = make_package([], contents, codec="none", missing=())
    lines = []
    for root, name, data in entries:
        sha256 = hashlib.sha256(data).hexdigest()
        member = f"files/{sha256[:2]}/{sha256}"
        lines.append(
            encode_entry(FileEntry(root=root, name=name, size=len(data), sha256=sha256, member=member))
        )
    return exchange_index(package, lines)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out_of_the_folder(tmp_path, capsys, name):
    inner = tmp_path / "deep/er"
    inner.mkdir(parents=True)
    path = saved(tmp_path, with_names(("media", name, b"content")))
    assert run(path, inner / "out") == 0
    written = files_below(tmp_path) - {"package.edms", "deep/er/out/" + MANIFEST}
    written.discard(f"deep/er/out/rows/{LABEL}.jsonl")
    if NAMES[name]:
        assert written == {f"deep/er/out/files/media/{name}"}
    else:
        assert written == {"deep/er/out/renamed/000001"}
        assert "it is renamed/000001." in capsys.readouterr().err
    for place in written:
        assert (tmp_path / place).read_bytes() == b"content"


@pytest.mark.parametrize("root", ["..", ".", "", "/", "a/b", "media\0", "C:", "x\\y", "médias"])
def test_no_root_leads_out_of_the_folder(tmp_path, root):
    path = saved(tmp_path, with_names((root, "a.pdf", b"content")))
    assert run(path, tmp_path / "out") == 0
    assert (tmp_path / "out/renamed/000001").read_bytes() == b"content"


def test_names_that_some_file_systems_confuse_are_kept_apart(tmp_path, capsys):
    entries = [
        ("media", "a/Plan.pdf", b"1"),
        ("media", "a/plan.PDF", b"2"),
        ("media", "a/pr\u00fcf", b"3"),
        ("media", "a/pru\u0308f", b"4"),
        ("media", "a", b"5"),
        ("media", "a/Plan.pdf/x", b"6"),
        ("other", "a/Plan.pdf", b"7"),
    ]
    assert run(saved(tmp_path, with_names(*entries)), tmp_path / "out") == 0
    found = {path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found >= {data for _, _, data in entries}
    assert (tmp_path / "out/files/media/a/Plan.pdf").read_bytes() == b"1"
    assert (tmp_path / "out/files/other/a/Plan.pdf").read_bytes() == b"7"
    assert capsys.readouterr().err.count("another file has it; it is renamed/") == 4


def test_what_a_terminal_would_obey_is_escaped(tmp_path, capsys):
    assert run(saved(tmp_path, with_names(("media", "../\x1b[2J\u202e", b"x"))), tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "\x1b" not in said and "\u202e" not in said and "\\x1b[2J\\u202e" in said


def test_an_unwritable_folder_is_code_2(tmp_path, capsys, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device", "out")

    monkeypatch.setattr(unpack, "write", full)
    assert run(saved(tmp_path, make_package()), tmp_path / "out") == 2
    assert capsys.readouterr().err.endswith("out: No space left on device.\n")


def test_a_full_disk_is_no_bad_name(tmp_path, monkeypatch):
    package = unpack.verify(io.BytesIO(make_package()))
    entry = next(iter(package.files()))
    monkeypatch.setattr(
        Path, "open", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        unpack.try_write(tmp_path / "x", package, entry)


@pytest.mark.skipif(os.name == "nt", reason="another convention")
def test_colons_are_names_here_and_streams_on_windows(tmp_path, monkeypatch):
    assert unpack.place_of(tmp_path, "media", "at 12:30.pdf") is not None
    monkeypatch.setattr(unpack.os, "name", "nt")
    assert unpack.place_of(tmp_path, "media", "at 12:30.pdf") is None
