"""XEP-0030 for the service and its rooms: E14 to E16, and the feature that says that rooms are distributed here."""

from __future__ import annotations

from typing import Mapping, Optional
from xml.etree import ElementTree as ET

import wire
from clients import Refusal
from room import Room
from wire import tag


def answer(query: ET.Element, asked: str, service: str, rooms: Mapping[str, Room]) -> Optional[ET.Element]:
    """None when it is another question; `asked` is the service or a room of it."""
    if query.tag not in (tag(wire.DISCO_INFO, "query"), tag(wire.DISCO_ITEMS, "query")):
        return None
    if query.tag == tag(wire.DISCO_ITEMS, "query"):
        return items(rooms) if asked == service else wire.element(wire.DISCO_ITEMS, "query")
    if asked == service:
        return info("Rooms", wire.MUC, wire.DMUC)
    room = rooms.get(asked)
    if room is None or not room.ready:
        raise Refusal("cancel", "item-not-found")
    return room_info(room)


def items(rooms: Mapping[str, Room]) -> ET.Element:
    """The public rooms, shadows among them (E15)."""
    listed = [
        wire.element(wire.DISCO_ITEMS, "item", jid=room.jid, name=name_of(room))
        for room in rooms.values()
        if room.ready and room.option("publicroom")
    ]
    return wire.within(wire.element(wire.DISCO_ITEMS, "query"), *listed)


def info(name: str, *features: str) -> ET.Element:
    query = wire.element(wire.DISCO_INFO, "query")
    query.append(wire.element(wire.DISCO_INFO, "identity", category="conference", type="text", name=name))
    query.extend(wire.element(wire.DISCO_INFO, "feature", var=feature) for feature in (wire.DISCO_INFO, *features))
    return query


def room_info(room: Room) -> ET.Element:
    features = [wire.MUC]
    features.append("muc_nonanonymous" if room.shows_jids else "muc_semianonymous")
    features.append("muc_moderated" if room.option("moderatedroom") else "muc_unmoderated")
    features.append("muc_membersonly" if room.option("membersonly") else "muc_open")
    if room.source or room.option("distributed"):
        features.append(wire.DMUC)
    query = info(name_of(room), *features)
    fields = [wire.field("muc#roominfo_occupants", str(len(room.occupants)))]
    if room.source:
        fields.append(wire.field("dmuc-source", room.source, type_="jid-single", label="Source Room"))
    query.append(wire.form("result", wire.ROOM_INFO, *fields))
    return query


def name_of(room: Room) -> str:
    return room.config["muc#roomconfig_roomname"] or room.jid.split("@", 1)[0]
