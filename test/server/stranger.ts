import { connect, type Socket } from 'node:net'
import { until } from './s2s-peer.js'

/** A bare socket that claims to be a server. */
export class Stranger {
  text = ''
  closed = false
  readonly #socket: Socket

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => {
      this.text += chunk
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.closed = true
    })
  }

  say(text: string): void {
    this.#socket.write(text)
  }

  /** Resolves to the id of the stream. */
  async hello(from: string, to: string): Promise<string> {
    this.say(
      `<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' ` +
        `xmlns:stream='http://etherx.jabber.org/streams' from='${from}' to='${to}' version='1.0'>`,
    )
    await until(() => this.text.includes('</stream:features>'), 'the features')
    return / id='([^']*)'/.exec(this.text)![1]!
  }

  end(): void {
    this.#socket.destroy()
  }
}
