"""Gajim with its windows, on a virtual screen of its own, driven by lines of JSON as slixmpp-client.py is.

Runs under dbus-run-session. What it does is what a user's clicks do; what is seen are the texts of the windows, as they stand there.
"""

import json
import os
import subprocess
import sys

# Gajim prints: the lines of JSON go to a stream of their own.
lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

reads, writes = os.pipe()
screen = subprocess.Popen(
    ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1200x800x24", "-nolisten", "tcp"],
    pass_fds=[writes],
    stderr=subprocess.DEVNULL,
)
os.close(writes)
os.environ["DISPLAY"] = ":" + os.fdopen(reads).readline().strip()
# No bus of the accessibility services is started for a screen that only we look at.
os.environ["NO_AT_BRIDGE"] = "1"
os.environ["GDK_BACKEND"] = "x11"

from gajim import gajim

gajim._check_required_deps()

from gi.repository import Gdk, Gio, GLib, Gtk
from gajim.common import app
from gajim.gtk.application import GajimApplication
from gajim.gtk.util import get_app_window
from nbxmpp.const import ConnectionProtocol, ConnectionType
from nbxmpp.protocol import JID

account = "main"


def put(value):
    lines.write(json.dumps(value) + "\n")
    lines.flush()


def texts(widget):
    """What can be read in a widget, from top to bottom."""
    if not widget.get_mapped():
        return
    if isinstance(widget, Gtk.Label):
        yield widget.get_text()
    elif isinstance(widget, Gtk.TextView):
        buffer = widget.get_buffer()
        yield buffer.get_text(buffer.get_start_iter(), buffer.get_end_iter(), False)
    elif isinstance(widget, Gtk.Container):
        children = []
        widget.forall(children.append)
        for child in children:
            yield from texts(child)


class Orders:
    def login(self, jid, password, port, ca):
        jid = JID.from_string(jid)
        app.settings.set("use_keyring", False)
        app.cert_store.add_certificate(Gio.TlsCertificate.new_from_file(ca))
        place = (f"127.0.0.1:{port}", ConnectionProtocol.TCP, ConnectionType.START_TLS)
        app.app.create_account(account, jid.localpart, jid.domain, password, None, place)
        app.app.enable_account(account)
        get_app_window("AccountWizard").destroy()

    def online(self):
        return app.get_client(account).state.is_available

    def texts(self):
        return [text for window in Gtk.Window.list_toplevels() for text in texts(window) if text.strip()]

    def chat(self, jid):
        app.window.add_chat(account, JID.from_string(jid), "contact", select=True)

    def enter(self, room, nick):
        app.window.show_add_join_groupchat(account, room, nick)

    def make(self, room, name):
        config = {
            "muc#roomconfig_roomname": name,
            "muc#roomconfig_persistentroom": True,
            "muc#roomconfig_membersonly": False,
        }
        app.get_client(account).get_module("MUC").create(room, config)

    def say(self, text):
        app.window.get_chat_stack().get_message_input().insert_text(text)
        app.window.activate_action("send-message", None)

    def add(self, jid):
        app.get_client(account).get_module("Presence").subscribe(jid, auto_auth=True)

    def roster(self):
        contacts = app.get_client(account).get_module("Roster").iter_contacts()
        return {str(contact.jid): contact.subscription for contact in contacts}

    def drop(self):
        """The connection is gone, as with the network."""
        app.get_client(account)._client._con._con.close()

    def picture(self, path):
        window = app.window.get_window()
        Gdk.pixbuf_get_from_window(window, 0, 0, window.get_width(), window.get_height()).savev(path, "png", [], [])


orders = Orders()


def perform(line):
    order = json.loads(line)
    call = {key: value for key, value in order.items() if key not in ("id", "do")}
    try:
        put({"id": order["id"], "value": getattr(orders, order["do"])(**call)})
    except Exception as error:
        put({"id": order["id"], "error": f"{type(error).__name__}: {error}"})


def listen():
    """Once its window is there. True: not yet."""
    if getattr(app, "window", None) is None:
        return True
    incoming = Gio.DataInputStream.new(Gio.UnixInputStream.new(0, False))

    def read(stream, result):
        line, _length = stream.read_line_finish_utf8(result)
        if line is None:
            screen.terminate()
            os._exit(0)
        perform(line)
        stream.read_line_async(GLib.PRIORITY_LOW, None, read)

    incoming.read_line_async(GLib.PRIORITY_LOW, None, read)



application = GajimApplication()
GLib.timeout_add(50, listen)
try:
    application.run(["gajim", "--separate", "--config-path", sys.argv[1]])
finally:
    screen.terminate()
