"""The history of a room, given and asked for (E9, E10), and what of it is new."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Optional
from xml.etree import ElementTree as ET

import wire
from answers import Failed
from clients import bounds_of
from instances import localpart
from room import Bounds, Entry, Room
from wire import tag

if TYPE_CHECKING:
    from service import Service

log = logging.getLogger("past")

HISTORY_LIMIT = 1000


class Past:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.audience = service.audience

    def give(self, room: Room, query: ET.Element) -> ET.Element:
        asked = query.find(tag(wire.MUC, "history"))
        bounds = bounds_of(asked) if asked is not None else Bounds()
        stanzas = HISTORY_LIMIT if bounds.stanzas is None else min(bounds.stanzas, HISTORY_LIMIT)
        history = wire.element(wire.MUC, "history")
        for entry in room.recent(replace(bounds, stanzas=stanzas)):
            message = wire.element(
                wire.CLIENT, "message", from_=f"{room.jid}/{entry.nick}", type="groupchat", id=entry.id or None
            )
            message.extend(wire.retagged(child, wire.STANZA, wire.CLIENT) for child in entry.payload)
            sender = entry.jid if room.shows_jids and entry.jid else room.jid
            message.append(wire.element(wire.DELAY, "delay", from_=sender, stamp=wire.stamp(entry.moment)))
            history.append(message)
        return history

    async def fetch(self, room: Room, instance: str, since: Optional[str] = None) -> None:
        asked = wire.element(wire.MUC, "history", maxstanzas=HISTORY_LIMIT, since=since)
        question = wire.within(wire.element(wire.DMUC, "room", id=localpart(room.jid)), asked)
        try:
            answer = await self.service.ask("get", room.jid, instance, question)
        except Failed as failure:
            log.warning("%s: no history from %s: %s", room.jid, instance, failure)
            return
        entries = [entry for node in answer.iter(tag(wire.STANZA, "message")) if (entry := entry_of(node)) is not None]
        fresh = room.unknown(entries)
        log.info("%s: %d of %d messages of %s are new", room.jid, len(fresh), len(entries), instance)
        for entry in fresh:
            room.log(entry)
            self.audience.say(room, entry, delayed=True)


def entry_of(node: ET.Element) -> Optional[Entry]:
    """A message of E10; None where it carries no time or no sender."""
    delay = node.find(tag(wire.DELAY, "delay"))
    nick = node.get("from", "").partition("/")[2]
    if delay is None or not nick:
        return None
    try:
        moment = wire.moment_of(delay.get("stamp", ""))
    except ValueError:
        return None
    by = delay.get("from", "")
    payload = tuple(child for child in wire.copies(node) if child.tag != tag(wire.DELAY, "delay"))
    return Entry(moment, nick, by if "/" in by else "", node.get("id", ""), payload)
