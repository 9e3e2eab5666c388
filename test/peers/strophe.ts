/** Strophe.js as it is used: by a web page, of another origin than the server's. One client for each page. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import type { Element } from '../../src/xml/element.js'
import { parse } from '../support/xml-match.js'
import { until } from './until.js'

const script = readFileSync(new URL('../../node_modules/strophe.js/dist/strophe.umd.min.js', import.meta.url))

/** Serves an empty page with Strophe.js on it. On localhost, which browsers count as secure, so that SCRAM has its cryptography. */
export async function stropheSite(): Promise<{ readonly address: string; close(): void }> {
  const site = createServer((request, response) => {
    const [type, body] =
      request.url === '/'
        ? ['text/html', '<!doctype html><script src="strophe.js"></script>']
        : ['text/javascript', script]
    response.setHeader('Content-Type', type).end(body)
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const { port } = site.address() as AddressInfo
  return {
    address: `http://localhost:${port}/`,
    close() {
      site.close()
      site.closeAllConnections()
    },
  }
}

export class Strophe {
  /** Messages, presence and IQs that nobody has waited for yet. */
  readonly #stanzas: Element[] = []
  /** What it has sent. */
  readonly sent: Element[] = []
  /** Names of `Strophe.Status`, in order. */
  readonly statuses: string[] = []
  readonly #page: Page

  private constructor(page: Page) {
    this.#page = page
  }

  /** On the page at this address. */
  static async open(browser: Browser, address: string): Promise<Strophe> {
    const page = await (await browser.newContext()).newPage()
    const strophe = new Strophe(page)
    await page.exposeFunction('cameIn', (text: string) => strophe.#stanzas.push(...stanzas(text)))
    await page.exposeFunction('wentOut', (text: string) => strophe.sent.push(...stanzas(text)))
    await page.exposeFunction('turned', (status: string) => strophe.statuses.push(status))
    await page.goto(address)
    return strophe
  }

  /** Begins a login, with stream management over WebSocket; resolves with its last status: `CONNECTED` or another end. */
  async login(service: string, jid: string, password: string): Promise<string> {
    await this.#run(`
      const connection = globalThis.connection = new Strophe.Connection(${JSON.stringify(service)}, { enableStreamManagement: true })
      const serialize = (element) => new XMLSerializer().serializeToString(element)
      connection.xmlInput = (element) => cameIn(serialize(element))
      connection.xmlOutput = (element) => wentOut(serialize(element))
      globalThis.connects = () => connection.connect(${JSON.stringify(jid)}, ${JSON.stringify(password)}, (status) =>
        turned(Object.keys(Strophe.Status).find((name) => Strophe.Status[name] === status)))
      connects()`)
    return this.settles()
  }

  /** Resolves with the status that an attempt to connect has come to. */
  async settles(): Promise<string> {
    const ends = ['CONNECTED', 'AUTHFAIL', 'CONNFAIL', 'DISCONNECTED']
    await until(
      () => ends.includes(this.statuses.at(-1) ?? ''),
      () => `the login; it went by ${this.statuses}`,
      60_000,
    )
    return this.statuses.at(-1)!
  }

  async send(stanza: string): Promise<void> {
    await this.#run(`connection.send(Strophe.toElement(${JSON.stringify(stanza)}))`)
  }

  /** The answer to an IQ. */
  async asks(iq: string, id: string): Promise<Element> {
    await this.send(iq)
    return this.next(({ name, attrs }) => name === 'iq' && attrs.id === id)
  }

  /** The connection is gone, and the stream was not closed; then it connects again. True if the session was resumed. */
  async loses(meanwhile: () => Promise<void>): Promise<boolean> {
    const before = this.statuses.length
    await this.#run('connection._proto.socket.close()')
    await until(
      () => this.statuses.slice(before).includes('DISCONNECTED'),
      () => `the end of the connection; it went by ${this.statuses}`,
      60_000,
    )
    await meanwhile()
    await this.#run('turned("RECONNECTS").then(() => connects())')
    await this.settles()
    return (await this.#page.evaluate('connection.hasResumed()')) as boolean
  }

  /** The next stanza that fits; what came before it stays. */
  async next(fits: (stanza: Element) => boolean): Promise<Element> {
    const found = (): number => this.#stanzas.findIndex(fits)
    await until(
      () => found() !== -1,
      () => `a stanza; there were:\n${this.#stanzas.join('\n')}`,
      60_000,
    )
    return this.#stanzas.splice(found(), 1)[0]!
  }

  hears(body: string): Promise<Element> {
    return this.next((stanza) => stanza.name === 'message' && stanza.getChildText('body') === body)
  }

  sees(from: string, type?: string): Promise<Element> {
    return this.next(({ name, attrs }) => name === 'presence' && attrs.from === from && attrs.type === type)
  }

  async close(): Promise<void> {
    await this.#page.context().close()
  }

  async #run(code: string): Promise<void> {
    await this.#page.evaluate(`(() => { ${code} })()`)
  }
}

/** The elements of a WebSocket's frame or within a BOSH body. */
function stanzas(text: string): readonly Element[] {
  const whole = parse(text)
  return whole.name === 'body' ? whole.getChildElements() : [whole]
}
