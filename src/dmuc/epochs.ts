/**
 * Who is the source by right (dmuc.md §3, The firsthost is gone for good). There is no election: an operator promotes a shadow, which
 * begins the next epoch and gives the others its configuration, register and table anew (./following.ts).
 */
import { Jid } from '../xmpp/jid.js'
import { greet, linkDown } from './greet.js'
import { grantsOfEpoch } from './nicks.js'
import { isSource, otherInstance, others, type RoomIdentity, supersedes } from './replica.js'
import { replicateTo } from './replication.js'
import { decideWithheld } from './restrictions.js'
import { showPersons } from './soft.js'
import type { Turn } from './turn.js'

/** The operator makes us the source. Plain instances, which follow the old one, are none of ours. */
export function promote(turn: Turn): void {
  const { identity, table, room, lastGrant } = turn.replica
  const own = table.instances.get(turn.self)
  if (isSource(turn.replica) || own === undefined || own.gone || turn.replica.phase !== 'serving') return
  const epoch = identity.epoch + 1
  const instances = new Map(
    [...table.instances].map(([jid, row]) => [jid, row.kind === 'plain' ? { ...row, gone: true } : row]),
  )
  turn.change({
    identity: { ...identity, source: turn.self, epoch, epochRank: own.rank },
    table: { revision: table.revision + 1, instances },
    lastGrant: Math.max(lastGrant, epoch * grantsOfEpoch),
    heir: undefined,
    forkedAt: room.registerRevision,
    decided: [],
  })
  showPersons(turn, room)
  const peers = others(turn.replica).map(({ jid }) => Jid.parse(jid).domain)
  const config = { ...room.config, distributed: true, peers }
  // Not relayed: it comes with the rest, to those who follow us.
  turn.perform(turn.logOwn({ type: 'config', config, revision: room.configRevision + 1 }))
  turn.effects.push({ type: 'save' })
  decideWithheld(turn)
  turn.note('info', `this instance is the source from now on, in epoch ${epoch}`)
  for (const { jid } of others(turn.replica)) {
    const { link } = turn.peer(jid)
    if (link === 'up' || link === 'greeting') replicateTo(turn, jid)
  }
}

/** On the operator's word this instance is taken for the source as soon as it says that it is. */
export function trust(turn: Turn, jid: string): void {
  if (otherInstance(turn.replica, jid)?.kind !== 'sync') return
  turn.change({ heir: jid })
  greet(turn, jid)
}

/** Somebody greets us who follows another source. The newer one of the two tells who does not know. */
export function meetEpoch(turn: Turn, from: string, theirs: RoomIdentity): void {
  const { identity } = turn.replica
  const { link } = turn.peer(from)
  const newer = supersedes(identity, theirs)
  if (newer && isSource(turn.replica) && otherInstance(turn.replica, from)?.kind === 'sync') {
    if (link !== 'joining') replicateTo(turn, from)
    return
  }
  linkDown(turn, from, `it follows another source: ${theirs.source}, in epoch ${theirs.epoch}`, true)
  turn.changePeer(from, { diverged: true })
  const source = otherInstance(turn.replica, theirs.source)
  if (newer || source === undefined || source.jid === from || turn.peer(source.jid).link !== 'down') return
  greet(turn, source.jid)
}
