"""The truth tests in their long forms, and the page that tells their figures: `python -m benchmarks.truth`.

Every figure a test holds to bounds is written to docs/truth.md with what it had to be; the picture beside it shows
where it lies between its bounds. Exit code 1 when a figure is outside, as the tests themselves would say.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

import click
import msgspec

from benchmarks.harness import ROOT

PAGE, PICTURE = ROOT / "docs" / "truth.md", ROOT / "docs" / "truth.svg"
TESTS = "tests/truth"

_ROW, _LABEL, _SCALE, _WIDTH = 26, 610, 280, 1_000

_INTRODUCTION = """# The truth

What cvo claims, held against worlds whose answer is known. `make truth` runs this and rewrites the page; short forms of
the same tests run in `make test`. How the worlds are made is in [simulate.md](simulate.md).

![Where every figure lies between its bounds](truth.svg)

"""

_TITLES = {
    "test_caused_worlds": "Caused value",
    "test_clv_change_worlds": "ΔCLV",
    "test_contact_worlds": "The price of a contact",
    "test_drift_worlds": "Drift",
    "test_effect_worlds": "Learning what actions cause",
    "test_expected_effects": "The worlds' own truth",
    "test_experiment_worlds": "Experiments",
    "test_false_discoveries": "Lists of many effects",
    "test_interval_coverage": "Intervals",
    "test_kappa_worlds": "κ",
    "test_lever_worlds": "Levers",
    "test_lifetime_recovery": "Lifetime models",
    "test_looks_worlds": "Looking every week",
    "test_null_worlds": "Worlds in which nothing works",
    "test_paced_prices": "Scarce things",
    "test_pulled_forward_orders": "Orders brought forward",
    "test_rarely_nothing_worlds": "Effects where nothing is rarely delivered",
    "test_repeated_draws_worlds": "Effects where customers come often",
    "test_rollout_worlds": "Rollouts",
    "test_simulated_company": "Whole companies, end to end",
    "test_tuning_worlds": "How much to explore",
    "test_uplift_worlds": "Uplift by customer, in the product",
    "test_value_report_worlds": "The value report",
    "test_what_if_worlds": "Evaluation before exposure",
    "test_withheld_coin": "The coin that withholds",
}


class Figure(msgspec.Struct, frozen=True):
    """What a test measured, what it had to be, and of how many."""

    what: str
    value: float
    at_least: float | None
    at_most: float | None
    of: float | None

    @property
    def ok(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def bounds(self) -> str:
        low, high = (None if bound is None else _number(bound) for bound in (self.at_least, self.at_most))
        if low and high:
            return f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}" if high else ""

    @property
    def said(self) -> str:
        many = f" of {_number(self.of)}" if self.of is not None and self.of > 1 else ""
        return f"{_number(self.value)}{many}"


class Module(msgspec.Struct, frozen=True):
    """A file of tests: how many there are, how many failed, and the figures they told."""

    name: str
    tests: int
    failed: int
    figures: list[Figure]


@click.command(help=__doc__)
@click.option("--short", is_flag=True, help="The short forms alone: a look at the page, not for keeping.")
def run(short: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code = _run_tests(report, short=short)
        modules = read(report)
    if not short:
        PAGE.write_text(page(modules), encoding="utf-8")
        PICTURE.write_text(picture(modules), encoding="utf-8")
    click.echo(page(modules))
    raise SystemExit(code)


def _run_tests(report: Path, *, short: bool) -> int:
    command = [
        sys.executable,
        "-m",
        "pytest",
        # A line a test: whoever waits an hour sees what is done, and what failed.
        "-v",
        "-n",
        "2",
        TESTS,
        f"--junitxml={report}",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-m", "not slow"] if short else []
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **one_thread}, stdout=sys.stderr, check=False)
    return done.returncode


def read(report: Path) -> list[Module]:
    """Read a JUnit report, module by module."""
    found: dict[str, list[Xml.Element]] = {}
    for case in Xml.parse(report).iter("testcase"):
        found.setdefault(case.get("classname", "").rpartition(".")[2], []).append(case)
    return [
        Module(
            name,
            len(cases),
            sum(case.find("failure") is not None or case.find("error") is not None for case in cases),
            _latest(figure for case in cases for figure in _figures(case)),
        )
        for name, cases in sorted(found.items())
    ]


def _figures(case: Xml.Element) -> Iterator[Figure]:
    for told in case.iter("property"):
        if told.get("name") == "figure":
            yield msgspec.json.decode(told.get("value", ""), type=Figure)


def _latest(figures: Iterator[Figure]) -> list[Figure]:
    """Return one figure of each name: that of most worlds, where a short form told it too."""
    kept: dict[str, Figure] = {}
    for figure in figures:
        before = kept.get(figure.what)
        if before is None or (figure.of or 0) >= (before.of or 0):
            kept[figure.what] = figure
    return list(kept.values())


def page(modules: Sequence[Module]) -> str:
    """Return the page in Markdown."""
    parts = [_INTRODUCTION]
    for module in modules:
        passed = (
            _count(module.tests)
            if not module.failed
            else f"**{module.failed} of {_count(module.tests)} failing**"
        )
        parts.append(f"## {_TITLES.get(module.name, module.name)}\n\n")
        parts.append(f"[`{module.name}.py`](../{TESTS}/{module.name}.py), {passed}.\n\n")
        if module.figures:
            parts.append("| figure | is | has to be | |\n|---|---|---|---|\n")
            parts += [
                f"| {each.what} | {each.said} | {each.bounds} | {'ok' if each.ok else '**outside**'} |\n"
                for each in module.figures
            ]
            parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _count(tests: int) -> str:
    return "1 test" if tests == 1 else f"{tests} tests"


def picture(modules: Sequence[Module]) -> str:
    """Return an SVG in which every figure is a dot on a scale whose shaded part is where it has to be."""
    figures = [figure for module in modules for figure in module.figures if figure.bounds]
    height = _ROW * (len(figures) + 1)
    rows = [_row(figure, _ROW * (number + 1)) for number, figure in enumerate(figures)]
    style = (
        "text{font:13px system-ui,sans-serif;fill:#222}.v{font-weight:600}.s{fill:#e7e9ec}.b{fill:#bcd9c5}"
        ".d{fill:#14532d}.x{fill:#b91c1c}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#33383e}.b{fill:#2f5a41}.d{fill:#a7e3bd}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="Every figure between its bounds"><style>{style}</style>\n{"".join(rows)}</svg>\n'
    )


def _row(figure: Figure, y: int) -> str:
    low, high = _scale(figure)

    def x(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return _LABEL + _SCALE * min(max(share, 0.0), 1.0)

    begin = x(low if figure.at_least is None else figure.at_least)
    end = x(high if figure.at_most is None else figure.at_most)
    label = figure.what.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<text x="{_LABEL - 14}" y="{y + 4}" text-anchor="end">{label}</text>'
        f'<rect class="s" x="{_LABEL}" y="{y - 3}" width="{_SCALE}" height="6" rx="3"/>'
        f'<rect class="b" x="{begin:.1f}" y="{y - 6}" width="{max(end - begin, 1):.1f}" height="12" rx="3"/>'
        f'<circle class="{"d" if figure.ok else "x"}" cx="{x(figure.value):.1f}" cy="{y}" r="5"/>'
        f'<text class="v" x="{_LABEL + _SCALE + 14}" y="{y + 4}">{figure.said}</text>\n'
    )


def _scale(figure: Figure) -> tuple[float, float]:
    """Return the ends of a figure's scale: its bounds with as much room around them as makes them readable."""
    known = [value for value in (figure.at_least, figure.at_most, figure.value) if value is not None]
    room = 0.5 * (max(known) - min(known)) or 0.1 * abs(known[0]) or 1.0
    low, high = min(known) - room, max(known) + room
    if figure.of is not None:
        high = min(high, figure.of)
    return (max(low, 0.0) if min(known) >= 0 else low), high


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.3f}"


if __name__ == "__main__":
    run()
