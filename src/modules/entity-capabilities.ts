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
    const known = new Capabilities(host)
    const ver = (): string => verification(discoInfoElement(host.registered)) ?? ''
    host.offer(capabilitiesService, known)
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

/** Hashes that are remembered, and questions at a time. */
const mostKnown = 2000
const mostAsked = 500
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
    if (others !== undefined) return void others.push(waiting)
    if (this.#asked.size >= mostAsked) return
    this.#asked.set(key, [])
    this.#ask(key, waiting)
  }

  #ask(key: string, waiting: Waiting): void {
    const { caps, entity, asker, then } = waiting
    this.#host.router.ask(xml('iq', { type: 'get', from: asker, to: entity }, capsQuery(caps)), (answer) => {
      const query = answer instanceof StanzaError ? undefined : payload(answer)
      if (query !== undefined) {
        const interests = interestsOf(query)
        const proven = caps.attrs.hash !== undefined && verification(query, caps.attrs.hash) === caps.attrs.ver
        // What proves nothing counts for the client that said it, and for nobody else.
        then(interests)
        if (proven) return this.#settle(key, interests)
      }
      const next = this.#asked.get(key)?.shift()
      if (next === undefined) this.#asked.delete(key)
      else this.#ask(key, next)
    })
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

/** A hash alone identifies what it is of; without an algorithm (before version 1.4) nothing does. */
const capsKey = ({ attrs }: Element): string =>
  attrs.hash === undefined ? `${attrs.node}#${attrs.ver}` : `${attrs.hash} ${attrs.ver}`

const suffix = '+notify'

function interestsOf(query: Element): Interests {
  const features = elements(query).flatMap(({ name, attrs }) => (name === 'feature' ? [attrs.var ?? ''] : []))
  const wanted = features.filter((feature) => feature.endsWith(suffix))
  return new Set(wanted.slice(0, mostInterests).map((feature) => feature.slice(0, -suffix.length)))
}
