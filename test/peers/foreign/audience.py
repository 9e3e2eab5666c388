"""What the occupants who sit here see of a room (XEP-0045 §7): presence, messages, the subject."""

from __future__ import annotations

from typing import Iterable, Optional, Protocol
from xml.etree import ElementTree as ET

import wire
from room import Bounds, Entry, Occupant, Room


class Out(Protocol):
    def emit(
        self, name: str, from_: str, to: str, *children: ET.Element, type_: Optional[str] = None, id_: Optional[str] = None
    ) -> None: ...


class Audience:
    def __init__(self, out: Out) -> None:
        self.out = out

    def present(self, room: Room, occupant: Occupant, viewer: Occupant, statuses: Iterable[int] = ()) -> None:
        """One occupant's presence to one viewer, with 110 when it is its own (§7.2.2)."""
        codes = [*statuses, *([110] if viewer is occupant else [])]
        item = wire.item(self.visible_jid(room, occupant, viewer), affiliation=occupant.affiliation, role=occupant.role)
        self.out.emit(
            "presence",
            f"{room.jid}/{occupant.nick}",
            viewer.jid,
            *wire.copies(occupant.presence),
            wire.muc_user(item, codes),
        )

    def show(self, room: Room, occupant: Occupant, own_statuses: Iterable[int] = ()) -> None:
        """To everybody here; what only the occupant itself is told goes in `own_statuses`."""
        for viewer in room.locals():
            self.present(room, occupant, viewer, own_statuses if viewer is occupant else ())

    def hide(
        self,
        room: Room,
        occupant: Occupant,
        statuses: Iterable[int] = (),
        new_nick: Optional[str] = None,
        role: str = "none",
        own_statuses: Iterable[int] = (),
    ) -> None:
        """That an occupant has left, was removed, or (with `new_nick`) is called otherwise from now on."""
        codes = list(statuses)
        gone = [] if occupant.nick in room.occupants or occupant.home is not None else [occupant]
        for viewer in [*gone, *room.locals()]:
            own = [110, *own_statuses] if viewer is occupant else []
            item = wire.item(
                self.visible_jid(room, occupant, viewer), affiliation=occupant.affiliation, role=role, nick=new_nick
            )
            self.out.emit(
                "presence",
                f"{room.jid}/{occupant.nick}",
                viewer.jid,
                wire.muc_user(item, [*codes, *own]),
                type_="unavailable",
            )

    def visible_jid(self, room: Room, occupant: Occupant, viewer: Occupant) -> Optional[str]:
        return occupant.jid or None if room.shows_jids or viewer.role == "moderator" else None

    def say(self, room: Room, entry: Entry, delayed: bool = False) -> None:
        for viewer in room.locals():
            self.recall(room, entry, viewer.jid) if delayed else self.tell(room, entry, viewer.jid)

    def tell(self, room: Room, entry: Entry, to: str) -> None:
        self.out.emit(
            "message", f"{room.jid}/{entry.nick}", to, *wire.copies(entry.payload), type_="groupchat", id_=entry.id or None
        )

    def recall(self, room: Room, entry: Entry, to: str) -> None:
        """A message of the past, with the time it was said at (§7.2.13)."""
        delay = wire.element(wire.DELAY, "delay", from_=room.jid, stamp=wire.stamp(entry.moment))
        self.out.emit(
            "message",
            f"{room.jid}/{entry.nick}",
            to,
            *wire.copies(entry.payload),
            delay,
            type_="groupchat",
            id_=entry.id or None,
        )

    def subject(self, room: Room, to: str) -> None:
        nick, text = room.subject or ("", "")
        sender = f"{room.jid}/{nick}" if nick else room.jid
        self.out.emit("message", sender, to, wire.element(wire.STANZA, "subject", text), type_="groupchat")

    def history(self, room: Room, to: str, bounds: Bounds) -> None:
        for entry in room.recent(bounds):
            self.recall(room, entry, to)
