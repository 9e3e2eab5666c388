"""What other instances tell about their occupants, and what those say (E18, E23 to E25; kicks, bans and renames alike)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Optional
from xml.etree import ElementTree as ET

import wire
from clients import Refusal, is_subject, presence_payload
from instances import service_of
from room import Entry, Occupant, Room
from wire import tag

if TYPE_CHECKING:
    from service import Service

log = logging.getLogger("incoming")


class Incoming:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.audience = service.audience

    def presence(self, stanza: ET.Element, instance: str, room: Room, nick: str) -> None:
        type_ = stanza.get("type")
        if type_ == "error":
            self.refused(stanza, instance, room, nick)
        elif type_ == "unavailable":
            self.left(stanza, instance, room, nick)
        elif type_ is None and nick:
            self.came(stanza, instance, room, nick)

    def came(self, stanza: ET.Element, instance: str, room: Room, nick: str) -> None:
        item = wire.item_of(stanza)
        jid = (item.get("jid") if item is not None else None) or ""
        affiliation = (item.get("affiliation") if item is not None else None) or "none"
        role = (item.get("role") if item is not None else None) or room.role_for(affiliation)
        held = room.occupants.get(nick)
        if held and held.home is None:
            if instance != room.source:
                self.service.refuse("presence", f"{room.jid}/{nick}", f"{instance}/{nick}", Refusal("cancel", "conflict"))
                return
            if jid and jid == held.jid:
                held.affiliation, held.role = affiliation, role
                self.audience.show(room, held)
                return
            self.service.clients.yield_nick(room, held)
        elif held and held.home != instance:
            log.info("%s: %s is held at %s, not at %s", room.jid, nick, held.home, instance)
            return
        occupant = Occupant(nick, jid, affiliation, role, instance, presence_payload(stanza))
        room.occupants[nick] = occupant
        self.audience.show(room, occupant)

    def left(self, stanza: ET.Element, instance: str, room: Room, nick: str) -> None:
        occupant = room.occupants.get(nick)
        item = wire.item_of(stanza)
        new_nick = item.get("nick") if item is not None else None
        statuses = wire.statuses_of(stanza) - {110}
        if occupant is None:
            return
        if occupant.home is None and instance == room.source and 303 in statuses and new_nick:
            self.service.clients.rename(room, occupant, new_nick, by_service=True)
        elif occupant.home == instance or (occupant.home is None and (instance == room.source or 307 in statuses)):
            role = item.get("role", "none") if item is not None and 303 in statuses else "none"
            del room.occupants[nick]
            self.audience.hide(room, occupant, sorted(statuses), new_nick, role)

    def refused(self, stanza: ET.Element, instance: str, room: Room, nick: str) -> None:
        """The source rules: an occupant of ours whom it refuses is called otherwise, or goes."""
        if (condition := unreachable(stanza)) is not None:
            log.info("%s: %s cannot be reached: %s", room.jid, instance, condition)
            self.service.links.split(service_of(instance))
            return
        occupant = room.occupants.get(nick)
        if occupant is None or occupant.home is not None or instance != room.source:
            return
        if stanza.find(f"{tag(wire.STANZA, 'error')}/{tag(wire.ERRORS, 'conflict')}") is not None:
            self.service.clients.yield_nick(room, occupant)

    def message(self, stanza: ET.Element, instance: str, room: Room, nick: str, target: str) -> None:
        type_ = stanza.get("type", "normal")
        if type_ == "error":
            if unreachable(stanza) is not None:
                self.service.links.split(service_of(instance))
            return
        sender = room.occupants.get(nick)
        if sender is None or sender.home != instance:
            log.info("%s: %s speaks for %s, who is not there", room.jid, instance, nick)
        elif type_ != "groupchat":
            self.deliver_whisper(stanza, room, sender, target)
        elif is_subject(stanza):
            room.subject = (nick, stanza.findtext(tag(wire.STANZA, "subject")) or "")
            for viewer in room.locals():
                self.audience.subject(room, viewer.jid)
        else:
            entry = Entry(wire.now(), nick, sender.jid, stanza.get("id", ""), tuple(wire.copies(stanza)))
            if stanza.find(tag(wire.STANZA, "body")) is not None:
                room.log(entry)
            self.audience.say(room, entry)

    def deliver_whisper(self, stanza: ET.Element, room: Room, sender: Occupant, nick: str) -> None:
        target = room.occupants.get(nick)
        if target is not None and target.home is None:
            self.service.emit(
                "message",
                f"{room.jid}/{sender.nick}",
                target.jid,
                *wire.copies(stanza),
                type_=stanza.get("type", "normal"),
                id_=stanza.get("id"),
            )


def unreachable(stanza: ET.Element) -> Optional[str]:
    """The condition of a bounce that says that the other server was not reached."""
    error = stanza.find(tag(wire.STANZA, "error"))
    for condition in ("remote-server-timeout", "remote-server-not-found"):
        if error is not None and error.find(tag(wire.ERRORS, condition)) is not None:
            return condition
    return None
