"""The German catalogue has every string of the app, finished, and is compiled."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

import edms_backup

APP = Path(edms_backup.__file__).parent
PO = APP / "locale" / "de" / "LC_MESSAGES" / "django.po"
FUNCTIONS = {"_", "gettext", "gettext_lazy", "ngettext", "pgettext", "npgettext"}
_TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
CALL = re.compile(rf"\b(\w*gettext)\(({_TEXT}(?:,\s*{_TEXT})*)")
HOLE = re.compile(r"%\((\w+)\)[sd]|<[^>]+>")


def entries() -> Iterator[dict[str, str]]:
    """Yield the entries of the catalogue as keyword to text; ``flags`` holds what stands before them."""
    for block in PO.read_text(encoding="utf-8").split("\n\n"):
        found = {"flags": " ".join(re.findall(r"^#,.*$", block, re.MULTILINE))}
        for keyword, text in re.findall(r'^(\w+(?:\[\d\])?) ((?:".*"\n?)+)', block, re.MULTILINE):
            found[keyword] = "".join(ast.literal_eval(line) for line in text.strip().splitlines())
        if found.get("msgid"):
            yield found


def wanted() -> dict[str, str]:
    """Return every string that the code and the pages ask for, with the file that does."""
    found = {}
    for file in [*APP.rglob("*.py"), *APP.rglob("*.html")]:
        source = file.read_text(encoding="utf-8")
        calls = _in_page(source) if file.suffix == ".html" else _in_code(source)
        for function, texts in calls:
            found[texts[1 if function.lstrip("n").startswith("p") else 0]] = file.name
    return found


def _in_code(source: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FUNCTIONS:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if texts and isinstance(texts[0], str):
                yield ast.unparse(node.func), [str(text) for text in texts]


def _in_page(source: str) -> Iterator[tuple[str, list[str]]]:
    for function, texts in CALL.findall(templatize(source)):
        yield function, list(ast.literal_eval(f"({texts},)"))


def test_every_string_is_in_the_catalogue() -> None:
    known = {entry["msgid"] for entry in entries()}
    asked = wanted()
    assert len(asked) > 200
    assert {text: file for text, file in asked.items() if text not in known} == {}


def test_every_entry_is_translated_and_sure() -> None:
    for entry in entries():
        assert "fuzzy" not in entry["flags"], entry
        texts = [text for keyword, text in entry.items() if keyword.startswith("msgstr")]
        assert all(texts), entry
        assert len(texts) == (2 if "msgid_plural" in entry else 1), entry
        assert set(HOLE.findall(texts[-1])) == set(HOLE.findall(entry.get("msgid_plural", entry["msgid"]))), (
            entry
        )


def test_what_is_compiled_is_what_is_written() -> None:
    with PO.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    for entry in entries():
        if "msgid_plural" in entry:
            said = [compiled.ngettext(entry["msgid"], entry["msgid_plural"], count) for count in (1, 2)]
            assert said == [entry["msgstr[0]"], entry["msgstr[1]"]]
        elif "msgctxt" in entry:
            assert compiled.pgettext(entry["msgctxt"], entry["msgid"]) == entry["msgstr"]
        else:
            assert compiled.gettext(entry["msgid"]) == entry["msgstr"]


@pytest.mark.parametrize("suffix", [".html", ".css", ".js"])
def test_pages_hold_nothing_inline(suffix: str) -> None:
    for file in APP.rglob(f"*{suffix}"):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:|https?://(?!www\.w3\.org)", source), (
            file
        )
        assert not re.search(r"<script(?! src=)", source), file
