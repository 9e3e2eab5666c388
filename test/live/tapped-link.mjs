// A link whose carrier reads along and meddles. With dialback alone (`s2s_secure_auth = false`) nothing ties TLS to the
// peer's domain, so it can end the TLS of one side, begin its own to the other, and see every stanza. Tests use it to lose
// or repeat a stanza between two servers that know nothing of it.
import { createHash } from 'node:crypto'
import { connect, TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { Link } from './link.mjs'

/** Changes what either side says; text is one byte a character. @typedef {(text: string) => string} Meddle */

export class TappedLink extends Link {
  /** @type {Meddle} */
  meddle = (text) => text
  /** How often it changed something. */
  meddled = 0
  #pair

  /** @param {{ private: string, cert: string }} pair */
  constructor(pair) {
    super()
    this.#pair = pair
  }

  /** @returns {Promise<TappedLink>} */
  static async open() {
    const extensions = [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'carrier.example' }] }]
    const options = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256', extensions }
    const pair = await generate([{ name: 'commonName', value: 'carrier.example' }], options)
    const link = new TappedLink(pair)
    await link.listen()
    return link
  }

  /**
   * @override
   * @param {import('node:net').Socket} near
   * @param {import('node:net').Socket} far
   */
  join(near, far) {
    this.carry(near, far)
    this.carry(far, near, (chunk) => {
      if (chunk.includes('<proceed')) setImmediate(() => this.#secure(near, far))
      return chunk
    })
  }

  /** @param {import('node:net').Socket} near @param {import('node:net').Socket} far */
  #secure(near, far) {
    for (const socket of [near, far]) socket.removeAllListeners('data')
    const { private: key, cert } = this.#pair
    const nearTls = new TLSSocket(near, { isServer: true, key, cert })
    const farTls = connect({ socket: far, rejectUnauthorized: false })
    this.carry(farTls, nearTls, this.#reader())
    this.carry(nearTls, farTls, this.#reader())
  }

  /** Of one direction. A stanza may come in several records: it is read when it is whole. */
  #reader() {
    let held = ''
    return (/** @type {Buffer} */ chunk) => {
      const before = held + chunk.toString('latin1')
      held = isCut(before) ? before : ''
      if (held !== '') return Buffer.alloc(0)
      const after = this.meddle(before)
      if (after !== before) this.meddled++
      return Buffer.from(after, 'latin1')
    }
  }
}

/** Does it end within a tag, or within a message or IQ? @param {string} text */
const isCut = (text) =>
  text.lastIndexOf('<') > text.lastIndexOf('>') ||
  ['message', 'iq'].some((name) => {
    const start = text.lastIndexOf(`<${name} `)
    const end = text.indexOf('>', start)
    return start >= 0 && text[end - 1] !== '/' && text.indexOf(`</${name}>`, start) < 0
  })

/** The relayed message with `body` never arrives; neither does an answer that holds it, to who missed it. @param {string} body @returns {Meddle} */
export const losing = (body) => (text) =>
  [stanzaWith('message', body), stanzaWith('iq', body)].reduce((left, stanza) => left.replace(stanza, ''), text)

/** It arrives twice, word for word. @param {string} body @returns {Meddle} */
export const repeating = (body) => (text) => text.replace(messageWith(body), (stanza) => stanza + stanza)

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('base64url')

/**
 * It arrives a second time as if it were the next event of its origin, which follows on it (docs/dmuc-sync.md §7). Nobody but the origin can
 * sign that. @param {string} body @returns {Meddle}
 */
export const forging = (body) => (text) =>
  text.replace(messageWith(body), (stanza) => {
    /** @param {string} name */
    const of = (name) => new RegExp(`<event [^>]*\\b${name}=(['"])(.*?)\\1`).exec(stanza)?.[2]
    const link = sha256(['seq', 'stamp', 'epoch', 'revision', 'digest'].map(of).join(' '))
    const next = stanza
      .replace(/\bseq=(['"])(\d+)/, (_, quote, seq) => `seq=${quote}${Number(seq) + 1}`)
      .replace(/\bprev=(['"])(.*?)\1/, (_, quote, prev) => `prev=${quote}${sha256(`${prev} ${link}`)}${quote}`)
    return stanza + next
  })

/** @param {'message' | 'iq'} name @param {string} body plain words */
const stanzaWith = (name, body) =>
  new RegExp(`<${name} (?:(?!</${name}>).)*<body>${body}</body>(?:(?!</${name}>).)*</${name}>`, 'gs')

/** @param {string} body */
const messageWith = (body) => stanzaWith('message', body)
