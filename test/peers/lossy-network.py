"""
A network of Linux network namespaces, as a switch outside of them: each has a TUN device, and what one sends to another's address
arrives there late, at times too late to be in order, and at times not at all. In place of netem, which not every kernel has.

One argument, JSON: {"hosts": {NAMESPACE: ADDRESS}, "delay": S, "jitter": S, "loss": PART, "seed": N}. Prints "ready"; then each line of
standard input is a command: "cut NAMESPACE", "heal", "count" (which prints {"passed": N, "lost": N}). Ends with its input.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000


def device(namespace, address):
    """A TUN device in that namespace, which this process is in from now on, too."""
    with open(f"/run/netns/{namespace}") as handle:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"wan", IFF_TUN | IFF_NO_PI))
    for command in (["addr", "add", f"{address}/24", "dev", "wan"], ["link", "set", "wan", "up"], ["link", "set", "lo", "up"]):
        subprocess.run(["ip", *command], check=True)
    return fd


def main():
    options = json.loads(sys.argv[1])
    devices = {socket.inet_aton(address): device(name, address) for name, address in options["hosts"].items()}
    names = {socket.inet_aton(address): name for name, address in options["hosts"].items()}
    chance = random.Random(options["seed"])
    stdin = sys.stdin.fileno()
    cut, late, serial, counts = set(), [], 0, {"passed": 0, "lost": 0}
    print("ready", flush=True)
    said = b""
    while True:
        wait = max(0, late[0][0] - time.monotonic()) if late else None
        readable, _, _ = select.select([stdin, *devices.values()], [], [], wait)
        for source in readable:
            if source == stdin:
                # Not by lines: a second one would wait in a buffer that select knows nothing of.
                chunk = os.read(stdin, 65536)
                if chunk == b"":
                    return
                *lines, said = (said + chunk).split(b"\n")
                for line in lines:
                    command, _, name = line.decode().partition(" ")
                    if command == "cut":
                        cut.add(name)
                    elif command == "heal":
                        cut.clear()
                    elif command == "count":
                        print(json.dumps(counts), flush=True)
                continue
            packet = os.read(source, 65536)
            origin, target = packet[12:16], packet[16:20]
            if packet[0] >> 4 != 4 or target not in devices:
                continue
            if names[target] in cut or names.get(origin) in cut or chance.random() < options["loss"]:
                counts["lost"] += 1
                continue
            serial += 1
            due = time.monotonic() + options["delay"] + chance.random() * options["jitter"]
            heapq.heappush(late, (due, serial, devices[target], packet))
        while late and late[0][0] <= time.monotonic():
            _, _, fd, packet = heapq.heappop(late)
            try:
                os.write(fd, packet)
                counts["passed"] += 1
            except BlockingIOError:
                counts["lost"] += 1


main()
