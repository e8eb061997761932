"""A Linux peer with a will of its own: one TCP connection, both directions independent of each other, each waiting for
what it is told to. nc would not do: with -l it leaves at its peer's FIN, with text of its own still unsent.

Prints the number of bytes received and their SHA-256. Exit code 0: both sides have closed. A gate is the path of a file
whose appearance opens it, or "eof": the peer has closed its side.
"""

import argparse
import hashlib
import os
import socket
import sys
import threading
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--listen", type=int, metavar="PORT", help="one connection, of either family")
    where.add_argument("--connect", nargs=2, metavar=("HOST", "PORT"))
    parser.add_argument("--send", metavar="FILE", help="what goes out before our FIN; default: nothing")
    parser.add_argument("--send-after", metavar="GATE", help="neither text nor FIN before")
    parser.add_argument("--receive", metavar="FILE", help="where what comes in goes, too")
    parser.add_argument("--read-after", metavar="GATE", help="nothing is read before")
    parser.add_argument("--receive-buffer", type=int, metavar="BYTES", help="a small window")
    parser.add_argument("--keepalive", type=int, metavar="SECONDS", help="idle time, and from probe to probe")
    return parser.parse_args()


def wait_for(gate, at_eof):
    """For two minutes at most, as everything here."""
    deadline = time.monotonic() + 120
    while gate and not (at_eof.is_set() if gate == "eof" else os.path.exists(gate)):
        if time.monotonic() > deadline:
            sys.exit(f"peer.py: {gate} never came")
        time.sleep(0.02)


def opened(options):
    if options.connect:
        host, port = options.connect
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        connection = socket.socket(family)
        set_options(connection, options)
        connection.connect((host, int(port)))
        return connection
    has_ipv6 = socket.has_dualstack_ipv6()
    listener = socket.create_server(("", options.listen), family=socket.AF_INET6 if has_ipv6 else socket.AF_INET,
                                    dualstack_ipv6=has_ipv6)
    set_options(listener, options)  # its connections inherit them
    return listener.accept()[0]


def set_options(endpoint, options):
    if options.receive_buffer:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
    if options.keepalive:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, options.keepalive)
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, options.keepalive)


def send(connection, options, at_eof):
    wait_for(options.send_after, at_eof)
    if options.send:
        with open(options.send, "rb") as file:
            connection.sendfile(file)
    connection.shutdown(socket.SHUT_WR)


def receive(connection, options, at_eof):
    wait_for(options.read_after, at_eof)
    total, digest = 0, hashlib.sha256()
    with open(options.receive or os.devnull, "wb") as file:
        while block := connection.recv(1 << 18):
            total += len(block)
            digest.update(block)
            file.write(block)
    at_eof.set()
    return f"{total} {digest.hexdigest()}"


def main():
    options = arguments()
    connection = opened(options)
    at_eof = threading.Event()
    failures = []

    def sending():
        try:
            send(connection, options, at_eof)
        except (OSError, SystemExit) as error:
            failures.append(error)

    sender = threading.Thread(target=sending, daemon=True)
    sender.start()
    print(receive(connection, options, at_eof))
    sender.join()
    if failures:
        sys.exit(f"peer.py: {failures[0]}")


if __name__ == "__main__":
    main()
