"""What every command shares: which company, JSON or a picture for people, progress."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cvo.core.evidence import Estimate, NotEstimable

if TYPE_CHECKING:
    from rich.console import Console

    from cvo.app.library import Company


def company_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--company DIR`."""
    return click.option(
        "--company",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        help="The company's folder; else $CVO_COMPANY, else the nearest one upwards with a company.toml.",
    )(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`: stdout is then JSON and nothing else."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, all else on stderr.")(
        function
    )


def author_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--author NAME`."""
    return click.option("--author", help="Who does this; the sole owner if not given.")(function)


def open_company(folder: Path | None, *, write: bool = True) -> "Company":
    """Open the company that was named, or the one we are in."""
    from cvo.app.config import find_company
    from cvo.app.library import Company

    return Company.open(folder or find_company(Path.cwd()), write=write)


def print_json(value: Any) -> None:
    """Write a value to stdout as JSON, indented, with exact decimals as numbers."""
    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)
    sys.stdout.write(msgspec.json.format(encoder.encode(value), indent=2).decode() + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def figure(estimate: Estimate | NotEstimable) -> dict[str, Any]:
    """Return an estimate as JSON shows it, or the reason why there is none."""
    if isinstance(estimate, NotEstimable):
        return {"reason": estimate.reason, "detail": estimate.detail}
    shown = {
        "estimate": estimate.value,
        "standard_error": estimate.standard_error,
        "interval": estimate.interval,
        "grade": estimate.grade,
        "unit": estimate.unit,
        "sample_size": estimate.sample_size,
    }
    if estimate.effective_sample_size is not None:
        shown["effective_sample_size"] = estimate.effective_sample_size
    return shown


def console(*, stderr: bool = False) -> "Console":
    """Return what people are written to."""
    from rich.console import Console

    # A trait such as "a:x:b" is no emoji.
    return Console(stderr=stderr, highlight=False, emoji=False)


def plain(text: object) -> str:
    """Return text that others wrote so that it is shown as it is: its brackets are no markup."""
    from rich.markup import escape

    return escape(str(text))


def show_reasons(found: Iterable[Estimate | NotEstimable], out: "Console") -> None:
    """Say once what each reason in a table means; a column of sentences would leave no room for figures."""
    said = {each.reason: each.detail for each in reversed(list(found)) if isinstance(each, NotEstimable)}
    for reason, detail in sorted(said.items()):
        out.print(plain(f"{reason}, as for one of them: {detail}"), style="dim")
