"""
What all benchmarks share: turns in random order, ratios within a round, and the rows of the table.

The machine may be as noisy as it likes: variants take turns in random order within a round, and a
ratio is taken within its round. The same variant twice shows what a ratio of nothing looks like.
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
"""What every variant cost, by its name: one figure per round, in the order of the rounds."""

NONE = "-"
COLUMNS = ("measure", "ours", "rival or floor", "ratio", "noise (A/A)", "target", "met?")
_MET = {True: "yes", False: "NO", None: NONE}


@attrs.frozen(kw_only=True)
class Row:
    """
    One line of the table that all benchmarks make together.

    Attributes:
        measure: What was measured.
        ours: What it costs here.
        rival: What it costs elsewhere, and where.
        ratio: The median of the ratios, and their middle half.
        noise: The same for one variant measured twice.
        target: What the ratio, or the figure, must not exceed.
        met: Whether it does not; None where there is no target.
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
    """How many times as much: the median over the rounds, and the middle half of them."""

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
    How the costs of several variants become figures.

    Attributes:
        costs: By variant.
        scale: What a cost is multiplied with to be a figure in `unit`.
        unit: What the figures are called.
        control: Two variants that are the same.
    """

    costs: Costs
    scale: float
    unit: str
    control: tuple[str, str]

    def figure(self, variant: str) -> str:
        """The median of a variant's costs."""
        cost = statistics.median(self.costs[variant]) * self.scale
        return f"{cost:.3g} {self.unit}" if cost < 100 else f"{cost:.0f} {self.unit}"

    def ratio(self, variant: str, rival: str) -> Ratio:
        """How many times as much a variant costs as another."""
        return Ratio.of(self.costs[variant], self.costs[rival])

    @property
    def noise(self) -> Ratio:
        """How many times as much a variant costs as itself."""
        return self.ratio(self.control[1], self.control[0])

    def row(self, measure: str, ours: str, rival: str, target: float | None = None) -> Row:
        """The row that compares two variants."""
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
        """Every variant, the cheapest first, beside one of them."""
        lines = [("variant", self.unit, "at best", f"/ {base}")]
        for name in sorted(self.costs, key=lambda name: statistics.median(self.costs[name])):
            best = f"{min(self.costs[name]) * self.scale:.3g}"
            lines.append((name, self.figure(name), best, str(self.ratio(name, base))))
        return markdown(lines)


def turns(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Name every variant once per round, in an order that is new in each."""
    order = list(names)
    for _ in range(rounds):
        random.shuffle(order)
        yield from order


def processor_seconds() -> float:
    """Time that this process has had of a processor, the kernel's part for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table; the first line is its head."""
    head, *body = lines
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def table(rows: Iterable[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        (row.measure, row.ours, row.rival, row.ratio, row.noise, row.target, _MET[row.met])
        for row in rows
    ]
    return markdown([COLUMNS, *lines])


def machine() -> str:
    """Where this runs, in one line, and how busy it is."""
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
    """What every benchmark can be told; `arguments_of` reads it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rounds", type=int, nargs="?", help=f"{rounds}, or {quick} if --quick")
    parser.add_argument("--quick", action="store_true", help="see whether it runs; means little")
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    parser.set_defaults(usual=rounds, brief=quick)
    return parser


def arguments_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line; `rounds` is a number afterwards, 2 or more."""
    arguments = parser.parse_args()
    if arguments.rounds is None:
        arguments.rounds = arguments.brief if arguments.quick else arguments.usual
    if arguments.rounds < 2:
        parser.error("a median needs 2 rounds")
    return arguments


def finish(arguments: argparse.Namespace, rows: Sequence[Row]) -> None:
    """Print the rows, or leave them where whoever started this process looks for them."""
    if arguments.rows is None:
        print(f"\n{table(rows)}")
        return
    arguments.rows.write_text(json.dumps([attrs.asdict(row) for row in rows]), encoding="utf-8")


def read_rows(path: Path) -> list[Row]:
    """The rows that another process left."""
    return [Row(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
