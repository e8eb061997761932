"""One transfer by the kernel's TCP, and how much of it arrived.

  linux_transfer.py receive PORT WARM_UP SECONDS    prints the bits per second of the SECONDS behind the WARM_UP
  linux_transfer.py send ADDRESS PORT CONTROL SECONDS
"""

import socket
import sys
import time

PIECE = 1 << 18


def receive(port, warm_up, seconds):
    with socket.create_server(("", port)) as listener:
        listener.settimeout(20)
        peer, _ = listener.accept()
    with peer:
        peer.settimeout(20)
        begin = time.monotonic()
        counted, counts_from, now = 0, None, begin
        while now < begin + warm_up + seconds:
            piece = peer.recv(PIECE)
            now = time.monotonic()
            if not piece:
                break
            if now >= begin + warm_up:
                if counts_from is None:
                    counts_from = now
                else:
                    counted += len(piece)
        spent = now - counts_from if counts_from is not None and now > counts_from else seconds
        print(int(8 * counted / spent))


def send(address, port, control, seconds):
    with socket.socket() as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
        peer.settimeout(20)
        peer.connect((address, port))
        end = time.monotonic() + seconds
        piece = bytes(PIECE)
        try:
            while time.monotonic() < end:
                peer.send(piece)
        except OSError:
            pass  # the receiver has seen enough


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
else:
    send(sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
