"""A slixmpp client that is driven by lines of JSON.

In:  {"id": 1, "do": "join", "room": "hall@rooms.a.example", "nick": "ann"}
Out: {"id": 1, "value": ...} or {"id": 1, "error": ...}, and {"stanza": "<message .../>"} for each that came in.
"""

import asyncio
import base64
import io
import json
import os
import sys
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout, PresenceError

# slixmpp prints delays that it sees: the lines of JSON go to a stream of their own.
lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
sys.stdout = sys.stderr


def put(value):
    lines.write(json.dumps(value) + "\n")
    lines.flush()


class WithoutDns(slixmpp.ClientXMPP):
    """Connects to the address that it is given; slixmpp would first ask DNS for the domain."""

    async def get_dns_records(self, domain, port=None):
        return []


class Client:
    def __init__(self):
        self.xmpp = None

    @property
    def rooms(self):
        return self.xmpp["xep_0045"]

    async def login(self, jid, password, host, port, ca, plugins=()):
        xmpp = self.xmpp = WithoutDns(jid, password)
        xmpp.ca_certs = ca
        for plugin in ("xep_0030", "xep_0045", "xep_0050", "xep_0054", "xep_0077", "xep_0199", "xep_0313", "xep_0359", "xep_0363", *plugins):
            xmpp.register_plugin(plugin)
        xmpp.add_filter("in", self.came_in)
        done = asyncio.get_running_loop().create_future()

        def end(name):
            def handle(event):
                if not done.done():
                    done.set_result((name, str(event)))

            return handle

        for name in ("session_start", "failed_all_auth", "ssl_invalid_chain", "connection_failed", "stream_error"):
            xmpp.add_event_handler(name, end(name))
        # A refused certificate would be tried again and again.
        xmpp.add_event_handler("ssl_invalid_chain", lambda _: xmpp.abort())
        xmpp.add_event_handler("stream_error", lambda _: xmpp.abort())
        xmpp.connect((host, port), force_starttls=True)
        outcome, text = await asyncio.wait_for(done, 30)
        if outcome != "session_start":
            raise RuntimeError(f"{outcome}: {text}")
        tls = xmpp.transport.get_extra_info("ssl_object")
        return {
            "jid": xmpp.boundjid.full,
            "mechanism": xmpp["feature_mechanisms"].mech.name,
            "tls": tls.version(),
            "verified": tls.context.check_hostname and bool(tls.getpeercert()),
        }

    def came_in(self, stanza):
        if isinstance(stanza, (slixmpp.Message, slixmpp.Presence)):
            put({"stanza": str(stanza)})
        return stanza

    async def presence(self, show=None, status=None):
        self.xmpp.send_presence(pshow=show, pstatus=status)

    async def roster(self):
        await self.xmpp.get_roster()
        return {
            jid: {
                "name": self.xmpp.client_roster[jid]["name"],
                "subscription": self.xmpp.client_roster[jid]["subscription"],
                "groups": sorted(self.xmpp.client_roster[jid]["groups"]),
            }
            for jid in self.xmpp.client_roster
            if jid != self.xmpp.boundjid.bare
        }

    async def contact(self, jid, name, groups):
        await self.xmpp.update_roster(jid, name=name, groups=groups)
        self.xmpp.send_presence_subscription(jid)

    async def message(self, to, body):
        self.xmpp.send_message(mto=to, mbody=body, mtype="chat")

    async def ping(self, jid):
        return await self.xmpp["xep_0199"].ping(jid, timeout=60) >= 0

    async def features(self, jid):
        info = await self.xmpp["xep_0030"].get_info(jid=jid, timeout=60)
        return sorted(info["disco_info"]["features"])

    async def items(self, jid):
        found = await self.xmpp["xep_0030"].get_items(jid=jid, timeout=60)
        return [[str(item[0]), item[2]] for item in found["disco_items"]["items"]]

    async def roominfo(self, jid):
        info = await self.xmpp["xep_0030"].get_info(jid=jid, timeout=60)
        form = info["disco_info"].xml.find("{jabber:x:data}x")
        return {
            field.get("var"): field.findtext("{jabber:x:data}value")
            for field in ([] if form is None else form.iterfind("{jabber:x:data}field"))
        }

    async def join(self, room, nick, history=None, password=None):
        presence, subject, occupants, past = await self.rooms.join_muc_wait(
            slixmpp.JID(room), nick, maxstanzas=history, password=password, timeout=60
        )
        return {
            "statuses": sorted(presence["muc"]["status_codes"]),
            "role": presence["muc"]["role"],
            "affiliation": presence["muc"]["affiliation"],
            "subject": subject["subject"],
            "occupants": sorted(one["muc"]["nick"] for one in occupants),
            "history": [one["body"] for one in past],
        }

    async def form(self, room):
        form = await self.rooms.get_room_config(slixmpp.JID(room), timeout=60)
        return {name: {"type": field["type"], "value": field["value"]} for name, field in form.get_fields().items()}

    async def configure(self, room, values):
        form = await self.rooms.get_room_config(slixmpp.JID(room), timeout=60)
        form.set_values(values)
        await self.rooms.set_room_config(slixmpp.JID(room), form, timeout=60)

    async def say(self, room, body):
        self.xmpp.send_message(mto=room, mbody=body, mtype="groupchat")

    async def subject(self, room, subject):
        self.rooms.set_subject(slixmpp.JID(room), subject)

    async def nick(self, room, nick):
        self.xmpp.send_presence(pto=f"{room}/{nick}")

    async def role(self, room, nick, role, reason=""):
        await self.rooms.set_role(slixmpp.JID(room), nick, role, reason=reason, timeout=60)

    async def affiliation(self, room, jid, affiliation):
        await self.rooms.set_affiliation(slixmpp.JID(room), affiliation, jid=jid, timeout=60)

    async def affiliations(self, room, affiliation):
        found = await self.rooms.get_affiliation_list(slixmpp.JID(room), affiliation, timeout=60)
        return sorted(str(jid) for jid in found)

    async def occupants(self, room):
        return sorted(self.rooms.get_roster(room))

    async def invite(self, room, jid, reason):
        self.rooms.invite(slixmpp.JID(room), slixmpp.JID(jid), reason)

    async def decline(self, room, jid, reason):
        self.rooms.decline(slixmpp.JID(room), slixmpp.JID(jid), reason)

    async def ask_for_voice(self, room):
        self.rooms.request_voice(slixmpp.JID(room), "participant")

    async def submit(self, to, values):
        """A form in a message, as a moderator answers one."""
        message = self.xmpp.make_message(mto=to)
        form = self.xmpp["xep_0004"].make_form(ftype="submit")
        for name, value in values.items():
            form.add_field(var=name, value=value)
        message.append(form)
        message.send()

    async def archive(self, room, page):
        """The bodies of all messages, and how many pages they came on."""
        bodies, pages, after = [], 0, None
        while True:
            rsm = {"max": page} if after is None else {"max": page, "after": after}
            answer = await self.xmpp["xep_0313"].retrieve(jid=slixmpp.JID(room), rsm=rsm, timeout=60)
            found = answer["mam"]["results"]
            bodies += [one["mam_result"]["forwarded"]["stanza"]["body"] for one in found]
            pages += 1
            if answer["mam_fin"].xml.get("complete") == "true":
                return {"bodies": bodies, "pages": pages}
            after = found[-1]["mam_result"]["id"]

    async def commands(self, jid):
        """The nodes of the ad-hoc commands that are offered."""
        found = await self.xmpp["xep_0050"].get_commands(jid, timeout=60)
        return [item[1] for item in found["disco_items"]["items"]]

    async def command(self, jid, node, values):
        """Asks for a command's form, and submits it filled out. Which fields it had, and the status of the end."""
        adhoc = self.xmpp["xep_0050"]
        asked = await adhoc.send_command(jid, node, timeout=60)
        form = asked["command"]["form"]
        fields = sorted(form.get_fields())
        form["type"] = "submit"
        form.set_values(values)
        done = await adhoc.send_command(
            jid, node, action="complete", payload=form.xml, sessionid=asked["command"]["sessionid"], timeout=60
        )
        return {"fields": fields, "status": done["command"]["status"]}

    async def upload(self, name, content, type, times=1):
        """Finds the service, asks for a slot, puts the file there. The address for others."""
        data = content.encode() * times
        file = io.BytesIO(data)
        plugin = self.xmpp["xep_0363"]
        # slixmpp 1.8 looks for the service in a way that Python 3.11 refuses (coroutines given to asyncio.wait).
        info = (await self.xmpp["xep_0030"].get_info(jid=self.xmpp.boundjid.domain, cached=False, timeout=60))["disco_info"]
        if "store" in [identity[0] for identity in info["identities"]]:
            plugin.upload_service = slixmpp.JID(self.xmpp.boundjid.domain)
        for form in info.iterables:
            values = form["values"]
            if values["FORM_TYPE"] == ["urn:xmpp:http:upload:0"]:
                plugin.max_file_size = int(values["max-file-size"])
        return await plugin.upload_file(name, len(data), type, input_file=file, timeout=60)

    async def publish_card(self, jid, type, image):
        """Gives a room a card with this image, in base64."""
        card = self.xmpp["xep_0054"].make_vcard()
        card["PHOTO"]["TYPE"] = type
        card["PHOTO"]["BINVAL"] = base64.b64decode(image)
        iq = self.xmpp.make_iq_set(ito=jid)
        iq.append(card)
        await iq.send(timeout=60)

    async def card(self, jid):
        """The image of somebody's card, in base64."""
        answer = await self.xmpp["xep_0054"].get_vcard(slixmpp.JID(jid), cached=False, timeout=60)
        return base64.b64encode(answer["vcard_temp"]["PHOTO"]["BINVAL"] or b"").decode()

    async def register(self, jid, nick):
        """Asks for the form of registration, and submits it with a nickname. The one that was registered before."""
        asked = await self.xmpp["xep_0077"].get_registration(jid=jid, timeout=60)
        form = asked["register"]["form"]
        form["type"] = "submit"
        form.set_values({"muc#register_roomnick": nick})
        iq = self.xmpp.make_iq_set(ito=jid)
        iq["register"].append(form)
        await iq.send(timeout=60)
        return asked["register"]["username"]

    async def set(self, to, payload):
        """An IQ of any kind; what it is answered with."""
        iq = self.xmpp.make_iq_set(sub=ET.fromstring(payload), ito=to)
        return str(await iq.send(timeout=60))

    async def add(self, to, type, payload):
        """A message with any payload."""
        message = self.xmpp.make_message(mto=to, mtype=type)
        message.append(ET.fromstring(payload))
        message.send()

    async def tune(self, title):
        await self.xmpp["xep_0118"].publish_tune(title=title, timeout=60)

    async def publish_avatar(self, image):
        """Data and metadata, of an image in base64; its id."""
        data = base64.b64decode(image)
        plugin = self.xmpp["xep_0084"]
        id = plugin.generate_id(data)
        await plugin.publish_avatar(data, timeout=60)
        await plugin.publish_avatar_metadata({"id": id, "type": "image/png", "bytes": len(data)}, timeout=60)
        return id

    async def avatar(self, jid, hash):
        found = await self.xmpp["xep_0084"].retrieve_avatar(slixmpp.JID(jid), hash, timeout=60)
        return base64.b64encode(found["pubsub"]["items"]["item"]["avatar_data"]["value"]).decode()

    async def store_bookmarks(self, rooms, method):
        """A list of rooms with their names, in private storage (xep_0049) or as an item (xep_0223)."""
        bookmarks = self.xmpp["xep_0048"].stanza.Bookmarks()
        for room, name in rooms.items():
            bookmarks.add_conference(room, "slix", autojoin=True, name=name)
        await self.xmpp["xep_0048"].set_bookmarks(bookmarks, method=method, timeout=60)

    async def bookmarks(self, method):
        found = await self.xmpp["xep_0048"].get_bookmarks(method=method, timeout=60)
        holder = found["private"] if method == "xep_0049" else found["pubsub"]["items"]["item"]
        return {str(one["jid"]): one["name"] for one in holder["bookmarks"]["conferences"]}

    async def publish(self, node, item, payload, options):
        """An item, with publish-options."""
        form = self.xmpp["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/pubsub#publish-options")
        for name, value in options.items():
            form.add_field(var=f"pubsub#{name}", value=value)
        content = ET.fromstring(payload)
        await self.xmpp["xep_0060"].publish(self.xmpp.boundjid.bare, node, id=item, payload=content, options=form, timeout=60)

    async def nodes(self, jid):
        found = await self.xmpp["xep_0060"].get_nodes(jid, timeout=60)
        return sorted(item[1] for item in found["disco_items"]["items"])

    async def published(self, jid, node):
        """The payloads of all items, by id."""
        found = await self.xmpp["xep_0060"].get_items(jid, node, timeout=60)
        return {item["id"]: ET.tostring(item["payload"]).decode() for item in found["pubsub"]["items"]}

    async def configure_node(self, node, values):
        """What the node was like before, and is after."""
        pubsub = self.xmpp["xep_0060"]
        jid = self.xmpp.boundjid.bare
        asked = await pubsub.get_node_config(jid, node, timeout=60)
        form = asked["pubsub_owner"]["configure"]["form"]
        before = {name: form.get_values()[name] for name in values}
        form["type"] = "submit"
        form.set_values(values)
        await pubsub.set_node_config(jid, node, form, timeout=60)
        again = (await pubsub.get_node_config(jid, node, timeout=60))["pubsub_owner"]["configure"]["form"]
        return [before, {name: again.get_values()[name] for name in values}]

    async def delete_node(self, node):
        await self.xmpp["xep_0060"].delete_node(self.xmpp.boundjid.bare, node, timeout=60)

    async def leave(self, room, nick):
        self.rooms.leave_muc(slixmpp.JID(room), nick)

    async def destroy(self, room, reason, venue=None):
        altroom = None if venue is None else slixmpp.JID(venue)
        await self.rooms.destroy(slixmpp.JID(room), reason, altroom, timeout=60)

    async def logout(self):
        await self.xmpp.disconnect()


def spell(error):
    if isinstance(error, (IqError, PresenceError)):
        return f"{error.etype} {error.condition}"
    if isinstance(error, IqTimeout):
        return "timeout"
    return f"{type(error).__name__}: {error}"


async def perform(client, order):
    call = {key: value for key, value in order.items() if key not in ("id", "do")}
    try:
        put({"id": order["id"], "value": await getattr(client, order["do"])(**call)})
    except Exception as error:
        put({"id": order["id"], "error": spell(error)})


async def main():
    client = Client()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    tasks = set()
    async for line in orders:
        task = asyncio.create_task(perform(client, json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
