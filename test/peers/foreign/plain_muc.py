#!/usr/bin/python3
"""A small room service that knows XEP-0281 from its text alone, attached to a server as a component (XEP-0114).

Written without a look at dmucd's code, so that what the two understand of each other is what the paper says. It
keeps rooms in memory, writes `ready` to standard output once attached, and what it does to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import logging

from firsthost import Policy
from service import Service


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jid", required=True, help="domain of the component")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peer", action="append", default=[], help="service that may replicate here, and is asked to")
    parser.add_argument("--redirect", action="append", default=[], metavar="USERS=SERVICE", help="whose users go where")
    parser.add_argument("--ping", type=float, default=5.0, help="seconds between looks at the other services")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    redirects = dict(pair.split("=", 1) for pair in given.redirect)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    service = Service(given.jid, given.secret, given.host, given.port, Policy(tuple(given.peer), redirects), given.ping)
    service.add_event_handler("session_start", lambda _: print("ready", flush=True))
    service.add_event_handler("disconnected", lambda _: loop.stop())
    service.connect()
    loop.run_forever()


if __name__ == "__main__":
    main()
