/**
 * A source out of a backup that is older than its distribution, or than some of its instances (dmuc.md §3, Revisions): it does not know whom to
 * ask for what it lost. They greet it. A table of instances that it has signed itself, for this very room, proves that it had them once: it
 * has them again, and asks them as any source asks that has just started. What nobody can prove waits for the operator's word.
 */
import { domainOf } from '../room/jids.js'
import type { Element } from '../xml/element.js'
import { refitConfig } from './following.js'
import { grantsOfEpoch } from './nicks.js'
import { type InstanceTable, isSource, others } from './replica.js'
import { isSound, withKey } from './table.js'
import { isSealed, tableHash } from './table-seal.js'
import type { Turn } from './turn.js'
import { type Hello, readHello } from './wire/hello.js'

/** Claims that are remembered for the operator. */
const maxClaims = 32

/** Does this hello of one who is no instance prove that it is one? Then it is, from now on, and so are all that its table names. */
export function reinstate(turn: Turn, from: string, payload: Element): boolean {
  const { identity, table, phase } = turn.replica
  const hello = readHello(payload)
  if (hello === undefined || !isSource(turn.replica) || phase !== 'serving') return false
  if (hello.identity.roomId !== identity.roomId || table.instances.has(from)) return false
  const doubt = doubtOf(turn, from, hello)
  if (doubt !== undefined) {
    claim(turn, from, doubt)
    return false
  }
  regain(turn, hello.identity.epoch, hello.table)
  return true
}

/** Why the hello proves nothing, for the operator; undefined where it does. */
function doubtOf(turn: Turn, from: string, { identity, table }: Hello): string | undefined {
  const { replica, env, self } = turn
  const { epoch, source } = identity
  const restore = `if it is one, and this server lost what it knew (an old backup): dmucctl room restore ${self} --from ${domainOf(from)}`
  if (source !== self)
    return `says that it holds this room, and that ${source} is its source in epoch ${epoch}; here we are: one of the two has to be destroyed by its operator`
  if (epoch < replica.identity.epoch) return `says that it holds this room as it was in epoch ${epoch}, which is over`
  if (table.instances.get(from)?.gone !== false)
    return 'says that it holds this room, and is none of the instances that it names'
  const signedBy = { ...replica, identity: { ...replica.identity, epoch } }
  if (!isSealed(signedBy, table, env.signer?.publicKey))
    return `says that it holds this room, and cannot prove it by our signature; ${restore}`
  return isSound(turn, regained(replica.table, table) ?? table)
    ? undefined
    : `says that it holds this room, on more servers than it may have here`
}

function claim(turn: Turn, from: string, why: string): void {
  const { claims } = turn.replica
  if (claims.get(from) === why) return
  turn.note('warn', why, from)
  turn.change({ claims: new Map([...claims].slice(1 - maxClaims)).set(from, why) })
}

/**
 * A table of ours that we have signed and do not know: what we have counted and known since we lost it stays, where it is not in it.
 * Nothing is numbered before those that it names have been asked.
 */
export function regain(turn: Turn, epoch: number, theirs: InstanceTable): void {
  const { identity, table: ours, lastGrant } = turn.replica
  const table = regained(ours, theirs)
  if (table === undefined) return
  const isNewer = epoch > identity.epoch
  turn.change({
    table,
    unsettled: {},
    claims: new Map([...turn.replica.claims].filter(([jid]) => !table.instances.has(jid))),
    ...(isNewer && {
      identity: { ...identity, epoch, epochRank: table.instances.get(turn.self)?.rank ?? 0 },
      lastGrant: Math.max(lastGrant, epoch * grantsOfEpoch),
    }),
  })
  turn.change({ table: withKey(turn.replica, turn.self, turn.env.signer?.publicKey) })
  keepPlaces(turn)
  turn.effects.push({ type: 'save' }, { type: 'place' })
  const names = others(turn.replica).map(({ jid }) => jid)
  turn.note(
    'warn',
    `this server lost what it knew of the room (an old backup): it is on ${names.join(', ')}, and what was decided and said since comes back from there`,
  )
}

/**
 * What becomes of our table; undefined where the other one is just an earlier one of ours. Rows never leave a table: one that names
 * whom we do not know was numbered after ours was lost.
 */
function regained(ours: InstanceTable, theirs: InstanceTable): InstanceTable | undefined {
  const [newer, older] = theirs.revision > ours.revision ? [theirs, ours] : [ours, theirs]
  const missing = [...older.instances.values()].filter(({ jid }) => !newer.instances.has(jid))
  const isForked = newer.revision === older.revision && tableHash(newer) !== tableHash(older)
  if (missing.length === 0 && !isForked) return newer === ours ? undefined : theirs
  const highest = Math.max(...[...newer.instances.values()].map(({ rank }) => rank))
  const added = missing.map((row, n) => [row.jid, { ...row, rank: highest + 1 + n }] as const)
  return { revision: newer.revision + 1, instances: new Map([...newer.instances, ...added]) }
}

/** By a configuration of before, the room would be taken back from them. */
function keepPlaces(turn: Turn): void {
  const { config } = turn.replica.room
  const services = others(turn.replica).map(({ jid }) => domainOf(jid))
  const peers = [...new Set([...config.peers, ...services])]
  if (peers.length > config.peers.length || !config.distributed)
    refitConfig(turn, { ...config, distributed: true, peers })
}
