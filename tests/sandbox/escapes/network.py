"""Attempts to reach a network, or anybody over a socket."""

from __future__ import annotations

import os
import socket

from tests.sandbox.escapes.inside import target
from tests.sandbox.escapes.registry import attempt


@attempt("connect app port on loopback")
def connect_to_the_server_on_loopback() -> object:
    return socket.create_connection(("127.0.0.1", target.port), timeout=2).getpeername()


@attempt("connect outside")
def send_a_packet_outside() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        return out.sendto(b"x", ("192.0.2.1", 9))


@attempt()
def look_up_a_name() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.53", 53))
        return out.send(b"\0" * 12)


@attempt()
def listen_on_a_port() -> object:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@attempt("abstract unix socket")
def connect_to_an_abstract_socket() -> object:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(target.abstract_socket)
        return "connected"


@attempt()
def connect_to_a_socket_by_its_path() -> object:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(target.path_socket)
        return "connected"


@attempt("socketpair")
def make_a_pair_of_sockets() -> object:
    return [end.fileno() for end in socket.socketpair()]


@attempt("AF_VSOCK")
def open_a_socket_to_the_host_of_the_machine() -> object:
    return socket.socket(40, socket.SOCK_STREAM).fileno()


@attempt("AF_NETLINK / raw / AF_ALG")
def open_a_socket_to_the_kernel() -> object:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).fileno()


@attempt()
def open_a_socket_to_the_ciphers_of_the_kernel() -> object:
    return socket.socket(38, socket.SOCK_SEQPACKET, 0).fileno()


@attempt()
def open_a_raw_socket() -> object:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).fileno()


@attempt()
def ping() -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).fileno()


@attempt()
def send_over_a_descriptor_it_was_given() -> object:
    for descriptor in range(3, 63):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as found:
                found.send(b"x")
        except OSError:
            continue
        return f"descriptor {descriptor}"
    raise OSError(88, "no socket among them")
