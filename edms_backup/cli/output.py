"""The only place that writes: text or one JSON document on standard output, all else on standard error.

Whether anybody reads does not change what a run does: when the reader of a pipe goes away, output is
dropped and the run ends with the exit code that it earned. When the output cannot be kept (a full disk),
that is told and is a failure.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TextIO

from edms_backup.cli.text import finding_lines, shown
from edms_backup.errors import Declined, EdmsBackupError, UsageError
from edms_backup.findings import Finding, Severity

logger = logging.getLogger(__name__)

NORMAL = 1
DETAILED = 2


class Palette(Protocol):
    """What is used of ``django.core.management.color.Style``."""

    def SUCCESS(self, text: str) -> str: ...  # noqa: D102
    def WARNING(self, text: str) -> str: ...  # noqa: D102
    def ERROR(self, text: str) -> str: ...  # noqa: D102
    def MIGRATE_HEADING(self, text: str) -> str: ...  # noqa: D102


class Stream:
    """A stream that may be closed, may break, and may not know every character."""

    def __init__(self, target: Any) -> None:
        """Write to ``target``: a text stream, Django's wrapper of one, or nothing at all (closed)."""
        target = getattr(target, "_out", target)
        self._target: TextIO | None = target
        self.problem: OSError | None = None

    @property
    def open(self) -> bool:
        """Return whether what is written still goes somewhere."""
        return self._target is not None

    @property
    def is_terminal(self) -> bool:
        """Return whether a person looks at it."""
        try:
            return self._target is not None and self._target.isatty()
        except ValueError:
            return False  # closed

    def write(self, text: str) -> None:
        """Write ``text``; a broken stream is given up without a word."""
        if self._target is None:
            return
        try:
            self._target.write(self._encodable(text))
            self._target.flush()
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self.problem = error
            self._give_up()
        except ValueError:
            self._target = None  # closed by somebody else

    def _encodable(self, text: str) -> str:
        encoding = getattr(self._target, "encoding", None) or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)

    def _give_up(self) -> None:
        """Let what is still in the buffer go nowhere, so that the interpreter does not stumble over it."""
        target, self._target = self._target, None
        try:
            descriptor = target.fileno() if target is not None else -1
        except (OSError, ValueError):
            return  # no file of the operating system
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


class Output:
    """What a subcommand may say, and to whom."""

    def __init__(
        self, stdout: Any, stderr: Any, palette: Palette, *, as_json: bool = False, verbosity: int = NORMAL
    ) -> None:
        """Speak to these streams; with ``as_json`` standard output is for one document only."""
        self.stdout = Stream(stdout)
        self.stderr = Stream(stderr)
        self.as_json = as_json
        self.verbosity = verbosity
        self.palette = palette
        self._answered = False
        self.if_interrupted = "Interrupted; nothing was changed."
        """What is true should the operator interrupt now; a subcommand changes it as it goes."""

    @property
    def detailed(self) -> bool:
        """Return whether everything is wanted (``-v 2``)."""
        return self.verbosity >= DETAILED

    def line(self, text: str = "") -> None:
        """Say something that a person may want to know."""
        if self.verbosity >= NORMAL and not self.as_json:
            self.stdout.write(text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Say several things."""
        for text in texts:
            self.line(text)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.line()
        self.line(self.palette.MIGRATE_HEADING(text))

    def verdict(self, text: str, *, good: bool) -> None:
        """Say how it ended, however quiet the operator wants it."""
        if not self.as_json:
            paint = self.palette.SUCCESS if good else self.palette.WARNING
            self.stdout.write(paint(text) + "\n")

    def findings(self, findings: Iterable[Finding]) -> None:
        """Show findings on standard output."""
        for severity, text in finding_lines(findings, everything=self.detailed):
            self.line(self._painted(severity, text))

    def document(self, document: Mapping[str, object]) -> None:
        """Write the one JSON document."""
        self._answered = True
        self.stdout.write(json.dumps(document, indent=2) + "\n")

    def note(self, text: str) -> None:
        """Say something on standard error."""
        self.stderr.write(text + "\n")

    def error(self, error: EdmsBackupError, *, exit_code: int | None = None) -> None:
        """Say why it failed: as the one document, or on standard error with findings and hint."""
        if self.as_json and not self._answered:
            document = error.to_dict()
            if exit_code is not None:
                document["exit_code"] = exit_code
            self.document({"ok": False, "error": document})
            return
        for severity, text in finding_lines(error.findings, everything=self.detailed):
            self.note(self._painted(severity, text))
        self.note(self.palette.ERROR(f"error: {shown(error.message)}"))
        if error.hint:
            self.note(f"hint: {shown(error.hint)}")

    def traceback(self, error: BaseException) -> None:
        """Show where an error came from."""
        self.stderr.write("".join(traceback.format_exception(error)))

    def refuse_unless_answerable(self, stdin: TextIO | None) -> None:
        """Raise ``UsageError`` where a question would find nobody to answer it."""
        if self.as_json:
            raise UsageError(
                "With --json nobody is asked.",
                hint="Add --dry-run to see the plan, or --yes to carry it out.",
            )
        if stdin is None or stdin.closed or not stdin.isatty():
            raise UsageError(
                "Nobody is there to confirm: standard input is no terminal.",
                hint="Look at it with --dry-run first, then add --yes.",
            )

    def ask(self, question: str, stdin: TextIO) -> None:
        """Ask the operator; return when the answer is ``yes``, raise ``Declined`` for any other."""
        if not self.stdout.open:
            raise Declined("The plan could not be shown, so it cannot be confirmed; nothing was changed.")
        self.stderr.write(f"{question}\nType yes to go on: ")
        if stdin.readline().strip().lower() != "yes":
            raise Declined("Not confirmed; nothing was changed.")

    def _painted(self, severity: Severity, text: str) -> str:
        if severity >= Severity.DEFECT:
            return self.palette.ERROR(text)
        return self.palette.WARNING(text) if severity >= Severity.WARNING else text
