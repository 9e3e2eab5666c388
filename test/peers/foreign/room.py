"""A room as this service holds it: its configuration, its occupants (its own and those of other instances), its history.

Nothing here sends anything. Times are aware datetimes in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Iterable, Optional
from xml.etree import ElementTree as ET

import wire

# XEP-0281 says nothing about copies; two equal messages of one sender within this are one (checklist, plain peers).
REPEAT_WINDOW = timedelta(minutes=10)

DEFAULT_CONFIG = {
    "muc#roomconfig_roomname": "",
    "muc#roomconfig_roomdesc": "",
    "muc#roomconfig_publicroom": "1",
    "muc#roomconfig_persistentroom": "1",
    "muc#roomconfig_membersonly": "0",
    "muc#roomconfig_moderatedroom": "0",
    "muc#roomconfig_changesubject": "1",
    "muc#roomconfig_whois": "anyone",
    "muc#roomconfig_passwordprotectedroom": "0",
    "muc#roomconfig_roomsecret": "",
    "muc#roomconfig_distributed": "0",
}


@dataclass
class Occupant:
    nick: str
    jid: str
    affiliation: str
    role: str
    home: Optional[str] = None
    """The instance it sits at; None is here."""
    presence: list[ET.Element] = field(default_factory=list)

    @property
    def bare(self) -> str:
        return self.jid.split("/", 1)[0]


@dataclass(frozen=True)
class Entry:
    """One groupchat message of the history."""

    moment: datetime
    nick: str
    jid: str
    id: str
    payload: tuple[ET.Element, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.nick, self.id, next((c.text or "" for c in self.payload if c.tag.endswith("}body")), "")


@dataclass(frozen=True)
class Bounds:
    """How much of a history is wanted (XEP-0045 §7.2.15); None is all."""

    since: Optional[datetime] = None
    stanzas: Optional[int] = None
    chars: Optional[int] = None


class Room:
    def __init__(self, jid: str, source: Optional[str] = None, source_service: Optional[str] = None) -> None:
        self.jid = jid
        self.source = source
        self.source_service = source_service
        """Both None in a room of our own; a shadow knows the service first and the room from its first config."""
        self.ready = source_service is None
        """A shadow is hidden until it has its configuration and its roster."""
        self.config = dict(DEFAULT_CONFIG)
        self.configured = source_service is None
        self.affiliations: dict[str, str] = {}
        self.occupants: dict[str, Occupant] = {}
        self.history: list[Entry] = []
        self.subject: Optional[tuple[str, str]] = None

    @property
    def is_shadow(self) -> bool:
        return self.source_service is not None

    def option(self, name: str) -> bool:
        return wire.truth(self.config[f"muc#roomconfig_{name}"])

    @property
    def shows_jids(self) -> bool:
        return self.config["muc#roomconfig_whois"] == "anyone"

    def locals(self) -> list[Occupant]:
        return [occupant for occupant in self.occupants.values() if occupant.home is None]

    def at(self, home: str) -> list[Occupant]:
        return [occupant for occupant in self.occupants.values() if occupant.home == home]

    def local(self, jid: str) -> Optional[Occupant]:
        return next((occupant for occupant in self.locals() if occupant.jid == jid), None)

    def affiliation(self, bare: str) -> str:
        return self.affiliations.get(bare, "none")

    def affiliate(self, bare: str, affiliation: str) -> None:
        if affiliation == "none":
            self.affiliations.pop(bare, None)
        else:
            self.affiliations[bare] = affiliation

    def role_for(self, affiliation: str) -> str:
        """XEP-0045 §5.1.2: the role that an affiliation brings on entering."""
        if affiliation in ("owner", "admin"):
            return "moderator"
        return "visitor" if affiliation == "none" and self.option("moderatedroom") else "participant"

    def free_nick(self, wanted: str) -> str:
        """A nick near the wanted one that nobody holds."""
        number = 2
        while f"{wanted} {number}" in self.occupants:
            number += 1
        return f"{wanted} {number}"

    def log(self, entry: Entry) -> None:
        self.history.append(entry)

    def unknown(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of another instance's history that are not among ours: matched one to one, as a multiset."""
        held: dict[tuple[str, str, str], list[datetime]] = {}
        for own in self.history:
            held.setdefault(own.key, []).append(own.moment)
        fresh = []
        for entry in entries:
            copies = held.get(entry.key, [])
            match = next((moment for moment in copies if abs(moment - entry.moment) <= REPEAT_WINDOW), None)
            if match is None:
                fresh.append(entry)
            else:
                copies.remove(match)
        return fresh

    def recent(self, bounds: Bounds) -> list[Entry]:
        """The newest of the history within the bounds, oldest first."""
        since, stanzas, chars = bounds.since, bounds.stanzas, bounds.chars
        chosen = sorted((e for e in self.history if since is None or e.moment >= since), key=lambda e: e.moment)
        if stanzas is not None:
            chosen = chosen[len(chosen) - min(stanzas, len(chosen)) :]
        if chars is None:
            return chosen
        kept: list[Entry] = []
        for entry in reversed(chosen):
            chars -= sum(len(ET.tostring(child)) for child in entry.payload)
            if chars < 0:
                break
            kept.insert(0, entry)
        return kept

