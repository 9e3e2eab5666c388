// One direction of a link between two servers, as something outside of both: a TCP proxy that can be cut, can fall silent
// without closing, and heals. Servers are told its port in place of the other's (`s2s_routes`).
import { connect, createServer } from 'node:net'

/** @typedef {'open' | 'cut' | 'silent'} LinkState */

export class Link {
  /** @type {LinkState} */
  state = 'open'
  /** Bytes that came out at the other end, both ways. */
  bytes = 0
  /** Bytes that went in and never came out. */
  swallowed = 0
  /** Connections that were opened through it, and those that it refused. */
  opened = 0
  refused = 0
  #server = createServer((socket) => this.#accept(socket))
  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set()
  #target = 0

  /** @returns {Promise<Link>} listening on a port of 127.0.0.1 that was free */
  static async open() {
    const link = new Link()
    await link.listen()
    return link
  }

  /** @returns {Promise<void>} */
  listen() {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', () => resolve())
    })
  }

  /** @returns {number} */
  get port() {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /**
   * Where connections lead from now on.
   * @param {number} port of 127.0.0.1
   */
  to(port) {
    this.#target = port
  }

  /** Connections are reset, and so are new ones. */
  cut() {
    this.state = 'cut'
    this.#reset()
  }

  /** Whatever is sent disappears; nobody is told. New connections are accepted, and hear nothing either. */
  hang() {
    this.state = 'silent'
  }

  /** New connections get through. One that lost bytes meanwhile cannot go on: it is reset. */
  heal() {
    if (this.state === 'silent') this.#reset()
    this.state = 'open'
  }

  /** @returns {Promise<void>} */
  close() {
    this.#reset()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #reset() {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** @param {import('node:net').Socket} socket */
  #accept(socket) {
    this.#keep(socket)
    if (this.state === 'cut' || this.#target === 0) {
      this.refused++
      socket.resetAndDestroy()
    } else if (this.state === 'silent') {
      socket.on('data', (chunk) => this.#swallow(chunk))
    } else {
      this.opened++
      const onward = connect(this.#target, '127.0.0.1')
      this.#keep(onward)
      this.join(socket, onward)
    }
  }

  /**
   * Carries bytes between the two ends of a new connection.
   * @param {import('node:net').Socket} near the end that connected
   * @param {import('node:net').Socket} far
   */
  join(near, far) {
    this.carry(near, far)
    this.carry(far, near)
  }

  /**
   * @param {import('node:stream').Duplex} from
   * @param {import('node:stream').Duplex} to
   * @param {(chunk: Buffer) => Buffer | string} [through] sees and changes what passes
   */
  carry(from, to, through = (chunk) => chunk) {
    from.on('data', (chunk) => {
      if (this.state === 'silent') return this.#swallow(chunk)
      this.bytes += chunk.length
      if (!to.write(through(chunk))) {
        from.pause()
        to.once('drain', () => from.resume())
      }
    })
    from.on('end', () => this.state !== 'silent' && to.end())
    from.on('close', () => this.state !== 'silent' && to.destroy())
    from.on('error', () => {})
  }

  /** @param {Buffer} chunk */
  #swallow(chunk) {
    this.swallowed += chunk.length
  }

  /** @param {import('node:net').Socket} socket */
  #keep(socket) {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
