// Somebody with a client that we did not write (@xmpp/client): logs in with SCRAM over TLS, trusting the server's own
// certificate and no other; enters rooms, says things, and keeps a record of what it heard and of what was acknowledged.
// TLS is from the first byte (XEP-0368), where this client can be told whom to trust.
import { EventEmitter } from 'node:events'
import { client, xml } from '@xmpp/client'
import { WebSocket } from 'ws'
import { patienceMs, until } from './until.mjs'

// The client wants it at its start, and Node 20 has none of its own.
globalThis.WebSocket ??= /** @type {typeof globalThis.WebSocket} */ (/** @type {unknown} */ (WebSocket))

const ns = {
  muc: 'http://jabber.org/protocol/muc',
  mucUser: 'http://jabber.org/protocol/muc#user',
  delay: 'urn:xmpp:delay',
  stanzaId: 'urn:xmpp:sid:0',
}

/**
 * @typedef {object} Heard a groupchat message with a body
 * @property {string} room bare JID
 * @property {string} from the nick; empty: the room itself
 * @property {string} body
 * @property {string | undefined} id
 * @property {string | undefined} stanzaId given by this room
 * @property {string | undefined} delay when it was said, if not now
 */

/**
 * @typedef {object} Said
 * @property {string} by the nick
 * @property {string} room
 * @property {string} id
 * @property {string} body
 * @property {boolean} acknowledged the sender saw its own reflection
 */

/**
 * Emits `heard` (Heard), `came` and `went` ({ room, nick, codes, to }; `to` is the new nick of who is renamed).
 */
export class Person extends EventEmitter {
  /** @type {Heard[]} */
  heard = []
  /** @type {Said[]} */
  said = []
  /** Other messages: their bodies and who sent them. @type {{ from: string, body: string, delay: string | undefined }[]} */
  mail = []
  /** Who is in a room, by its bare JID. @type {Map<string, Set<string>>} */
  present = new Map()
  /** Errors that came back, and those of the stream. @type {string[]} */
  errors = []
  connected = false
  /** @type {Map<string, Said>} */
  #unacknowledged = new Map()
  #entity
  #serial = 0

