"""XEP-0045 for the people who sit at this service: as much of it as ordinary clients use."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Optional
from xml.etree import ElementTree as ET

import wire
from room import Bounds, Entry, Occupant, Room
from wire import tag

if TYPE_CHECKING:
    from service import Service

AFFILIATIONS = ("owner", "admin", "member", "none", "outcast")
HISTORY_ON_JOIN = 50


class Refusal(Exception):
    """A stanza error to be returned: its type and its defined condition (RFC 6120 §8.3)."""

    def __init__(self, type_: str, condition: str) -> None:
        super().__init__(condition)
        self.type = type_
        self.condition = condition


class Clients:
    def __init__(self, service: "Service") -> None:
        self.service = service
        self.audience = service.audience

    # Presence: §7.2 entering, §7.6 another nick, §7.7 availability, §7.14 leaving

    def presence(self, stanza: ET.Element, user: str, room_jid: str, nick: str) -> None:
        type_ = stanza.get("type")
        room = self.service.rooms.get(room_jid)
        occupant = room.local(user) if room else None
        if type_ in ("unavailable", "error"):
            if room and occupant:
                self.leave(room, occupant)
        elif type_ is not None:
            return
        elif not nick:
            raise Refusal("modify", "jid-malformed")
        elif room and occupant and occupant.nick != nick:
            self.rename(room, occupant, nick)
        elif room and occupant and stanza.find(tag(wire.MUC, "x")) is None:
            occupant.presence = presence_payload(stanza)
            self.audience.show(room, occupant)
            self.service.instances.announce(room, occupant)
        else:
            self.enter(stanza, room, user, room_jid, nick)

    def enter(self, stanza: ET.Element, room: Optional[Room], user: str, room_jid: str, nick: str) -> None:
        statuses = []
        bare = user.split("/", 1)[0]
        if room is None:
            room = self.service.rooms[room_jid] = Room(room_jid)
            room.affiliate(bare, "owner")
            statuses.append(201)
        if not room.ready:
            raise Refusal("cancel", "item-not-found")
        affiliation = room.affiliation(bare)
        self.admit(stanza, room, user, nick, affiliation)
        again = room.local(user)
        if again is None and self.service.firsthost.redirect(room, user, nick):
            return
        occupant = Occupant(nick, user, affiliation, room.role_for(affiliation), presence=presence_payload(stanza))
        room.occupants[nick] = occupant
        for other in list(room.occupants.values()):
            if other is not occupant:
                self.audience.present(room, other, occupant)
        if room.shows_jids:
            statuses.append(100)
        self.audience.show(room, occupant, statuses)
        self.service.instances.announce(room, occupant)
        self.audience.history(room, user, history_bounds(stanza))
        self.audience.subject(room, user)

    def admit(self, stanza: ET.Element, room: Room, user: str, nick: str, affiliation: str) -> None:
        if affiliation == "outcast":
            raise Refusal("auth", "forbidden")
        if room.option("membersonly") and affiliation == "none":
            raise Refusal("auth", "registration-required")
        secret = room.config["muc#roomconfig_roomsecret"]
        given = stanza.findtext(f"{tag(wire.MUC, 'x')}/{tag(wire.MUC, 'password')}")
        if room.option("passwordprotectedroom") and given != secret:
            raise Refusal("auth", "not-authorized")
        holder = room.occupants.get(nick)
        if holder and not (holder.home is None and holder.jid == user):
            raise Refusal("cancel", "conflict")

    def leave(self, room: Room, occupant: Occupant) -> None:
        del room.occupants[occupant.nick]
        self.audience.hide(room, occupant)
        self.service.instances.retire(room, occupant)

    def rename(self, room: Room, occupant: Occupant, nick: str, by_service: bool = False) -> None:
        """§7.6; `by_service` tells the occupant that it was not its own doing (status 210)."""
        if nick in room.occupants:
            raise Refusal("cancel", "conflict")
        self.audience.hide(room, occupant, [303], nick, occupant.role)
        self.service.instances.retire(room, occupant, [303], nick)
        del room.occupants[occupant.nick]
        occupant.nick = nick
        room.occupants[nick] = occupant
        self.audience.show(room, occupant, [210] if by_service else [])
        self.service.instances.announce(room, occupant)

    def yield_nick(self, room: Room, occupant: Occupant) -> None:
        """Somebody with a better right has it."""
        self.rename(room, occupant, room.free_nick(occupant.nick), by_service=True)

    # Messages: §7.4 to all, §7.5 to one, §8.1 the subject

    def message(self, stanza: ET.Element, user: str, room_jid: str, nick: str) -> None:
        room = self.service.rooms.get(room_jid)
        sender = room.local(user) if room else None
        if stanza.get("type") == "error":
            return
        if room is None:
            raise Refusal("cancel", "item-not-found")
        if sender is None:
            raise Refusal("modify", "not-acceptable")
        if nick:
            self.whisper(stanza, room, sender, nick)
        elif stanza.get("type") != "groupchat":
            raise Refusal("modify", "bad-request")
        elif sender.role == "visitor":
            raise Refusal("auth", "forbidden")
        elif is_subject(stanza):
            self.change_subject(stanza, room, sender)
        else:
            entry = Entry(wire.now(), sender.nick, sender.jid, stanza.get("id", ""), tuple(wire.copies(stanza)))
            if stanza.find(tag(wire.STANZA, "body")) is not None:
                room.log(entry)
            self.audience.say(room, entry)
            self.service.instances.relay(room, sender, entry.payload, entry.id)

    def change_subject(self, stanza: ET.Element, room: Room, sender: Occupant) -> None:
        if sender.role != "moderator" and not room.option("changesubject"):
            raise Refusal("auth", "forbidden")
        room.subject = (sender.nick, stanza.findtext(tag(wire.STANZA, "subject")) or "")
        for viewer in room.locals():
            self.audience.subject(room, viewer.jid)
        self.service.instances.relay(room, sender, tuple(wire.copies(stanza)), stanza.get("id", ""))

    def whisper(self, stanza: ET.Element, room: Room, sender: Occupant, nick: str) -> None:
        target = room.occupants.get(nick)
        if stanza.get("type") == "groupchat":
            raise Refusal("modify", "bad-request")
        if target is None:
            raise Refusal("cancel", "item-not-found")
        to = f"{target.home}/{nick}" if target.home else target.jid
        self.service.emit(
            "message",
            f"{room.jid}/{sender.nick}",
            to,
            *wire.copies(stanza),
            type_=stanza.get("type", "normal"),
            id_=stanza.get("id"),
        )

    # IQs: §9 and §10 of moderators, admins and owners; XEP-0410's ping of oneself

    def iq(self, stanza: ET.Element, query: ET.Element, user: str, room_jid: str, nick: str) -> list[ET.Element]:
        """The children of the result."""
        room = self.service.rooms.get(room_jid)
        if room is None or not room.ready:
            raise Refusal("cancel", "item-not-found")
        if nick:
            return self.ping(room, query, user, nick)
        setting = stanza.get("type") == "set"
        if query.tag == tag(wire.MUC_OWNER, "query"):
            self.require(room, user, ("owner",))
            return self.configure(room, query) if setting else [self.config_form(room)]
        if query.tag == tag(wire.MUC_ADMIN, "query"):
            return self.administer(room, query, user) if setting else [self.affiliation_list(room, query, user)]
        raise Refusal("cancel", "service-unavailable")

    def ping(self, room: Room, query: ET.Element, user: str, nick: str) -> list[ET.Element]:
        sender = room.local(user)
        if sender is None:
            raise Refusal("cancel", "not-acceptable")
        if nick not in room.occupants:
            raise Refusal("cancel", "item-not-found")
        if query.tag == tag(wire.PING, "ping") and room.occupants[nick] is sender:
            return []
        raise Refusal("cancel", "service-unavailable")

    def require(self, room: Room, user: str, affiliations: tuple[str, ...]) -> None:
        if room.affiliation(user.split("/", 1)[0]) not in affiliations:
            raise Refusal("auth", "forbidden")

    def config_form(self, room: Room) -> ET.Element:
        """Example 1: the form offers to distribute the room."""
        fields = [
            wire.field(var, value, label="Distribute Room Across Multiple Services?", type_="boolean")
            if var == "muc#roomconfig_distributed"
            else wire.field(var, value)
            for var, value in room.config.items()
        ]
        return wire.within(wire.element(wire.MUC_OWNER, "query"), wire.form("form", wire.ROOM_CONFIG, *fields))

    def configure(self, room: Room, query: ET.Element) -> list[ET.Element]:
        if room.is_shadow:
            raise Refusal("cancel", "not-allowed")
        if query.find(tag(wire.MUC_OWNER, "destroy")) is not None:
            self.destroy(room)
            return []
        x = query.find(tag(wire.DATA, "x"))
        if x is not None and x.get("type") == "submit":
            room.config.update({var: value for var, value in wire.form_values(x).items() if var in room.config})
            self.service.firsthost.configured(room)
        return []

    def destroy(self, room: Room) -> None:
        for occupant in room.locals():
            del room.occupants[occupant.nick]
            self.audience.hide(room, occupant)
        del self.service.rooms[room.jid]

    def affiliation_list(self, room: Room, query: ET.Element, user: str) -> ET.Element:
        self.require(room, user, ("owner", "admin"))
        asked = {node.get("affiliation") for node in query}
        return wire.within(
            wire.element(wire.MUC_ADMIN, "query"),
            *(
                wire.element(wire.MUC_ADMIN, "item", jid=jid, affiliation=affiliation)
                for jid, affiliation in room.affiliations.items()
                if affiliation in asked
            ),
        )

    def administer(self, room: Room, query: ET.Element, user: str) -> list[ET.Element]:
        actor = room.local(user)
        for change in query.iterfind(tag(wire.MUC_ADMIN, "item")):
            if change.get("role") is not None:
                if actor is None or actor.role != "moderator":
                    raise Refusal("auth", "forbidden")
                self.change_role(room, change)
            elif change.get("affiliation") in AFFILIATIONS:
                self.require(room, user, ("owner", "admin"))
                self.change_affiliation(room, change)
            else:
                raise Refusal("modify", "bad-request")
        return []

    def change_role(self, room: Room, change: ET.Element) -> None:
        target = room.occupants.get(change.get("nick", ""))
        if target is None:
            raise Refusal("cancel", "item-not-found")
        if target.affiliation in ("owner", "admin"):
            raise Refusal("cancel", "not-allowed")
        if change.get("role") == "none":
            self.expel(room, target, 307)
        else:
            target.role = change.get("role", target.role)
            self.audience.show(room, target)
            self.service.instances.announce(room, target)

    def change_affiliation(self, room: Room, change: ET.Element) -> None:
        if room.is_shadow:
            raise Refusal("cancel", "not-allowed")
        bare, affiliation = change.get("jid", ""), change.get("affiliation", "none")
        room.affiliate(bare, affiliation)
        for target in [o for o in room.occupants.values() if o.bare == bare]:
            target.affiliation = affiliation
            if affiliation == "outcast":
                self.expel(room, target, 301)
            else:
                target.role = room.role_for(affiliation)
                self.audience.show(room, target)
                self.service.instances.announce(room, target)

    def expel(self, room: Room, target: Occupant, status: int) -> None:
        """§8.2, §9.1: kicked (307) or banned (301), wherever the occupant sits."""
        del room.occupants[target.nick]
        self.audience.hide(room, target, [status])
        self.service.instances.retire(room, target, [status])


def presence_payload(stanza: ET.Element) -> list[ET.Element]:
    own = (tag(wire.MUC, "x"), tag(wire.MUC_USER, "x"))
    return [child for child in wire.copies(stanza) if child.tag not in own]


def is_subject(stanza: ET.Element) -> bool:
    """§8.1: a subject, and neither body nor thread beside it."""
    return stanza.find(tag(wire.STANZA, "subject")) is not None and stanza.find(tag(wire.STANZA, "body")) is None


def history_bounds(stanza: ET.Element) -> Bounds:
    """Of a join: what the client asks for, else as much as is usual here."""
    asked = stanza.find(f"{tag(wire.MUC, 'x')}/{tag(wire.MUC, 'history')}")
    return bounds_of(asked) if asked is not None else Bounds(stanzas=HISTORY_ON_JOIN)


def bounds_of(asked: ET.Element) -> Bounds:
    """Of a <history/> element, in a join or in E9."""
    try:
        moments = [wire.moment_of(since) for since in [asked.get("since")] if since is not None]
        if (seconds := count(asked, "seconds")) is not None:
            moments.append(wire.now() - timedelta(seconds=seconds))
        return Bounds(max(moments, default=None), count(asked, "maxstanzas"), count(asked, "maxchars"))
    except ValueError as error:
        raise Refusal("modify", "bad-request") from error


def count(asked: ET.Element, name: str) -> Optional[int]:
    value = asked.get(name)
    return None if value is None else max(0, int(value))
