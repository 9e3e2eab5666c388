"""Having rooms replicated (E3 to E8, E12), and sending users to their shadows (E19 to E21)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import wire
from answers import Failed
from instances import localpart, service_of
from room import Occupant, Room

if TYPE_CHECKING:
    from service import Service

log = logging.getLogger("firsthost")


@dataclass(frozen=True)
class Policy:
    """Whom this service lets replicate here and asks to replicate its own, and whose users it sends to a shadow."""

    peers: tuple[str, ...] = ()
    redirects: dict[str, str] = field(default_factory=dict)


class Firsthost:
    def __init__(self, service: "Service", policy: Policy) -> None:
        self.service = service
        self.policy = policy

    def configured(self, room: Room) -> None:
        """An owner has submitted the form: ask every peer at once, or tell those there of the change."""
        if room.option("distributed"):
            for peer in self.policy.peers:
                if f"{localpart(room.jid)}@{peer}" in self.service.instances.shadows.get(room.jid, set()):
                    self.service.spawn(self.give_config(room, f"{localpart(room.jid)}@{peer}"))
                else:
                    self.service.spawn(self.distribute(room, peer))

    async def distribute(self, room: Room, peer: str) -> None:
        replicate = wire.within(
            wire.element(wire.DMUC, "replicate"), wire.element(wire.DMUC, "room", id=localpart(room.jid))
        )
        try:
            await self.service.ask("set", self.service.domain, peer, replicate)
            shadow = f"{localpart(room.jid)}@{peer}"
            await self.give_config(room, shadow)
            await self.give_roster(room, shadow, list(room.occupants.values()))
        except Failed as failure:
            log.warning("%s is not replicated to %s: %s", room.jid, peer, failure)
            return
        log.info("%s is replicated to %s", room.jid, shadow)
        for other in self.service.instances.of(room):
            if other != shadow:
                self.service.spawn(self.report_peer(room, service_of(other)))

    async def give_config(self, room: Room, shadow: str) -> None:
        """E5; the type is submit, as everywhere where a form is filled in."""
        fields = (wire.field(var, value) for var, value in room.config.items())
        config = wire.within(wire.element(wire.DMUC, "config"), wire.form("submit", wire.ROOM_CONFIG, *fields))
        await self.service.ask("set", room.jid, shadow, config)

    async def give_roster(self, room: Room, instance: str, occupants: list[Occupant]) -> None:
        """E7. From here on the instance is told what happens, so that nothing falls between."""
        roster = wire.element(wire.DMUC, "roster")
        for occupant in occupants:
            if occupant.home != instance:
                roster.append(
                    wire.element(
                        wire.DMUC, "item", affiliation=occupant.affiliation, jid=occupant.jid, name=occupant.nick
                    )
                )
        answer = self.service.ask("set", room.jid, instance, roster)
        if not room.is_shadow:
            self.service.instances.shadows.setdefault(room.jid, set()).add(instance)
            self.service.links.to(service_of(instance))
        await answer

    async def report_peer(self, room: Room, peer: str) -> None:
        notice = wire.within(
            wire.element(wire.DMUC, "peerhost"), wire.element(wire.DMUC, "room", id=localpart(room.jid))
        )
        try:
            await self.service.ask("set", self.service.domain, peer, notice)
        except Failed as failure:
            log.info("%s does not take the notice: %s", peer, failure)

    def redirect(self, room: Room, user: str, nick: str) -> bool:
        """E20, E21: only to a shadow that can be reached."""
        domain = user.split("/", 1)[0].rsplit("@", 1)[-1]
        peer = self.policy.redirects.get(domain)
        shadow = next((jid for jid in self.service.instances.reachable(room) if service_of(jid) == peer), None)
        if shadow is None or room.is_shadow:
            return False
        error = wire.element(wire.STANZA, "error", type="cancel")
        error.append(wire.element(wire.ERRORS, "redirect", peer))
        self.service.emit("presence", f"{room.jid}/{nick}", user, wire.element(wire.MUC, "x"), error, type_="error")
        password = room.config["muc#roomconfig_roomsecret"] if room.option("passwordprotectedroom") else None
        invitation = wire.element(wire.CONFERENCE, "x", jid=shadow, password=password)
        self.service.emit("message", room.jid, user, invitation)
        return True
