"""Dino with its window, on a virtual screen of its own, driven by lines of JSON as slixmpp-client.py is.

What it does is what a user's keys and clicks do; what is seen are the texts of the window, both through the
interface for people who cannot see it (AT-SPI).
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import gi

gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gio, GLib

# What it starts prints: the lines of JSON go to a stream of their own.
lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

home, proxy = sys.argv[1:]
# A bus of its own, whose services print no lines either.
reads, writes = os.pipe()
bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", f"--print-address={writes}"], pass_fds=[writes])
os.close(writes)
os.environ["DBUS_SESSION_BUS_ADDRESS"] = os.fdopen(reads).readline().strip()
reads, writes = os.pipe()
screen = subprocess.Popen(
    ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1200x800x24", "-nolisten", "tcp"],
    pass_fds=[writes],
    stderr=subprocess.DEVNULL,
)
os.close(writes)
os.environ.update(
    DISPLAY=":" + os.fdopen(reads).readline().strip(),
    GDK_BACKEND="x11",
    GSK_RENDERER="cairo",
    GTK_A11Y="atspi",
    XDG_DATA_HOME=home + "/data",
    XDG_CONFIG_HOME=home + "/config",
    XDG_CACHE_HOME=home + "/cache",
    # Its way to the server, and none to anybody's DNS.
    GIO_USE_PROXY_RESOLVER="libproxy",
    http_proxy=proxy,
    no_proxy="",
    RES_OPTIONS="timeout:1 attempts:1",
)
database = home + "/data/dino/dino.db"
place = "org.a11y.atspi."


def put(value):
    lines.write(json.dumps(value) + "\n")
    lines.flush()


def until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise Exception("no " + what)
        time.sleep(0.05)


class Tree:
    """What Dino says of its windows."""

    def __init__(self):
        session = Gio.bus_get_sync(Gio.BusType.SESSION)
        (address,) = session.call_sync(
            "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None, 0, 10000
        ).unpack()
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(address, flags)

    def call(self, node, interface, method, arguments=None):
        name, path = node
        try:
            return self.bus.call_sync(name, path, interface, method, arguments, None, 0, 5000).unpack()
        except GLib.Error:
            return None

    def name(self, node):
        asked = GLib.Variant("(ss)", (place + "Accessible", "Name"))
        found = self.call(node, "org.freedesktop.DBus.Properties", "Get", asked)
        return found[0] if found else ""

    def extents(self, node):
        found = self.call(node, place + "Component", "GetExtents", GLib.Variant("(u)", (1,)))
        return found[0] if found else (0, 0, 0, 0)

    def children(self, node):
        found = self.call(node, place + "Accessible", "GetChildren")
        return found[0] if found else []

    def walk(self, node=("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")):
        yield node
        for child in self.children(node):
            yield from self.walk(tuple(child))

    def text(self, node):
        content = self.call(node, place + "Text", "GetText", GLib.Variant("(ii)", (0, -1)))
        return (content[0] if content else "") or self.name(node)


class Orders:
    def __init__(self):
        self.dino = None
        self.tree = None

    def login(self, jid, password):
        """Its account is in its database, as its own dialogue puts it there."""
        self.start()
        until(self.is_laid_out, "database")
        self.dino.terminate()
        self.dino.wait(20)
        account = "insert into account (bare_jid, resourcepart, password, alias, enabled) values (?, 'dino', ?, '', 1)"
        with closing(sqlite3.connect(database)) as opened:
            opened.execute(account, (jid, password))
            opened.commit()
        self.start()

    def is_laid_out(self):
        if not os.path.exists(database):
            return False
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
            return opened.execute("select 1 from sqlite_master where name = 'account'").fetchone() is not None

    def start(self):
        self.dino = subprocess.Popen(["dino-im"], stdout=2)

    def quit(self):
        """As from its menu."""
        what = GLib.Variant("(sava{sv})", ("quit", [], {}))
        session = Gio.bus_get_sync(Gio.BusType.SESSION)
        session.call_sync("im.dino.Dino", "/im/dino/Dino", "org.gtk.Actions", "Activate", what, None, 0, 10000)
        self.dino.wait(20)

    def open(self, uri):
        subprocess.run(["dino-im", uri], stdout=2, timeout=60)

    def texts(self):
        return [text for node in self.nodes() if (text := self.tree.text(node)).strip()]


    def press(self, text):
        """A click on what has this text."""
        until(lambda: any(self.tree.text(node) == text and self.click(node) for node in self.nodes()), "button " + text)

    def say(self, text):
        """Letters of an American keyboard: for others the keyboard would have to change under the hands."""
        until(lambda: any(self.tree.name(node) == "GtkTextView" and self.click(node) for node in self.nodes()), "place to write")
        subprocess.run(["xdotool", "type", "--delay", "20", text], check=True, timeout=60)
        subprocess.run(["xdotool", "key", "Return"], check=True, timeout=60)

    def nodes(self):
        self.tree = self.tree or Tree()
        return self.tree.walk()

    def click(self, node):
        """In its middle. Without a window manager all windows begin in the corner of the screen."""
        (x, y, width, height) = self.tree.extents(node)
        if width > 0:
            middle = [str(x + width // 2), str(y + height // 2)]
            subprocess.run(["xdotool", "mousemove", *middle, "click", "1"], check=True, timeout=60)
        return width > 0

    def picture(self, path):
        Gdk.init([])
        window = Gdk.get_default_root_window()
        Gdk.pixbuf_get_from_window(window, 0, 0, window.get_width(), window.get_height()).savev(path, "png", [], [])


orders = Orders()
try:
    for line in sys.stdin:
        order = json.loads(line)
        call = {key: value for key, value in order.items() if key not in ("id", "do")}
        try:
            put({"id": order["id"], "value": getattr(orders, order["do"])(**call)})
        except Exception as error:
            put({"id": order["id"], "error": f"{type(error).__name__}: {error}"})
finally:
    for process in (orders.dino, screen, bus):
        if process:
            process.terminate()
            process.wait(20)
