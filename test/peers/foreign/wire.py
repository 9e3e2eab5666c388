"""Names and elements of XEP-0045, XEP-0281 and their company, as ElementTree values."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Iterable, Optional
from xml.etree import ElementTree as ET

STANZA = "jabber:component:accept"
CLIENT = "jabber:client"
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = MUC + "#user"
MUC_ADMIN = MUC + "#admin"
MUC_OWNER = MUC + "#owner"
ROOM_CONFIG = MUC + "#roomconfig"
ROOM_INFO = MUC + "#roominfo"
DMUC = "urn:xmpp:dmuc:0"
DATA = "jabber:x:data"
DELAY = "urn:xmpp:delay"
CONFERENCE = "jabber:x:conference"
PING = "urn:xmpp:ping"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"


def tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}"


def element(namespace: str, name: str, text: Optional[str] = None, /, **attributes: object) -> ET.Element:
    """One element; an attribute that is None is left out, `_` at the end of a name (`from_`) falls away."""
    given = {key.rstrip("_"): str(value) for key, value in attributes.items() if value is not None}
    made = ET.Element(tag(namespace, name), given)
    made.text = text
    return made


def within(parent: ET.Element, *children: ET.Element) -> ET.Element:
    parent.extend(children)
    return parent


def retagged(root: ET.Element, old: str, new: str) -> ET.Element:
    """A copy of the tree with one namespace in place of another."""
    changed = copy.deepcopy(root)
    for node in changed.iter():
        if node.tag.startswith(f"{{{old}}}"):
            node.tag = tag(new, node.tag.split("}", 1)[1])
    return changed


def copies(children: Iterable[ET.Element]) -> list[ET.Element]:
    return [copy.deepcopy(child) for child in children]


def item(jid: Optional[str] = None, **attributes: object) -> ET.Element:
    return element(MUC_USER, "item", jid=jid, **attributes)


def muc_user(the_item: Optional[ET.Element], statuses: Iterable[int] = ()) -> ET.Element:
    x = element(MUC_USER, "x")
    if the_item is not None:
        x.append(the_item)
    x.extend(element(MUC_USER, "status", code=code) for code in statuses)
    return x


def statuses_of(stanza: ET.Element) -> set[int]:
    return {int(node.get("code", "0")) for node in stanza.iterfind(f"{tag(MUC_USER, 'x')}/{tag(MUC_USER, 'status')}")}


def item_of(stanza: ET.Element) -> Optional[ET.Element]:
    return stanza.find(f"{tag(MUC_USER, 'x')}/{tag(MUC_USER, 'item')}")


def field(var: str, *values: str, type_: Optional[str] = None, label: Optional[str] = None) -> ET.Element:
    made = element(DATA, "field", var=var, type=type_, label=label)
    made.extend(element(DATA, "value", value) for value in values)
    return made


def form(type_: str, form_type: str, *fields: ET.Element) -> ET.Element:
    return within(element(DATA, "x", type=type_), field("FORM_TYPE", form_type, type_="hidden"), *fields)


def form_values(x: ET.Element) -> dict[str, str]:
    """The first value of every field: all that the options of this service need."""
    return {node.get("var", ""): node.findtext(tag(DATA, "value"), "") or "" for node in x.iterfind(tag(DATA, "field"))}


def truth(value: str) -> bool:
    return value in ("1", "true")


def stamp(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    """A XEP-0082 date and time; ValueError when it is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def now() -> datetime:
    return datetime.now(timezone.utc)
