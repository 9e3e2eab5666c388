/**
 * One client of a load: from the connection to the bound session by string search, then every piece of text to `heard`. It
 * understands no XML, so that it costs little beside the server.
 */
import { connect } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { scramSha1 } from './scram.mjs'

/** All plain sockets read into one buffer: what was read is dealt with before the next read. */
const shared = Buffer.allocUnsafe(256 * 1024)

/** One for all: to make one takes longer than a handshake. */
const secureContext = createSecureContext()

const base64 = (text) => Buffer.from(text).toString('base64')
const sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"

const header = (domain) =>
  `<?xml version='1.0'?><stream:stream to='${domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`

export class Client {
  /** @type {(text: string) => void} gets what comes in after binding */
  heard = () => {}
  #socket
  #text = ''
  #step
  #resolve
  #reject
  #exchange

  /**
   * `scram`: SCRAM-SHA-1 where it is offered, otherwise PLAIN.
   *
   * @param {{ host: string, port: number, domain: string, user: string, password: string, tls: boolean, scram: boolean }} options
   */
  constructor(options) {
    this.options = options
  }

  /** Resolves when the client is online: bound, and its presence sent. */
  login() {
    const { host, port, domain, tls } = this.options
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#step = tls ? this.#startTls : this.#authenticate
      const onread = { buffer: shared, callback: (length, buffer) => this.#read(buffer.latin1Slice(0, length)) }
      this.#socket = connect({ host, port, noDelay: true, ...(tls ? {} : { onread }) })
      this.#watch(this.#socket)
      if (tls) this.#socket.on('data', this.#onData)
      this.#socket.once('connect', () => this.send(header(domain)))
    })
  }

  send(text) {
    this.#socket.write(text, 'latin1')
  }

  /** Ends the connection without a word. */
  destroy() {
    this.#reject = () => {}
    this.#socket.destroy()
  }

  #watch(socket) {
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', () => this.#failed(new Error('the server closed the connection')))
  }

  #onData = (chunk) => this.#read(chunk.latin1Slice())

  #read(text) {
    if (this.#step === undefined) this.heard(text)
    else {
      this.#text += text
      this.#step()
    }
    return true
  }

  #failed(error) {
    this.#reject(new Error(`${this.options.user}: ${error.message} ${this.#text.slice(0, 300)}`, { cause: error }))
  }

  /** What came so far, once it holds `end`; what is left of it belongs to nobody. */
  #until(end) {
    const text = this.#text
    if (!text.includes(end)) return undefined
    this.#text = ''
    return text
  }

  #startTls() {
    if (this.#until('</stream:features>') === undefined) return
    this.#step = this.#proceed
    this.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
  }

  #proceed() {
    if (this.#until('<proceed') === undefined) return
    this.#socket.removeListener('data', this.#onData)
    this.#socket = connectTls({
      socket: this.#socket,
      servername: this.options.domain,
      secureContext,
      rejectUnauthorized: false,
    })
    this.#watch(this.#socket)
    this.#socket.on('data', this.#onData)
    this.#step = this.#authenticate
    this.#socket.once('secureConnect', () => this.send(header(this.options.domain)))
  }

  #authenticate() {
    const features = this.#until('</stream:features>')
    if (features === undefined) return
    const { user, password, scram } = this.options
    if (scram && features.includes('>SCRAM-SHA-1<')) {
      this.#step = this.#prove
      this.#exchange = scramSha1(user, password)
      this.send(`<auth ${sasl} mechanism='SCRAM-SHA-1'>${base64(this.#exchange.first)}</auth>`)
    } else {
      this.#step = this.#restart
      this.send(`<auth ${sasl} mechanism='PLAIN'>${base64(`\0${user}\0${password}`)}</auth>`)
    }
  }

  #prove() {
    if (this.#text.includes('<failure')) return this.#failed(new Error('the login was refused'))
    const text = this.#until('</challenge>')
    if (text === undefined) return
    this.#step = this.#restart
    const challenge = Buffer.from(/>([^<]*)<\/challenge>/.exec(text)[1], 'base64').toString()
    this.send(`<response ${sasl}>${base64(this.#exchange.last(challenge))}</response>`)
  }

  #restart() {
    if (this.#text.includes('<failure')) return this.#failed(new Error('the login was refused'))
    if (this.#until('<success') === undefined) return
    this.#step = this.#bind
    this.send(header(this.options.domain))
  }

  #bind() {
    if (this.#until('</stream:features>') === undefined) return
    this.#step = this.#bound
    this.send(
      "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
    )
  }

  #bound() {
    const text = this.#until('</iq>')
    if (text === undefined) return
    if (!text.includes('</jid>')) return this.#failed(new Error(`no resource was bound: ${text}`))
    this.#step = undefined
    this.send('<presence/>')
    this.#resolve(this)
  }
}
