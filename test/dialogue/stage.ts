/**
 * A live server with clients and peers that speak XML: the stage of the dialogues. No sockets; what reaches a client's
 * outbox, or the way to another domain, is what it receives. On the lines of Prosody's scansion.
 */

import { modules as allModules } from '../../src/modules/index.js'
import type { Module } from '../../src/server/module.js'
import { attest, type PeerProof } from '../../src/server/peer-proof.js'
import { type HostOptions, Server } from '../../src/server/server.js'
import type { Outbox, Session } from '../../src/server/session.js'
import type { Store } from '../../src/store/store.js'
import { ManualClock } from '../../src/util/clock.js'
import type { Logger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { type FailingStore, openFailingStore } from '../support/failing-store.js'
import { Traffic } from '../support/schemas.js'
import { expectXml, mismatch, parse, pretty } from '../support/xml-match.js'

/** Less in a run that is to fail (test/check). */
const patienceMs = Number(process.env.DMUCD_PATIENCE_MS ?? 20_000)

/** Somebody who receives stanzas in order. */
class Listener {
  readonly name: string
  readonly captures: Record<string, string>
  readonly #inbox: Element[] = []
  #wake = (): void => {}

  constructor(name: string, captures: Record<string, string>) {
    this.name = name
    this.captures = captures
  }

  protected hear(stanza: Element): void {
    this.#inbox.push(stanza)
    this.#wake()
  }

  /** The next stanza, whatever it is; fails when none comes. */
  async next(): Promise<Element> {
    const deadline = Date.now() + patienceMs
    while (this.#inbox.length === 0) {
      const arrived = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, Math.max(0, deadline - Date.now()))
      })
      await Promise.race([arrived, late])
      clearTimeout(timer)
      if (this.#inbox.length === 0 && Date.now() >= deadline) throw new Error(`${this.name} received nothing`)
    }
    return this.#inbox.shift() as Element
  }

  /** The next stanza is this one (xml-match.ts). */
  async receives(expected: string): Promise<Element> {
    const stanza = await this.next().catch((error: Error) => {
      throw new Error(`${error.message}, expected\n${expected}`)
    })
    expectXml(stanza, expected, this.captures)
    return stanza
  }

  /** The next stanzas are these, in any order. */
  async receivesAll(...expected: readonly string[]): Promise<void> {
    const missing = [...expected]
    while (missing.length > 0) {
      const stanza = await this.next().catch((error: Error) => {
        throw new Error(`${error.message}, still expected\n${missing.join('\n')}`)
      })
      const found = missing.findIndex((text) => mismatch(stanza, text, this.captures) === undefined)
      if (found === -1)
        throw new Error(`${this.name} received\n${pretty(stanza)}\nexpected one of\n${missing.join('\n')}`)
      missing.splice(found, 1)
    }
  }

  /** Nothing arrived and nothing is under way. */
  async receivesNothing(): Promise<void> {
    await settled()
    const [stanza] = this.#inbox
    if (stanza !== undefined) throw new Error(`${this.name} received\n${pretty(stanza)}\nexpected nothing`)
  }

  /** All that has arrived; forgotten afterwards. */
  async drain(): Promise<readonly Element[]> {
    await settled()
    return this.#inbox.splice(0)
  }

  /** Forgets what has arrived. */
  async clears(): Promise<void> {
    await settled()
    this.#inbox.length = 0
  }
}

export class Client extends Listener {
  readonly #server: Server
  readonly session: Session
  /** The stream error that ended the stream. */
  closed: string | undefined

  constructor(name: string, server: Server, jid: Jid, captures: Record<string, string>) {
    super(name, captures)
    this.#server = server
    const outbox: Outbox = {
      send: (stanza) => this.hear(stanza),
      sendRendered: (rendered, to) => this.hear(parse(rendered.to(to))),
      close: (condition) => {
        this.closed = condition
      },
    }
    this.session = server.clients.bind(jid.bare(), jid.resource, outbox, {
      remoteAddress: '127.0.0.1',
      secure: true,
      streamId: name,
    })
  }

  get jid(): string {
    return this.session.jid.toString()
  }

  /** Settles when the stanza was dealt with; throws what would end the stream. */
  async sends(text: string): Promise<void> {
    await this.#server.clients.receive(this.session, parse(text))
  }

  /** Initial presence, and what comes back of it is forgotten. */
  async comesOnline(priority?: number): Promise<void> {
    await this.sends(priority === undefined ? '<presence/>' : `<presence><priority>${priority}</priority></presence>`)
    await this.clears()
  }

  /** Asks for the roster, so that pushes arrive. */
  async isInterested(): Promise<void> {
    await this.sends("<iq type='get' id='interested'><query xmlns='jabber:iq:roster'/></iq>")
    await this.clears()
  }

  /** The connection is gone. */
  disconnects(): void {
    this.#server.clients.unbind(this.session)
  }
}

/** Another domain. */
export class Peer extends Listener {
  readonly domain: string
  /** How it proves its domain; undefined: not as another server. */
  proof: PeerProof | undefined
  readonly #server: Server
  readonly #traffic: Traffic

