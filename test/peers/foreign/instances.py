"""Which rooms of other services are instances of ours, and the one stanza that each of them gets (E18, E23 to E25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Optional
from xml.etree import ElementTree as ET

import wire
from room import Occupant, Room

if TYPE_CHECKING:
    from service import Service


class Instances:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.shadows: dict[str, set[str]] = {}
        """By room of ours: the JIDs of its shadows that hold configuration and roster."""

    def of(self, room: Room) -> list[str]:
        if room.source:
            return [room.source]
        return sorted(self.shadows.get(room.jid, set()))

    def is_instance(self, jid: str, room_jid: str) -> bool:
        room = self.service.rooms.get(room_jid)
        return room is not None and jid in self.of(room)

    def reachable(self, room: Room) -> list[str]:
        return [jid for jid in self.of(room) if self.service.links.is_up(service_of(jid))]

    def targets(self, room: Room, occupant: Occupant) -> list[str]:
        """What happens to an occupant here goes to every instance; a decision about another's goes to its home."""
        return [jid for jid in self.reachable(room) if occupant.home in (None, jid)]

    def announce(self, room: Room, occupant: Occupant) -> None:
        for instance in self.targets(room, occupant):
            self.send_presence(room, occupant, instance)

    def send_presence(self, room: Room, occupant: Occupant, instance: str) -> None:
        item = wire.item(occupant.jid, affiliation=occupant.affiliation, role=occupant.role)
        self.service.emit(
            "presence",
            f"{room.jid}/{occupant.nick}",
            f"{instance}/{occupant.nick}",
            *wire.copies(occupant.presence),
            wire.muc_user(item),
        )

    def retire(
        self, room: Room, occupant: Occupant, statuses: Iterable[int] = (), new_nick: Optional[str] = None
    ) -> None:
        role = occupant.role if new_nick else "none"
        codes = list(statuses)
        for instance in self.targets(room, occupant):
            item = wire.item(occupant.jid, affiliation=occupant.affiliation, role=role, nick=new_nick)
            self.service.emit(
                "presence",
                f"{room.jid}/{occupant.nick}",
                f"{instance}/{occupant.nick}",
                wire.muc_user(item, codes),
                type_="unavailable",
            )

    def relay(self, room: Room, sender: Occupant, payload: Iterable[ET.Element], id_: str) -> None:
        for instance in self.reachable(room):
            self.service.emit(
                "message",
                f"{room.jid}/{sender.nick}",
                f"{instance}/{sender.nick}",
                *wire.copies(payload),
                type_="groupchat",
                id_=id_ or None,
            )


def service_of(jid: str) -> str:
    return jid.rsplit("@", 1)[-1].split("/", 1)[0]


def localpart(jid: str) -> str:
    return jid.split("@", 1)[0]
