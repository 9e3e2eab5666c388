/**
 * Who speaks like another shadow of a plain source, after that has announced one (XEP-0281 §4.2, E12; src/dmuc/newcomers.ts): it is asked whether
 * it is that (§4.3, E15 and E16: `dmuc-source`), and what it says meanwhile waits.
 */
import { hasPlainSource } from '../../dmuc/replica.js'
import type { Host } from '../../server/module.js'
import { child, type Element, xml } from '../../xml/element.js'
import { readForm, values } from '../../xmpp/data-form.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'

/** For the answer; and after another one than was hoped for it is not asked again for so long. */
const askMs = 10_000
const refusedMs = 10 * 60_000

/** Stanzas of one that wait, and those who are asked at a time, or were refused of late. */
const maxWaiting = 50
const maxAsked = 200

interface Asked {
  readonly waiting: (readonly [Element, Jid, Jid])[]
  /** By the monotonic clock. */
  refusedUntil?: number
}

interface Env {
  readonly host: Host
  readonly rooms: () => Rooms
  /** May rooms be exchanged with this service? */
  readonly allows: (service: string) => boolean
  /** It answers. */
  readonly watch: (service: string, heard: boolean) => void
}

export class Newcomers {
  readonly #env: Env
  /** `room instance`. */
  readonly #asked = new Map<string, Asked>()

  constructor(env: Env) {
    this.#env = env
  }

  /** Is this one to be asked? Then the stanza is dealt with once the answer is here. */
  hears({ jid, replica }: LiveRoom, stanza: Element, from: Jid, to: Jid): boolean {
    if (stanza.name === 'iq' || from.local === '' || !this.#env.allows(from.domain)) return false
    if (replica.phase !== 'serving' || replica.announced === 0 || !hasPlainSource(replica)) return false
    const instance = from.bare().toString()
    const known = this.#find(`${jid} ${instance}`)
    if (known?.refusedUntil !== undefined) return false
    if (known !== undefined) {
      if (known.waiting.length < maxWaiting) known.waiting.push([stanza, from, to])
      return true
    }
    if (this.#asked.size >= maxAsked) return false
    const asked: Asked = { waiting: [[stanza, from, to]] }
    this.#asked.set(`${jid} ${instance}`, asked)
    this.#ask(jid, instance, asked)
    return true
  }

  #find(key: string): Asked | undefined {
    const now = this.#env.host.clock.monotonic()
    for (const [other, { refusedUntil }] of this.#asked)
      if (refusedUntil !== undefined && refusedUntil <= now) this.#asked.delete(other)
    return this.#asked.get(key)
  }

  #ask(room: string, instance: string, asked: Asked): void {
    const { host } = this.#env
    const query = xml('query', { xmlns: ns.discoInfo })
    host.router.request(xml('iq', { type: 'get', from: room, to: instance }, query), askMs).then(
      (answer) => this.#answered(room, instance, asked, answer),
      () => this.#refuse(room, instance, asked, 'it does not say of which room it is a shadow'),
    )
  }

  #answered(jid: string, instance: string, asked: Asked, answer: Element): void {
    void this.#env.rooms().with(jid, (room) => {
      if (room === undefined || room.ended) this.#asked.delete(`${jid} ${instance}`)
      else if (!isShadowOf(answer, room.replica.identity.source))
        this.#refuse(jid, instance, asked, 'it is no shadow of our source')
      else {
        this.#asked.delete(`${jid} ${instance}`)
        room.happen({ type: 'admitted', jid: instance })
        for (const [stanza, from, to] of asked.waiting)
          if (room.replica.table.instances.get(instance)?.gone === false)
            void room.receiveFromInstance(stanza, from, to)?.catch(() => undefined)
        const [[, from] = []] = asked.waiting
        if (from !== undefined) this.#env.watch(from.domain, true)
      }
      return undefined
    })
  }

  #refuse(room: string, peer: string, asked: Asked, why: string): void {
    asked.waiting.length = 0
    asked.refusedUntil = this.#env.host.clock.monotonic() + refusedMs
    this.#env.host.log.info({ room, peer }, `Somebody speaks like another shadow of this room: ${why}`)
  }
}

/** XEP-0281 §4.3: the feature and the field are both a MUST. */
function isShadowOf(answer: Element, source: string): boolean {
  const query = child(answer, 'query', ns.discoInfo)
  if (query === undefined || !query.getChildren('feature').some(({ attrs }) => attrs.var === ns.dmuc)) return false
  return query
    .getChildren('x', ns.dataForm)
    .map(readForm)
    .some((form) => form !== undefined && values(form, 'dmuc-source')?.join() === source)
}