  constructor(domain: string, server: Server, captures: Record<string, string>, traffic: Traffic) {
    super(domain, captures)
    this.domain = domain
    this.#server = server
    this.#traffic = traffic
  }

  async sends(text: string): Promise<void> {
    this.#traffic.add(parse(text))
    await this.sendsAnything(text)
  }

  /** Also what docs/schemas do not allow, for tests of what becomes of it. */
  async sendsAnything(text: string): Promise<void> {
    const stanza = parse(text)
    if (this.proof !== undefined) attest(stanza, this.proof)
    await this.#server.servers.receive(stanza)
  }

  deliver(stanza: Element): void {
    this.hear(stanza)
  }
}

export interface StageOptions {
  /** Localparts, on `a.example` unless they carry a domain. */
  readonly accounts?: readonly string[]
  readonly hosts?: readonly HostOptions[]
  /** For the default host `a.example`. */
  readonly modules?: readonly Module[]
  /** Names of modules that this host does not have. */
  readonly without?: readonly string[]
  readonly store?: FailingStore
  /** Where clients reach the HTTP server. */
  readonly httpBase?: () => string
  /** Stanzas of one account that may wait while it is read or written. */
  readonly waitingPerAccount?: number
  /** Of modules of the default host, by their names. */
  readonly options?: HostOptions['options']
}

export class Stage {
  readonly server: Server
  readonly store: FailingStore
  readonly clock: ManualClock
  /** What {$x} stood for, over all who take part. */
  readonly captures: Record<string, string> = {}
  /** What was refused, and why, as it is counted. */
  readonly refused: string[] = []
  /** Messages of the log at level `error`. */
  readonly errors: string[] = []
  readonly #peers = new Map<string, Peer>()
  readonly #traffic = new Traffic()

  private constructor(options: StageOptions, store: FailingStore) {
    this.store = store
    this.clock = new ManualClock()
    const modules = (options.modules ?? allModules).filter(
      ({ hosts, name }) => hosts.includes('user') && !options.without?.includes(name),
    )
    this.server = new Server({
      hosts: options.hosts ?? [
        { domain: 'a.example', type: 'user', name: 'A', modules, options: { ...options.options } },
      ],
      store,
      clock: this.clock,
      random: new SeededRandom(7),
      ...(options.httpBase && { httpBase: options.httpBase }),
      ...(options.waitingPerAccount !== undefined && { waitingPerAccount: options.waitingPerAccount }),
      counts: { stanza: () => {}, refused: (what, reason) => this.refused.push(`${what}: ${reason}`) },
      log: this.#log(),
      remote: {
        send: (stanza) => this.#toPeer(stanza),
        sendText: (_from, _to, text) => this.#toPeer(parse(text)),
      },
    })
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const store = options.store ?? openFailingStore()
    for (const name of options.accounts ?? ['alice', 'bob'])
      await addAccount(store, name.includes('@') ? name : `${name}@a.example`)
    const stage = new Stage(options, store)
    await stage.server.start()
    return stage
  }

  /** A client of `alice@a.example` with this resource, bound. */
  client(account: string, resource = 'phone'): Client {
    const bare = account.includes('@') ? account : `${account}@a.example`
    return new Client(account, this.server, Jid.parse(`${bare}/${resource}`), this.captures)
  }

  peer(domain: string): Peer {
    const known = this.#peers.get(domain) ?? new Peer(domain, this.server, this.captures, this.#traffic)
    this.#peers.set(domain, known)
    return known
  }

  /** Each has the other in the roster with a subscription of type `both`, as after their mutual consent. */
  async befriend(one: string, other: string): Promise<void> {
    const item = {
      name: '',
      groups: [],
      subscription: 'both',
      ask: false,
      pendingIn: undefined,
      approved: false,
    } as const
    const [a, b] = [one, other].map((name) => (name.includes('@') ? name : `${name}@a.example`)) as [string, string]
    await this.store.commit([
      { type: 'roster.put', owner: a, item: { ...item, jid: b } },
      { type: 'roster.put', owner: b, item: { ...item, jid: a } },
    ])
    for (const jid of [a, b]) await this.server.accountChanged(jid)
  }

  async close(): Promise<void> {
    await this.server.close()
    await this.store.close()
    this.#traffic.check()
  }

  #toPeer(stanza: Element): void {
    this.#traffic.add(stanza)
    this.peer(Jid.parse(stanza.attrs.to).domain).deliver(stanza)
  }

  #log(): Logger {
    const ignore = (): void => {}
    const log: Logger = {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (_fields, message) => this.errors.push(message),
      child: () => log,
    }
    return log
  }
}

/** An account that nobody can log in to but through the gateway. */
export async function addAccount(store: Store, jid: string): Promise<void> {
  const keys = { salt: 'c2FsdA==', iterations: 4096, storedKey: 'a', serverKey: 'b' }
  await store.commit([
    { type: 'account.put', account: { jid, sha1: keys, sha256: keys, createdAt: 0, disabled: false } },
  ])
}

/** All that follows from what was sent has happened: the store of the stage answers within microtasks. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
