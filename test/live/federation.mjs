// Several servers that know each other, each by way of a link of its own to each of the others, and rooms on all of them.
import { xml } from '@xmpp/client'
import { Link } from './link.mjs'
import { Person } from './person.mjs'
import { LiveServer } from './server.mjs'
import { until } from './until.mjs'

/**
 * Where the servers are, if not all on loopback with links between them.
 * @typedef {object} Place
 * @property {(name: string) => string} address at which the others find a server
 * @property {(name: string) => readonly string[]} within a command that runs the rest of its line there
 * @property {(name: string, ports: import('./server.mjs').Ports) => Promise<import('./server.mjs').Ports>} reach ports of 127.0.0.1 here
 *   that lead to those of 127.0.0.1 there
 *
 * @typedef {object} Options
 * @property {string} [dmuc] lines for `[dmuc]` in every configuration
 * @property {(from: string, to: string) => Promise<Link>} [link] makes a link that is more than a link
 * @property {Place} [place]
 */

export class Federation {
  /** @type {Map<string, LiveServer>} */
  #servers = new Map()
  /** `from to`. @type {Map<string, Link>} */
  #links = new Map()
  /** @type {Person[]} */
  people = []

  /** @type {Place | undefined} */
  #place

  /** @param {readonly string[]} names such as `a`, which is then `a.example` with rooms at `rooms.a.example` */
  constructor(names) {
    this.names = names
  }

  /**
   * All servers, ready.
   * @param {readonly string[]} names
   * @param {Options} [options]
   */
  static async start(names, { dmuc = '', link = () => Link.open(), place } = {}) {
    const federation = new Federation(names)
    federation.#place = place
    try {
      for (const from of place === undefined ? names : [])
        for (const to of names) if (from !== to) federation.#links.set(`${from} ${to}`, await link(from, to))
      for (const name of names)
        federation.#servers.set(
          name,
          new LiveServer(domainOf(name), federation.#config(name, dmuc), place?.within(name)),
        )
      await Promise.all(names.map((name) => federation.startServer(name)))
      return federation
    } catch (error) {
      await federation.remove()
      throw error
    }
  }

