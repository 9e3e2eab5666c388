/**
 * What is looked at, with the parts that its memory is divided among (heap.mjs). `base` units stand at the first look, twice as many at the
 * second: what is shared is in both. Where snapshots are taken they are `snapshotBase`. They are more than the caches take, so that what is bounded does not count.
 */

const socket = {
  name: "Node's sockets",
  classes: ['Socket', 'TLSSocket', 'TLSWrap', 'TCP', 'Node / TLSWrap', 'Node / TCPWrap'],
}
const session = [
  socket,
  { name: 'transport', classes: ['TcpTransport'] },
  { name: 'XML reader', classes: ['XmlReader'] },
  { name: 'stream', classes: ['ClientStream', 'Stream', 'Authentication'] },
  { name: 'connection', classes: ['ClientConnection'] },
  { name: 'session: presence, what modules know', properties: ['#session', 'session'] },
  { name: 'outbox: what is not acknowledged', classes: ['ClientOutbox'] },
  { name: 'account: roster, lists', classes: ['AccountEntry'] },
]
const room = [
  { name: 'the room and its helpers', classes: ['LiveRoom'] },
  { name: 'replica: versions, keys, configuration', properties: ['replica', '#saved', 'durable'] },
  { name: 'occupants', properties: ['occupants', 'indexes'] },
  { name: 'register', properties: ['register'] },
  { name: 'history', properties: ['history'] },
  { name: 'what waits for the disk', classes: ['RoomOutput', 'CommitQueue'] },
  {
    name: 'presence and history as they were shown',
    classes: ['Recent', 'Rendered'],
    properties: ['kept', 'presences'],
  },
  { name: 'sessions: that they are in the room', classes: ['ClientOutbox'] },
]

export const subjects = [
  {
    name: 'idle-session',
    title: 'An idle session: TLS, SCRAM, presence sent, no contacts',
    load: 'idleSessions',
    base: 1500,
    snapshotBase: 500,
    settings: { tls: true, scram: true },
    parts: session,
    note: `What it has outside of the heap was counted once, block by block, by a malloc of our own in 1,500 sessions (2026-11-23): 18,450 bytes. OpenSSL has
some 14,700 of them: the connection 7,608, its two ciphers 1,920, the session and the one kept for its ticket 1,900, the rest in small
blocks for keys, digests and what the handshake offered. Node has two buffers of 1,072 for what is encrypted and 872 for the socket; slices of
Node's shared buffers take 550. All that could be spared has been: Node would have two buffers more, of 16 and of 64 KiB
(\`src/net/tls-write-length.ts\`, \`src/net/first-bytes.ts\`). The last rows vary by some thousand bytes from run to run, with the pages that V8
has not given back.`,
  },
  {
    name: 'busy-session',
    title:
      'A busy session: TLS, stream management, a message to the next always on its way, and one from the one before',
    load: 'busySessions',
    base: 600,
    snapshotBase: 300,
    settings: { tls: true, scram: true, messages: 30 },
    parts: session,
  },
  {
    name: 'idle-room',
    title: 'An idle room: two are in it, nothing was said',
    load: 'idleRooms',
    base: 2000,
    settings: { n: 40 },
    parts: room,
  },
  {
    name: 'loaded-room',
    title: 'A loaded room: 20 are in it, 25 messages of 100 characters are in its history',
    load: 'loadedRooms',
    base: 220,
    settings: { n: 40 },
    parts: room,
  },
]
