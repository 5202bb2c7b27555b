"""``make bench``: measure, print as it goes, and write ``.bench/figures.md`` and ``.bench/figures.json``."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.report import as_json, as_markdown, machine
from benchmarks.rounds import Bench, Figure, Scale, files
from benchmarks.targets import with_extrapolated
from tests import databases

SIZES = (30_000, 100_000, 300_000, 1_000_000)


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--vendor", choices=databases.VENDORS, action="append", help="may be repeated")
    parser.add_argument(
        "--objects", type=int, action="append", help="may be repeated; 30k, 100k, 300k and 1M by default"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, metavar="N", help="runs of everything but stock tools (3)"
    )
    parser.add_argument(
        "--stock-up-to", type=int, default=30_000, metavar="N", help="objects given to stock tools (30000)"
    )
    parser.add_argument(
        "--files", type=int, default=5_000, metavar="N", help="files of the files round, 0 for none (5000)"
    )
    parser.add_argument(
        "--long-row",
        type=int,
        default=50,
        metavar="MB",
        help="text of one row, to see its memory; 0 for none (50)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path(".bench"), help="directory for the results (.bench)"
    )
    options = parser.parse_args()
    missing = databases.missing_vendors()
    for vendor in missing:
        say(f"{vendor} is left out: {databases.SERVER_VARIABLES[vendor]} is not set")
    vendors = [vendor for vendor in options.vendor or databases.VENDORS if vendor not in missing]
    options.output.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="edms-bench-") as folder:
        for vendor in vendors:
            for objects in options.objects or SIZES:
                scale = Scale(objects, options.repeat, options.stock_up_to, options.long_row)
                figures += Bench(vendor, scale, Path(folder), say).everything()
                write(options.output, figures, vendors)
        if options.files:
            figures += files(Path(folder), options.files, say)
    write(options.output, figures, vendors)
    say(f"written: {options.output}/figures.md, figures.json")


def write(output: Path, figures: list[Figure], vendors: list[str]) -> None:
    """Write what is known so far."""
    facts, complete = machine(vendors), with_extrapolated(figures)
    (output / "figures.md").write_text(as_markdown(complete, facts))
    (output / "figures.json").write_text(as_json(complete, facts))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
