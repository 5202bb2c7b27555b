"""create, step 6: the finished file is read back before the store makes it visible in one atomic step."""

from __future__ import annotations

from pathlib import Path

from edms_backup.errors import ChecksumMismatch
from edms_backup.events import Reporter
from edms_backup.findings import Severity
from edms_backup.package import PackageReader
from edms_backup.package.verify import verify

_PARSED_AGAIN = 100  # of so many lines, one is taken apart once more; the bytes of all are compared


def read_back(partial: Path, reporter: Reporter) -> None:
    """Open, decode and compare everything that was written; raises when a byte is not as it should be."""
    with PackageReader.open(partial) as reader:
        findings = verify(reader, reporter, parse_every=_PARSED_AGAIN)
    problems = [finding for finding in findings if finding.severity >= Severity.ERROR]
    if problems:
        raise ChecksumMismatch(
            f"The package does not read back as it was written: {problems[0].message}",
            hint="Memory or disk of this machine may be failing; nothing was published.",
            findings=problems,
        )