  /**
   * @param {{ server: import('./server.mjs').LiveServer, name: string, password: string, resource?: string }} options
   *   `name` is the account's and the nick
   */
  constructor({ server, name, password, resource = 'home' }) {
    super()
    const { domain } = server
    this.name = name
    this.jid = `${name}@${domain}`
    this.entity = client({
      service: `xmpps://127.0.0.1:${server.ports.c2sDirectTls}`,
      domain,
      username: name,
      password,
      resource,
      timeout: patienceMs,
    })
    this.#entity = this.entity
    const ca = server.certificate
    this.#entity.socketParameters = () => ({
      host: '127.0.0.1',
      port: server.ports.c2sDirectTls,
      servername: domain,
      ca,
    })
    this.#entity.reconnect.stop()
    this.#entity.on('error', (error) => this.errors.push(String(error)))
    this.#entity.on('disconnect', () => {
      this.connected = false
    })
    this.#entity.on('stanza', (stanza) => this.#take(stanza))
  }

  /**
   * Logs in and is available.
   * @param {ConstructorParameters<typeof Person>[0]} options
   */
  static async login(options) {
    const person = new Person(options)
    // COMPAT @xmpp/client waits for an event that may have been before: where the server answers at once, `start` never resolves.
    const online = new Promise((resolve) => person.#entity.once('online', () => resolve(undefined)))
    await Promise.race([online, person.#entity.start()])
    person.connected = true
    // What comes before that it would count, and then forget that it did: it would be sent again.
    await until(
      () => person.#entity.streamManagement.enabled,
      () => `${person.jid} to manage its stream`,
    )
    await person.send(xml('presence'))
    return person
  }

  /** @param {import('ltx').Element} stanza */
  send(stanza) {
    return this.#entity.send(stanza)
  }

  /**
   * @param {'get' | 'set'} type
   * @param {string | undefined} to
   * @param {import('ltx').Element} payload
   * @returns {Promise<import('ltx').Element>} the result; rejects with the error
   */
  ask(type, to, payload) {
    return this.#entity.iqCaller.request(xml('iq', to === undefined ? { type } : { type, to }, payload), patienceMs)
  }

  /**
   * Enters a room; resolves when this person's own presence has come back.
   * @param {string} room bare JID
   * @param {{ maxstanzas?: number, since?: string }} [history]
   */
  async join(room, history = {}) {
    const before = this.errors.length
    this.moves++
    const attrs = Object.fromEntries(Object.entries(history).map(([name, value]) => [name, String(value)]))
    const x = xml('x', { xmlns: ns.muc }, xml('history', attrs))
    await this.send(xml('presence', { to: `${room}/${this.name}` }, x))
    await until(
      () => {
        const error = this.errors.slice(before).find((text) => text.includes(room))
        if (error !== undefined) throw new Error(`${this.jid} may not enter: ${error}`)
        return this.#inside.has(room)
      },
      () => `${this.jid} to enter ${room}`,
    )
  }
  /** Rooms that let us in. @type {Set<string>} */
  #inside = new Set()
  /** How often this person came into a room, was on the way into one, or went out of one. */
  moves = 0

  /** @param {string} room bare JID */
  isIn(room) {
    return this.#inside.has(room)
  }

  /** @param {string} room */
  async leave(room) {
    await this.send(xml('presence', { to: `${room}/${this.name}`, type: 'unavailable' }))
    await until(() => !this.#inside.has(room), `${this.jid} to leave ${room}`)
  }

  /**
   * Says something in a room, without waiting for it to come back.
   * @param {string} room
   * @param {string} body different from everything else that is said
   * @returns {Said}
   */
  say(room, body) {
    this.#serial++
    const said = { by: this.name, room, id: `${this.#serial}`, body, acknowledged: false }
    this.said.push(said)
    this.#unacknowledged.set(said.id, said)
    const message = xml('message', { to: room, type: 'groupchat', id: said.id }, xml('body', {}, body))
    // A connection that has ended under it takes nothing more; then it just stays unacknowledged.
    this.send(message).catch(() => {})
    return said
  }

  /** Said and not yet seen again. */
  get inFlight() {
    return this.#unacknowledged.size
  }

  get acknowledged() {
    return this.said.filter(({ acknowledged }) => acknowledged).length
  }

  /** Everything said so far was seen again. */
  async settled() {
    await until(
      () => this.inFlight === 0,
      () => `${this.jid} to see its own words again (${this.inFlight} not): ${this.errors.join('; ')}`,
    )
  }

  /** Ends the stream in order. */
  async stop() {
    if (this.connected) await this.#entity.stop().catch(() => {})
    this.connected = false
  }

  /** The server is gone, or is to think so: no word more. */
  drop() {
    this.connected = false
    this.#entity.socket?.socket?.destroy()
  }

  /** @param {import('ltx').Element} stanza */
  #take(stanza) {
    const { type, from = '' } = stanza.attrs
    if (type === 'error') this.errors.push(stanza.toString())
    else if (stanza.name === 'presence') this.#takePresence(stanza, from)
    else if (stanza.name === 'message' && type === 'groupchat') this.#takeGroupchat(stanza, from)
    else if (stanza.name === 'message') {
      const body = stanza.getChildText('body')
      if (body !== null) this.mail.push({ from, body, delay: stanza.getChild('delay', ns.delay)?.attrs.stamp })
    }
  }

  /** @param {import('ltx').Element} stanza @param {string} from */
  #takePresence(stanza, from) {
    const x = stanza.getChild('x', ns.mucUser)
    if (x === undefined) return
    const [room, nick] = split(from)
    const codes = x.getChildren('status').map(({ attrs }) => String(attrs.code))
    const gone = stanza.attrs.type === 'unavailable'
    const present = this.present.get(room) ?? new Set()
    this.present.set(room, present)
    if (gone) present.delete(nick)
    else present.add(nick)
    const isIn = this.#inside.has(room)
    if (codes.includes('110') && isIn === gone) {
      this.#inside[gone ? 'delete' : 'add'](room)
      this.moves++
    }
    const to = x.getChild('item')?.attrs.nick
    this.emit(gone ? 'went' : 'came', { room, nick, codes, to })
  }

  /** @param {import('ltx').Element} stanza @param {string} from */
  #takeGroupchat(stanza, from) {
    const body = stanza.getChildText('body')
    if (body === null) return
    const [room, nick] = split(from)
    const { id } = stanza.attrs
    const stanzaId = stanza.getChildren('stanza-id', ns.stanzaId).find(({ attrs }) => attrs.by === room)?.attrs.id
    const delay = stanza.getChild('delay', ns.delay)?.attrs.stamp
    const heard = { room, from: nick, body, id, stanzaId, delay }
    this.heard.push(heard)
    const own = nick === this.name && delay === undefined ? this.#unacknowledged.get(id) : undefined
    if (own !== undefined && own.body === body) {
      own.acknowledged = true
      this.#unacknowledged.delete(id)
    }
    this.emit('heard', heard)
  }
}

/** @param {string} jid @returns {[string, string]} */
function split(jid) {
  const slash = jid.indexOf('/')
  return slash === -1 ? [jid, ''] : [jid.slice(0, slash), jid.slice(slash + 1)]
}
