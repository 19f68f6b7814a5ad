"""`cvo serve`: the company over HTTP."""

import os
from pathlib import Path

import click

from cvo.cli.common import company_option


@click.command("serve")
@company_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, help="Port to listen at; 0 takes a free one.")
@click.option(
    "--simulated-time", is_flag=True, help="Take the time of everything from the header X-Simulated-Now."
)
@click.option(
    "--learn-every",
    type=click.FloatRange(min=0),
    help="Seconds between lessons from the log, 300 if not given; simulated ones, a day, with --simulated-time. "
    "0 never learns.",
)
def command(
    folder: Path | None, host: str, port: int, simulated_time: bool, learn_every: float | None
) -> None:
    """Serve events, decisions and reports over HTTP until stopped."""
    # The server's own threads share the cores; numpy's would only get into their way.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from cvo.api.serve import serve
    from cvo.api.service import Options
    from cvo.app.config import find_company

    usual = 86_400.0 if simulated_time else 300.0
    options = Options(
        simulated_time=simulated_time, learn_every_seconds=usual if learn_every is None else learn_every
    )

    def begun(address: str) -> None:
        click.echo(f"Serving at {address}", err=True)

    serve(folder or find_company(Path.cwd()), host, port, options, begun)
