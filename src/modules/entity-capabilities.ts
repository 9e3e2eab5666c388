/**
 * XEP-0115: Entity Capabilities: what clients say of themselves in their presence, for those who publish: which nodes they want to hear
 * of (`+notify`, XEP-0060 §9.2). What belongs to a hash is asked for once, and believed of others only where the hash proves it.
 */
import type { Host, Module } from '../server/module.js'
import { child, type Element, elements, xml } from '../xml/element.js'
import { capsElement, capsNs, capsQuery, verification } from '../xmpp/capabilities.js'
import { payload } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { discoInfoElement } from './disco-info.js'
import { type CapabilitiesService, capabilitiesService } from './services.js'

export const entityCapabilities: Module = {
  name: 'entity_capabilities',
  xeps: [{ number: 115, version: '1.6.0', test: 'dialogue/entity-capabilities.test.ts', features: [capsNs] }],
  hosts: ['user'],
  setup(host) {
    const node = `xmpp:${host.domain}`
    let of: readonly string[] = []
    let known: string | undefined
    // What is registered is a new list each time that something changes.
    const ver = (): string => {
      if (known === undefined || of !== host.registered.features)
        known = verification(discoInfoElement(host.registered)) ?? ''
      of = host.registered.features
      return known
    }
    host.offer(capabilitiesService, new Capabilities(host))
    return [
      host.feature(capsNs),
      { kind: 'stream-feature', element: () => capsElement(node, ver()) },
      {
        kind: 'disco-node',
        at: 'host',
        info: (asked) => (asked === `${node}#${ver()}` ? host.registered : undefined),
      },
    ]
  },
}

type Interests = ReadonlySet<string>

/** Hashes that are remembered. */
const mostKnown = 2000
/** Questions at a time: to one address, so that who makes up hashes keeps nobody else from being asked, and to all. */
const mostAskedOf = 10
const mostAsked = 5000
/** Who may wait for one answer. */
const mostWaiting = 5000
/** Nodes that one client may want to hear of. */
const mostInterests = 200

interface Waiting {
  readonly caps: Element
  readonly entity: string
  readonly asker: string
  readonly then: (interests: Interests) => void
}

class Capabilities implements CapabilitiesService {
  readonly #host: Host
  /** By hash; the least recently needed first. */
  readonly #known = new Map<string, Interests>()
  /** Those who wait for what one of them was asked for. */
  readonly #asked = new Map<string, Waiting[]>()
  /** How many questions each address has to answer. */
  readonly #askedOf = new Map<string, number>()

  constructor(host: Host) {
    this.#host = host
  }

  interests(presence: Element, asker: string, then: (interests: Interests) => void): void {
    const caps = child(presence, 'c', capsNs)
    if (caps === undefined) return then(new Set())
    const key = capsKey(caps)
    const known = this.#known.get(key)
    if (known !== undefined) {
      this.#remember(key, known)
      return then(known)
    }
    const waiting = { caps, entity: presence.attrs.from, asker, then }
    const others = this.#asked.get(key)
    if (others !== undefined) {
      if (others.length < mostWaiting) others.push(waiting)
    } else if (this.#asked.size < mostAsked) this.#ask(key, waiting)
  }

  /** False where this client has enough to answer already. */
  #ask(key: string, waiting: Waiting): boolean {
    const { caps, entity, asker, then } = waiting
    const address = bareOf(entity)
    const asked = this.#askedOf.get(address) ?? 0
    if (asked >= mostAskedOf) return false
    this.#askedOf.set(address, asked + 1)
    if (!this.#asked.has(key)) this.#asked.set(key, [])
    this.#host.router.ask(xml('iq', { type: 'get', from: asker, to: entity }, capsQuery(caps)), (answer) => {
      this.#answered(address)
      const query = answer instanceof StanzaError ? undefined : payload(answer)
      if (query !== undefined) {
        const interests = interestsOf(query)
        const proven = caps.attrs.hash !== undefined && verification(query, caps.attrs.hash) === caps.attrs.ver
        // What proves nothing counts for the client that said it, and for nobody else.
        then(interests)
        if (proven) return this.#settle(key, interests)
      }
      this.#askNext(key)
    })
    return true
  }

  #askNext(key: string): void {
    const waiting = this.#asked.get(key) ?? []
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) if (this.#ask(key, next)) return
    this.#asked.delete(key)
  }

  #answered(address: string): void {
    const left = (this.#askedOf.get(address) ?? 1) - 1
    if (left === 0) this.#askedOf.delete(address)
    else this.#askedOf.set(address, left)
  }

  #settle(key: string, interests: Interests): void {
    this.#remember(key, interests)
    const others = this.#asked.get(key) ?? []
    this.#asked.delete(key)
    for (const { then } of others) then(interests)
  }

  #remember(key: string, interests: Interests): void {
    this.#known.delete(key)
    this.#known.set(key, interests)
    const [oldest] = this.#known.keys()
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest)
  }
}

const bareOf = (jid: string): string => (jid.includes('/') ? jid.slice(0, jid.indexOf('/')) : jid)

/** A hash alone identifies what it is of; without an algorithm (before version 1.4) nothing does. */
const capsKey = ({ attrs }: Element): string =>
  attrs.hash === undefined ? `${attrs.node}#${attrs.ver}` : `${attrs.hash} ${attrs.ver}`

const suffix = '+notify'

function interestsOf(query: Element): Interests {
  const features = elements(query).flatMap(({ name, attrs }) => (name === 'feature' ? [attrs.var ?? ''] : []))
  const wanted = features.filter((feature) => feature.endsWith(suffix))
  return new Set(wanted.slice(0, mostInterests).map((feature) => feature.slice(0, -suffix.length)))
}
