"""The component: takes stanzas from the server it is attached to (XEP-0114) and hands each to who deals with it."""

from __future__ import annotations

import asyncio
import logging
from typing import Coroutine, Optional
from xml.etree import ElementTree as ET

from slixmpp import ComponentXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp.xmlstream.stanzabase import StanzaBase

import disco
import wire
from answers import Failed
from audience import Audience
from clients import Clients, Refusal
from firsthost import Firsthost, Policy
from healing import Healing
from incoming import Incoming
from instances import Instances, service_of
from links import Links
from past import Past
from peerhost import Peerhost
from room import Room
from wire import tag

log = logging.getLogger("service")

ANSWER_WITHIN_S = 30


class Service(ComponentXMPP):
    def __init__(self, jid: str, secret: str, host: str, port: int, policy: Policy, ping_every_s: float) -> None:
        super().__init__(jid, secret, host, port)
        self.domain = jid
        self.rooms: dict[str, Room] = {}
        self.audience = Audience(self)
        self.clients = Clients(self)
        self.instances = Instances(self)
        self.incoming = Incoming(self)
        self.firsthost = Firsthost(self, policy)
        self.peerhost = Peerhost(self)
        self.past = Past(self)
        healing = Healing(self)
        self.links = Links(ping_every_s, self.answers, healing.lost, healing.heal)
        self.tasks: set[asyncio.Task[None]] = set()
        for ours in ("IM", "IMError", "Presence"):
            self.remove_handler(ours)
        for name, take in (("presence", self.take), ("message", self.take), ("iq", self.take_iq)):
            self.register_handler(Callback(f"rooms {name}", MatchXPath(tag(wire.STANZA, name)), take))
        self.add_event_handler("session_start", lambda _: self.spawn(self.links.watch()))

    def incoming_filter(self, xml: ET.Element) -> ET.Element:
        """One namespace for stanzas and their children, however the server wrote them."""
        return wire.retagged(xml, wire.CLIENT, wire.STANZA)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # Out

    def emit(
        self, name: str, from_: str, to: str, *children: ET.Element, type_: Optional[str] = None, id_: Optional[str] = None
    ) -> None:
        made = wire.element(wire.STANZA, name, from_=from_, to=to, type=type_, id=id_)
        self.send_raw(ET.tostring(wire.within(made, *children), encoding="unicode"))

    def refuse(self, name: str, from_: str, to: str, refusal: Refusal, id_: Optional[str] = None) -> None:
        error = wire.element(wire.STANZA, "error", type=refusal.type)
        error.append(wire.element(wire.ERRORS, refusal.condition))
        # COMPAT slixmpp: without the empty <x/> (as XEP-0045's examples have it) a refused join is not noticed.
        mark = [wire.element(wire.MUC, "x")] if name == "presence" else []
        self.emit(name, from_, to, *mark, error, type_="error", id_=id_)

    def ask(self, type_: str, from_: str, to: str, payload: ET.Element) -> Coroutine[object, object, ET.Element]:
        """Sends now; the coroutine gives the result, or raises Failed."""
        iq = self.Iq(stype=type_, sto=to, sfrom=from_)
        iq.append(payload)
        sent = iq.send(timeout=ANSWER_WITHIN_S)

        async def answer() -> ET.Element:
            try:
                return (await sent).xml
            except IqError as error:
                raise Failed(condition_of(error.iq.xml)) from error
            except IqTimeout as error:
                raise Failed("remote-server-timeout") from error

        return answer()

    async def answers(self, service: str) -> bool:
        """Whether another service can be reached; any answer of its own will do."""
        try:
            await self.ask("get", self.domain, service, wire.element(wire.DISCO_INFO, "query"))
        except Failed as failure:
            return failure.condition not in ("remote-server-timeout", "remote-server-not-found")
        return True

    # In

    def take(self, stanza: StanzaBase) -> None:
        xml: ET.Element = stanza.xml
        name = xml.tag.split("}", 1)[1]
        from_, to = xml.get("from", ""), xml.get("to", "")
        room_jid, _, nick = to.partition("/")
        instance, _, sender = from_.partition("/")
        if self.instances.is_instance(instance, room_jid):
            room = self.rooms[room_jid]
            if name == "presence":
                self.incoming.presence(xml, instance, room, sender)
            else:
                self.incoming.message(xml, instance, room, sender, nick)
            return
        try:
            handle = self.clients.presence if name == "presence" else self.clients.message
            handle(xml, from_, room_jid, nick)
        except Refusal as refusal:
            self.refuse(name, to, from_, refusal, xml.get("id"))

    def take_iq(self, stanza: StanzaBase) -> None:
        xml: ET.Element = stanza.xml
        if xml.get("type") not in ("get", "set"):
            return
        from_, to, id_ = xml.get("from", ""), xml.get("to", ""), xml.get("id")
        try:
            children = self.result_of(xml, from_, to)
        except Refusal as refusal:
            self.refuse("iq", to, from_, refusal, id_)
        else:
            self.emit("iq", to, from_, *children, type_="result", id_=id_)

    def result_of(self, xml: ET.Element, from_: str, to: str) -> list[ET.Element]:
        query = next(iter(xml), None)
        room_jid, _, nick = to.partition("/")
        if query is None:
            raise Refusal("modify", "bad-request")
        if query.tag.startswith(tag(wire.DMUC, "")):
            if room_jid == self.domain:
                return self.peerhost.service_iq(xml, query, service_of(from_))
            if room_jid not in self.rooms:
                raise Refusal("cancel", "item-not-found")
            return self.peerhost.room_iq(xml, query, from_, self.rooms[room_jid])
        if not nick and (answer := disco.answer(query, room_jid, self.domain, self.rooms)) is not None:
            return [answer]
        if room_jid == self.domain:
            if query.tag == tag(wire.PING, "ping"):
                return []
            raise Refusal("cancel", "service-unavailable")
        return self.clients.iq(xml, query, from_, room_jid, nick)


def condition_of(stanza: ET.Element) -> str:
    error = stanza.find(tag(wire.STANZA, "error"))
    conditions = [] if error is None else [node.tag for node in error if node.tag.startswith(tag(wire.ERRORS, ""))]
    return conditions[0].split("}", 1)[1] if conditions else "undefined-condition"
