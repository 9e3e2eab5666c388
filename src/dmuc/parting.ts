/**
 * Telling an instance that it is none any more (checklist 48). Nothing answers a `<leave/>`, and what was lost would leave a shadow behind
 * that takes itself for one: it is said again a few times. Whoever was out of reach all the while hears it when it greets us.
 */
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import type { Turn } from './turn.js'

/** The second time follows after so long, and each further one after three times as long as the one before. */
const firstMs = 5000
const maxTimes = 5

/** Instances that are told so at the same time. */
const maxPartings = 100

export const leaveFor = (turn: Turn, to: string): Element =>
  xml('message', { from: turn.self, to }, xml('leave', { xmlns: ns.dmucSync }))

export function partFrom(turn: Turn, jid: string): void {
  turn.effects.push({ type: 'send', stanza: leaveFor(turn, jid) })
  const { partings } = turn.replica
  if (partings.size >= maxPartings) return
  turn.change({ partings: new Map(partings).set(jid, { at: turn.env.now, times: 1 }) })
}

/** It is one again. */
export function partNoMore(turn: Turn, jid: string): void {
  if (!turn.replica.partings.has(jid)) return
  const partings = new Map(turn.replica.partings)
  partings.delete(jid)
  turn.change({ partings })
}

/** As time passes. */
export function repeatPartings(turn: Turn): void {
  const { now } = turn.env
  for (const [jid, { at, times }] of turn.replica.partings) {
    if (now >= at && now < at + firstMs * 3 ** (times - 1)) continue
    turn.effects.push({ type: 'send', stanza: leaveFor(turn, jid) })
    if (times + 1 >= maxTimes) partNoMore(turn, jid)
    else turn.change({ partings: new Map(turn.replica.partings).set(jid, { at: now, times: times + 1 }) })
  }
}
