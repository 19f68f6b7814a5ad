"""Serve: a company's folder becomes a server, until it is told to stop."""

import gc
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from cvo.api.access import Access
from cvo.api.asgi import Application
from cvo.api.browsers import CrossOrigin
from cvo.api.routes import application
from cvo.api.service import Options, Service
from cvo.app.company import Company
from cvo.app.keys import keys_of
from cvo.app.live import Live
from cvo.core.errors import Unavailable

STOP_SECONDS = 30
"""How long requests that are being answered have when the server is told to stop."""

_SWITCH_SECONDS = 0.001
_GARBAGE = (50_000, 20, 50)
"""Objects made before the young, the middle-aged and the old are looked through."""


Compose = Callable[[Company, Options], Any]
"""Makes the ASGI application of an opened company."""


def compose(company: Company, options: Options) -> Any:
    """Return the application that serves a company."""
    service = Service(company, Live(company), Access(keys_of(company)), options)
    return CrossOrigin(Application(service, application(service)))


def serve(
    folder: Path,
    host: str,
    port: int,
    options: Options,
    begun: Callable[[str], None],
    *,
    compose: Compose = compose,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is being asked, and return.

    `begun` is told the address once it is listened to. Raises `CompanyLocked` while another process writes.
    """
    # The writer computes; the loop must not wait five milliseconds, Python's default, for every turn.
    sys.setswitchinterval(_SWITCH_SECONDS)
    with Company.open(folder) as company, _bound(host, port) as listening:
        address = f"http://{host}:{listening.getsockname()[1]}"
        company.store.announce(f"the server at {address}")
        config = uvicorn.Config(
            compose(company, options),
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            # Nobody asks for the client's address, and working it out costs every request.
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS,
            timeout_keep_alive=75,
        )
        server = uvicorn.Server(config)
        # What stands by now stays for good, and a decision makes thousands of objects that die by themselves:
        # looking through all of it for garbage again and again would be the longest pauses there are.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        # uvicorn raises the signal again once it has stopped; having stopped is all it was meant to do.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda _number, _frame: None)
        begun(address)
        server.run(sockets=[listening])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Unavailable(f"can't listen at {host}:{port}: {error.strerror}; choose another --port") from None
    listening.listen(2048)
    return listening
