"""`overfit serve`: one server for one data folder, from its checks to a stop that doesn't hang."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import uvicorn

from app import logs
from app.clock import Clock
from app.errors import SetupError
from app.main import create_app, is_loopback, make_data_folder
from app.settings import Settings

LOCK = "server.lock"
GRACEFUL_S = 5
BACKLOG = 2048
UNUSABLE = 1


def serve(settings: Settings, *, clock: Clock | None = None) -> int:
    """Serve until a signal; the exit status. What is in the way is one line on stderr."""
    try:
        _serve(settings, clock)
    except SetupError as error:
        click.echo(" ".join(part for part in (error.message, error.hint) if part), err=True)
        return UNUSABLE
    return 0


def _serve(settings: Settings, clock: Clock | None) -> None:
    refuse_open_doors(settings)
    make_data_folder(settings.data)
    logs.configure(settings.log)
    with locked(settings.data) as tell, listening(settings.host, settings.port) as listener:
        site = create_app(settings, clock=clock)
        url = _url(listener)
        tell(url)
        config = uvicorn.Config(
            site,
            loop="asyncio",
            lifespan="on",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_S,
        )
        server = Server(config, url=url, on_stop=site.state.parts.engine.log.close)
        server.run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn's server that says where it listens, and lets event streams go when it stops."""

    def __init__(self, config: uvicorn.Config, *, url: str, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._url = url
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            click.echo(f"Overfit listens on {self._url} (Ctrl+C stops it).")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets=sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # not kept for raising again afterwards, as uvicorn would: a stop that was asked for exits with 0
        self.force_exit = self.should_exit
        self.should_exit = True


def refuse_open_doors(settings: Settings) -> None:
    """Raises SetupError for an address that others reach, while nobody said by which names."""
    if not is_loopback(settings.host) and not settings.allowed_hosts:
        raise SetupError(
            f"{settings.host} is reachable from other machines.",
            hint="Name the hosts that people will type in OVERFIT_HOSTS, or listen on 127.0.0.1.",
        )


@contextmanager
def locked(data: Path) -> Iterator[Callable[[str], None]]:
    """Hold the data folder; the callable writes down where this server listens.

    Raises:
        SetupError: another server holds it.
    """
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            place = os.read(descriptor, 200).decode().strip() or "an address that it has yet to tell"
            raise SetupError(
                f"Another Overfit uses {data} and listens on {place}.",
                hint="Use that one, stop it, or set OVERFIT_DATA to another folder.",
            ) from None

        def tell(url: str) -> None:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{url}\n".encode(), 0)

        os.ftruncate(descriptor, 0)
        yield tell
    finally:
        os.close(descriptor)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket. Raises SetupError when the address can't be had."""
    if not 0 <= port <= 65_535:
        raise SetupError(f"{port} is not a port.", hint="Ports go from 0, which takes a free one, to 65535.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # named TCP: of a socket without a protocol asyncio does not switch Nagle's algorithm off, and every
        # answer on a kept connection waits 40 ms for the browser's delayed acknowledgement
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise SetupError(f"{host} is not an address of this machine: {error.strerror}.") from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)  # here, where a port that is taken can be told in one line
        except OSError as error:
            raise _cannot_listen(host, port, error) from None
        yield listener


def _cannot_listen(host: str, port: int, error: OSError) -> SetupError:
    if error.errno == errno.EADDRINUSE:
        return SetupError(
            f"Port {port} of {host} is in use.",
            hint="Stop what listens there, or choose another with --port.",
        )
    return SetupError(
        f"Port {port} of {host} can't be listened on: {error.strerror}.",
        hint="Choose another with --port or --host.",
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
