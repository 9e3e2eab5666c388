"""A slixmpp component that says everything back, in bold letters, and is a push service; prints {"ready": ...} whenever it is connected,
and {"pushed": ...} for each notification.

python3 slixmpp-component.py DOMAIN SECRET PORT
"""

import asyncio
import json
import sys

from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

PUBSUB = "{http://jabber.org/protocol/pubsub}"


class Echo(ComponentXMPP):
    def __init__(self, domain, secret, port):
        super().__init__(domain, secret, "127.0.0.1", port)
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self["xep_0030"].add_identity(category="gateway", itype="echo", name="The echo")
        self.add_event_handler("session_start", lambda _: self.tell(ready=True))
        self.add_event_handler("disconnected", lambda _: self.tell(ready=False))
        self.add_event_handler("message", self.echo)
        publish = MatchXPath("{jabber:component:accept}iq/%spubsub/%spublish" % (PUBSUB, PUBSUB))
        self.register_handler(Callback("push", publish, self.pushed))

    def tell(self, **facts):
        print(json.dumps(facts), flush=True)

    def pushed(self, iq):
        iq.reply().send()
        self.tell(pushed=iq.xml.find("%spubsub/%spublish" % (PUBSUB, PUBSUB)).get("node"))

    def echo(self, message):
        if message["type"] in ("chat", "normal"):
            self.send_message(mto=message["from"], mfrom=message["to"], mbody=message["body"].upper(), mtype="chat")


async def main():
    echo = Echo(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    echo.connect()
    await asyncio.Event().wait()


asyncio.run(main())
