"""A split and its end, as the text's approach has it (points 5 and 6): both exchange rosters and history, the source gives its
configuration.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import wire
from answers import Failed
from instances import service_of
from links import Link
from room import Room

if TYPE_CHECKING:
    from service import Service

log = logging.getLogger("healing")

# Messages on their way when a link breaks are older than the last answer by less than this.
OVERLAP = timedelta(seconds=30)


class Healing:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.audience = service.audience

    def lost(self, link: Link) -> None:
        """Its occupants are not with us any more (status 333: a technical fault)."""
        log.info("%s is split from us", link.service)
        for room in self.service.rooms.values():
            for instance in self.service.instances.of(room):
                if service_of(instance) == link.service:
                    for occupant in room.at(instance):
                        del room.occupants[occupant.nick]
                        self.audience.hide(room, occupant, [333])

    async def heal(self, link: Link) -> None:
        """History and rosters are exchanged, configuration comes from the source."""
        log.info("%s is back", link.service)
        since = wire.stamp(link.last_heard - OVERLAP)
        link.up = True
        for room in list(self.service.rooms.values()):
            for instance in self.service.instances.of(room):
                if service_of(instance) == link.service and room.ready:
                    await self.heal_room(room, instance, since)

    async def heal_room(self, room: Room, instance: str, since: str) -> None:
        try:
            if not room.is_shadow:
                await self.service.firsthost.give_config(room, instance)
                await self.service.firsthost.give_roster(room, instance, list(room.occupants.values()))
            else:
                await self.service.firsthost.give_roster(room, instance, room.locals())
            await self.service.past.fetch(room, instance, since)
        except Failed as failure:
            log.warning("%s: %s does not take what we hold: %s", room.jid, instance, failure)
