"""
What the benchmarks share: random order, ratios within a round, and the rows of the table.

Noise of the machine cancels out: variants run in random order within a round, and ratios are
computed within a round. The ratio of one variant to itself shows the remaining noise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs

Costs: TypeAlias = Mapping[str, list[float]]
"""The costs of each variant by name, one per round, in the order of the rounds."""

NONE = "-"
COLUMNS = ("measure", "ours", "rival or floor", "ratio", "noise (A/A)", "target", "met?")
_MET = {True: "yes", False: "NO", None: NONE}


@attrs.frozen(kw_only=True)
class Row:
    """
    A row of the table of all benchmarks.

    Attributes:
        measure: What was measured.
        ours: The cost of this client.
        rival: The cost of the other variant, with its name.
        ratio: The median and the quartiles of the ratios.
        noise: The ratio of a variant to itself.
        target: The maximum of the ratio or of the figure.
        met: True if the target is met; None without a target.
    """

    measure: str
    ours: str
    rival: str = NONE
    ratio: str = NONE
    noise: str = NONE
    target: str = NONE
    met: bool | None = None


@attrs.frozen
class Ratio:
    """A ratio: the median over the rounds, and the quartiles."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, these: Sequence[float], those: Sequence[float]) -> Ratio:
        """Divide round by round."""
        ratios = [this / that for this, that in zip(these, those, strict=True)]
        return cls(*statistics.quantiles(ratios, n=4, method="inclusive"))

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


@attrs.frozen(kw_only=True)
class Comparison:
    """
    Converts the costs of several variants to figures.

    Attributes:
        costs: By variant.
        scale: The factor from costs to figures in `unit`.
        unit: The unit of the figures.
        control: Two names of the same variant.
    """

    costs: Costs
    scale: float
    unit: str
    control: tuple[str, str]

    def figure(self, variant: str) -> str:
        """Return the median cost of a variant."""
        cost = statistics.median(self.costs[variant]) * self.scale
        return f"{cost:.3g} {self.unit}" if cost < 100 else f"{cost:.0f} {self.unit}"

    def ratio(self, variant: str, rival: str) -> Ratio:
        """Return the ratio of two variants."""
        return Ratio.of(self.costs[variant], self.costs[rival])

    @property
    def noise(self) -> Ratio:
        """The ratio of a variant to itself."""
        return self.ratio(self.control[1], self.control[0])

    def row(self, measure: str, ours: str, rival: str, target: float | None = None) -> Row:
        """Return the row that compares two variants."""
        ratio = self.ratio(ours, rival)
        return Row(
            measure=measure,
            ours=self.figure(ours),
            rival=f"{rival}: {self.figure(rival)}",
            ratio=str(ratio),
            noise=str(self.noise),
            target=NONE if target is None else f"<= {target:.2f}",
            met=None if target is None else ratio.middle <= target,
        )

    def details(self, base: str) -> str:
        """Return a table of all variants, the cheapest first, with their ratios to one of them."""
        lines = [("variant", self.unit, "at best", f"/ {base}")]
        for name in sorted(self.costs, key=lambda name: statistics.median(self.costs[name])):
            best = f"{min(self.costs[name]) * self.scale:.3g}"
            lines.append((name, self.figure(name), best, str(self.ratio(name, base))))
        return markdown(lines)


def turns(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Yield every variant once per round, each round in a new order."""
    order = list(names)
    for _ in range(rounds):
        random.shuffle(order)
        yield from order


def processor_seconds() -> float:
    """Return the processor time of this process, including the kernel's part."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first line is the head."""
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        (row.measure, row.ours, row.rival, row.ratio, row.noise, row.target, _MET[row.met])
        for row in rows
    ]
    return markdown([COLUMNS, *lines])


def machine() -> str:
    """Return one line about this machine and its load."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{model}, {os.cpu_count()} cores, {python}, {platform.system()}; load {load}"


def command_line(description: str | None, *, rounds: int, quick: int) -> argparse.ArgumentParser:
    """Return the parser of all benchmarks; `arguments_of` parses with it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int, nargs="?", help=f"{rounds}, or {quick} if --quick")
    parser.add_argument("--quick", action="store_true", help="only check that it runs")
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(usual=rounds, brief=quick)
    return parser


def arguments_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line; `rounds` is always a number, 2 or more."""
    arguments = parser.parse_args()
    if arguments.rounds is None:
        arguments.rounds = arguments.brief if arguments.quick else arguments.usual
    if arguments.rounds < 2:
        parser.error("rounds must be 2 or more")
    return arguments


def finish(arguments: argparse.Namespace, rows: Sequence[Row]) -> None:
    """Print the rows, or write them to the file of the calling process."""
    if arguments.rows is None:
        if rows:
            print(f"\n{table(rows)}")
        return
    arguments.rows.write_text(json.dumps([attrs.asdict(row) for row in rows]), encoding="utf-8")


def read_rows(path: Path) -> list[Row]:
    """Return the rows that another process wrote."""
    return [Row(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
