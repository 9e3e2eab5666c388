"""Answering other services and instances: replication, configuration, rosters (E3 to E9, E12)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import wire
from clients import Refusal
from instances import localpart, service_of
from room import Occupant, Room
from wire import tag

if TYPE_CHECKING:
    from service import Service


class Peerhost:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.audience = service.audience

    def service_iq(self, stanza: ET.Element, query: ET.Element, peer: str) -> list[ET.Element]:
        """E3 and E12, which go from service to service."""
        if peer not in self.service.firsthost.policy.peers:
            raise Refusal("auth", "forbidden")
        asked = query.find(tag(wire.DMUC, "room"))
        id_ = asked.get("id", "") if asked is not None else ""
        if not id_:
            raise Refusal("modify", "bad-request")
        source = id_ if "@" in id_ else None
        room_jid = f"{localpart(id_)}@{self.service.domain}"
        room = self.service.rooms.get(room_jid)
        if query.tag == tag(wire.DMUC, "peerhost"):
            if room is None or room.source_service != peer:
                raise Refusal("cancel", "item-not-found")
        elif room is None:
            self.service.rooms[room_jid] = Room(room_jid, source, peer)
        elif room.source_service != peer:
            raise Refusal("cancel", "conflict")
        return []

    def room_iq(self, stanza: ET.Element, query: ET.Element, instance: str, room: Room) -> list[ET.Element]:
        """E5, E7 and E9, which go from room to room."""
        if room.is_shadow and room.source is None and service_of(instance) == room.source_service:
            room.source = instance
        if instance not in self.service.instances.of(room):
            raise Refusal("auth", "forbidden")
        if query.tag == tag(wire.DMUC, "config"):
            self.take_config(room, query, instance)
        elif query.tag == tag(wire.DMUC, "roster"):
            self.take_roster(room, query, instance)
        elif query.tag == tag(wire.DMUC, "room"):
            return [self.service.past.give(room, query)]
        else:
            raise Refusal("cancel", "feature-not-implemented")
        return []

    def take_config(self, room: Room, query: ET.Element, instance: str) -> None:
        x = query.find(tag(wire.DATA, "x"))
        if instance != room.source:
            raise Refusal("auth", "forbidden")
        if x is None:
            raise Refusal("modify", "bad-request")
        room.config.update({var: value for var, value in wire.form_values(x).items() if var in room.config})
        room.configured = True

    def take_roster(self, room: Room, query: ET.Element, instance: str) -> None:
        """The other's occupants as they are now; those we hold for it that are not among them have gone."""
        if not room.configured:
            raise Refusal("wait", "unexpected-request")
        named = {node.get("name", ""): node for node in query.iterfind(tag(wire.DMUC, "item"))}
        for occupant in room.at(instance):
            if occupant.nick not in named:
                del room.occupants[occupant.nick]
                self.audience.hide(room, occupant)
        for nick, node in named.items():
            self.take_item(room, instance, nick, node)
        if not room.ready:
            room.ready = True
            self.service.links.to(service_of(instance))
            self.service.spawn(self.service.past.fetch(room, instance))

    def take_item(self, room: Room, instance: str, nick: str, node: ET.Element) -> None:
        jid, affiliation = node.get("jid", ""), node.get("affiliation", "none")
        held = room.occupants.get(nick)
        if instance == room.source and jid:
            room.affiliate(jid.split("/", 1)[0], affiliation)
        if held is not None and held.jid == jid:
            return
        if held is not None and held.home is None:
            if instance != room.source:
                self.service.refuse("presence", f"{room.jid}/{nick}", f"{instance}/{nick}", Refusal("cancel", "conflict"))
                return
            self.service.clients.yield_nick(room, held)
        elif held is not None and held.home != instance:
            return
        occupant = Occupant(nick, jid, affiliation, room.role_for(affiliation), instance)
        room.occupants[nick] = occupant
        self.audience.show(room, occupant)
