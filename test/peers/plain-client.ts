/** The smallest client that can chat: plain TCP and SASL PLAIN on loopback, for tests whose subject is something else. */
import { connect, type Socket } from 'node:net'
import type { Element } from '../../src/xml/element.js'
import { XmlReader } from '../../src/xml/reader.js'

const limits = { stanzaBytes: 1024 * 1024, depth: 64, attributes: 100 }

export class PlainClient {
  readonly #socket: Socket
  readonly #domain: string
  #reader: XmlReader
  readonly #elements: Element[] = []
  #closed = false
  #answer: (element: Element) => string | undefined = () => undefined

  private constructor(socket: Socket, domain: string) {
    this.#socket = socket
    this.#domain = domain
    this.#reader = this.#newReader()
    socket.on('data', (chunk) => this.#reader.write(chunk))
    socket.on('close', () => {
      this.#closed = true
    })
    socket.on('error', () => {})
  }

  /** Bound as `user@domain/resource`. Rejects when a step is refused. */
  static async login(
    port: number,
    domain: string,
    user: string,
    password: string,
    resource = 'test',
  ): Promise<PlainClient> {
    const socket = connect(port, '127.0.0.1')
    const client = new PlainClient(socket, domain)
    client.#open()
    await client.next((element) => element.name === 'features')
    client.send(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${btoa(`\0${user}\0${password}`)}</auth>`,
    )
    await client.next((element) => element.name === 'success')
    client.#open()
    await client.next((element) => element.name === 'features')
    client.send(
      `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
    )
    await client.next((element) => element.attrs.id === 'bind' && element.attrs.type === 'result')
    return client
  }

  send(text: string): void {
    this.#socket.write(text)
  }

  /** From now on what has an answer is answered at once, and `next` does not see it. */
  answering(answer: (element: Element) => string | undefined): void {
    this.#answer = answer
  }

  /** The next element that fits; what came before it is dropped. Rejects after 60 s. */
  async next(fits: (element: Element) => boolean): Promise<Element> {
    const end = Date.now() + 60_000
    for (;;) {
      const found = this.#elements.findIndex(fits)
      if (found !== -1) return this.#elements.splice(0, found + 1)[found]!
      if (this.#closed) throw new Error(`the connection was closed; got ${this.#elements.join(' ')}`)
      if (Date.now() > end) throw new Error(`waited 60 s in vain; got ${this.#elements.join(' ')}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  close(): void {
    this.#socket.end('</stream:stream>')
    this.#socket.destroySoon()
  }

  #open(): void {
    this.#reader = this.#newReader()
    this.#socket.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${this.#domain}' version='1.0'>`,
    )
  }

  #newReader(): XmlReader {
    return new XmlReader(
      {
        open: () => {},
        element: (element) => {
          const answer = this.#answer(element)
          if (answer === undefined) this.#elements.push(element)
          else this.send(answer)
        },
        close: () => {},
        error: (error) => this.#socket.destroy(error),
      },
      limits,
    )
  }
}
