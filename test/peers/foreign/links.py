"""Which services of other instances answer: the paper leaves noticing a loss to the implementer; this one pings.

A link is one other service, for all rooms shared with it. It is up, or it is split; `last_heard` is when the
service last answered a question of ours, so everything sent well before that has arrived.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Awaitable, Callable

import wire

Ping = Callable[[str], Awaitable[bool]]
Heal = Callable[["Link"], Awaitable[None]]


@dataclass
class Link:
    service: str
    up: bool = True
    last_heard: datetime = field(default_factory=wire.now)
    healing: bool = False


class Links:
    def __init__(self, every_s: float, ping: Ping, lost: Callable[[Link], None], heal: Heal) -> None:
        self.every_s = every_s
        self.ping = ping
        self.lost = lost
        self.heal = heal
        self.known: dict[str, Link] = {}

    def to(self, service: str) -> Link:
        if service not in self.known:
            self.known[service] = Link(service)
        return self.known[service]

    def is_up(self, service: str) -> bool:
        return self.to(service).up

    def split(self, service: str) -> None:
        link = self.to(service)
        if link.up:
            link.up = False
            self.lost(link)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            await asyncio.gather(*(self.look(link) for link in list(self.known.values())))

    async def look(self, link: Link) -> None:
        asked = wire.now()
        if not await self.ping(link.service):
            self.split(link.service)
        elif link.up:
            link.last_heard = asked
        elif not link.healing:
            link.healing = True
            try:
                await self.heal(link)
                link.last_heard = asked
            finally:
                link.healing = False