  /** @param {string} name @param {string} dmuc */
  #config(name, dmuc) {
    const others = this.names.filter((other) => other !== name)
    const place = this.#place
    const at = (/** @type {string} */ other) =>
      place === undefined ? `127.0.0.1:${this.link(name, other).port}` : `${place.address(other)}:5269`
    const routes = others.flatMap((other) =>
      [domainOf(other), roomsOf(other)].map((domain) => `"${domain}" = "${at(other)}"`),
    )
    const interfaces = ['127.0.0.1', ...(place === undefined ? [] : [place.address(name)])]
    return `data_path = "data"
certificates = "certs"
interfaces = ${JSON.stringify(interfaces)}
c2s_ports = []
c2s_direct_tls_ports = [0]
s2s_ports = [${place === undefined ? 0 : 5269}]
http_ports = []
s2s_secure_auth = false
[virtual_host."${domainOf(name)}"]
[component."${roomsOf(name)}"]
type = "muc"
[s2s_routes]
${routes.join('\n')}
[dmuc]
allow = [${others.map((other) => `"${roomsOf(other)}"`).join(', ')}]
${dmuc}
[first_start]
self_signed = true
`
  }

  /** @param {string} name */
  server(name) {
    const server = this.#servers.get(name)
    if (server === undefined) throw new Error(`there is no server ${name}`)
    return server
  }

  /** @param {string} from @param {string} to */
  link(from, to) {
    const link = this.#links.get(`${from} ${to}`)
    if (link === undefined) throw new Error(`there is no link from ${from} to ${to}`)
    return link
  }

  /** Again, or for the first time: the links lead to the port that it has now. @param {string} name */
  async startServer(name) {
    const server = this.server(name)
    await server.start()
    if (this.#place !== undefined) {
      server.ports = await this.#place.reach(name, server.ports)
      return
    }
    for (const other of this.names) if (other !== name) this.link(other, name).to(server.ports.s2s)
  }

  /** Both directions. @param {string} one @param {string} other */
  both(one, other) {
    return [this.link(one, other), this.link(other, one)]
  }

  /**
   * @param {string} at the server
   * @param {string} name
   */
  async addUser(at, name) {
    await this.server(at).addUser(`${name}@${domainOf(at)}`, passwordOf(name))
  }

  /**
   * @param {string} at the server
   * @param {string} name
   * @param {string} [resource]
   */
  async login(at, name, resource) {
    const options = { server: this.server(at), name, password: passwordOf(name) }
    const person = await Person.login(resource === undefined ? options : { ...options, resource })
    this.people.push(person)
    return person
  }

  /**
   * Makes a room through the configuration form, as its owner, and waits until all servers have it.
   * @param {Person} owner
   * @param {string} at the owner's server, which becomes the source
   * @param {string} localpart
   */
  async distribute(owner, at, localpart) {
    const room = roomAt(localpart, at)
    const others = this.names.filter((name) => name !== at)
    await owner.join(room)
    await owner.ask('set', room, configForm(others.map(roomsOf)))
    await until(
      () => others.every((name) => owner.heard.some(({ body }) => body.startsWith(`${roomsOf(name)} holds this room`))),
      () => `the peers to accept; the owner heard: ${owner.heard.map(({ body }) => body).join('; ')}`,
    )
    for (const name of others) await this.#shadowed(owner, roomAt(localpart, name))
  }

  /** A shadow shows itself when it has the configuration and the roster. @param {Person} asker @param {string} room */
  async #shadowed(asker, room) {
    const info = () => asker.ask('get', room, xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' }))
    let open = false
    let asking = false
    const look = () => {
      if (asking) return open
      asking = true
      info().then(
        () => {
          open = true
        },
        () => {
          asking = false
        },
      )
      return open
    }
    await until(look, `${room} to be there`)
  }

  /**
   * Waits until servers hold the same of a room; resolves to its digest (`dmucctl room digest`). One that does not have the room yet is
   * waited for, too.
   * @param {string} localpart
   * @param {readonly string[]} names
   * @param {number} [withinMs]
   * @returns {Promise<string>}
   */
  async converged(localpart, names = this.names, withinMs = 120_000) {
    const end = performance.now() + withinMs
    for (;;) {
      /** @type {Record<string, string>[]} */
      const digests = await Promise.all(
        names.map(async (name) =>
          JSON.parse(
            await this.server(name)
              .dmucctl(['room', 'digest', roomAt(localpart, name), '--json'])
              .catch(() => '{"whole":"none"}'),
          ),
        ),
      )
      const [first = {}, ...others] = digests
      const differing = Object.keys(first).filter((part) => others.some((other) => other[part] !== first[part]))
      if (first.whole === 'none') differing.push('everything')
      if (differing.length === 0) return first.whole ?? ''
      if (performance.now() > end) throw new Error(`${names} did not converge: they differ in ${differing}`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }

  /** Everybody leaves, every server stops in order; rejects when one does not. Nothing is left. */
  async stop() {
    try {
      await Promise.all(this.people.map((person) => person.stop()))
      await Promise.all([...this.#servers.values()].map((server) => server.stop()))
    } finally {
      await this.remove()
    }
  }

  /** Ends everything at once, in whatever state. */
  async remove() {
    for (const person of this.people) person.drop()
    await Promise.all([...this.#servers.values()].map((server) => server.remove()))
    await Promise.all([...this.#links.values()].map((link) => link.close()))
  }
}

export const domainOf = (/** @type {string} */ name) => `${name}.example`
export const roomsOf = (/** @type {string} */ name) => `rooms.${name}.example`
export const roomAt = (/** @type {string} */ localpart, /** @type {string} */ name) => `${localpart}@${roomsOf(name)}`
const passwordOf = (/** @type {string} */ name) => `${name}'s secret`

/** @param {readonly string[]} peers */
function configForm(peers) {
  const field = (/** @type {string} */ name, /** @type {readonly string[]} */ ...values) =>
    xml('field', { var: name }, ...values.map((value) => xml('value', {}, value)))
  return xml(
    'query',
    { xmlns: 'http://jabber.org/protocol/muc#owner' },
    xml(
      'x',
      { xmlns: 'jabber:x:data', type: 'submit' },
      field('FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig'),
      field('muc#roomconfig_persistentroom', '1'),
      field('muc#maxhistoryfetch', '200'),
      field('muc#roomconfig_distributed', 'true'),
      field('{urn:xmpp:dmuc-sync:0}peers', ...peers),
    ),
  )
}
