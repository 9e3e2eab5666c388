/**
 * Taking another instance for the source (dmuc.md §3): only while we are ourselves cut off from the one that we had, or on our own
 * operator's word. So nobody takes a room over by saying that it is the source.
 */
import { affiliationOf } from '../room/occupants.js'
import type { DurableOperation, RegisterEntry, RoomConfig, RoomState } from '../room/types.js'
import { withKeys } from './keys.js'
import { forgetGone } from './presences.js'
import { relayRefitted } from './relay.js'
import { isSource, otherInstance, others, type RoomIdentity, supersedes } from './replica.js'
import { type Register, restricts, unlogged, withhold } from './restrictions.js'
import { remembered } from './revisions.js'
import { showPersons } from './soft.js'
import type { Turn } from './turn.js'
import type { RoomExtension } from './wire/room.js'

/** May `from` take the room over with this identity? */
export function isTakeover(turn: Turn, from: string, identity: RoomIdentity): boolean {
  const { identity: present } = turn.replica
  if (identity.roomId !== present.roomId || identity.source !== from || !supersedes(identity, present)) return false
  return otherInstance(turn.replica, from)?.kind === 'sync' && mayFollow(turn, from, identity)
}

function mayFollow(turn: Turn, from: string, { epoch }: RoomIdentity): boolean {
  const { identity, heir, phase } = turn.replica
  // It got the room back after it had lost it (./restoring.ts).
  if (from === identity.source) return true
  if (phase !== 'serving' || heir === from || epoch === identity.epoch) return true
  if (!isSource(turn.replica)) return turn.peer(identity.source).split
  // We were the source: we go on as long as anybody whom we can reach holds to us.
  return !others(turn.replica).some(({ jid }) => jid !== from && turn.peer(jid).link === 'up')
}

/** What the new source gives us replaces what we had; our occupants see what that changes for them. */
export function follow(turn: Turn, from: string, config: RoomConfig, extension: RoomExtension): void {
  const { identity, keys, configRevision, registerRevision, register, entitled, table, forkedAt } = extension
  const decided = turn.replica.decided.filter(({ revision }) => revision > forkedAt)
  refitTo(turn, config, extension)
  for (const jid of turn.replica.peers.keys()) turn.changePeer(jid, { leftOut: true })
  for (const { jid } of others(turn.replica))
    if (table.instances.get(jid)?.gone !== false)
      turn.note(
        'warn',
        'the new source does not know this instance: an owner has to distribute the room to it again',
        jid,
      )
  const before = turn.replica.room
  const instances = others(turn.replica)
  const room = { ...before, config, configRevision, register, entitled, registerRevision }
  turn.change({
    room,
    identity,
    keys: withKeys(turn.replica.keys, keys),
    table,
    forkedAt,
    heir: undefined,
    decided: [],
  })
  showPersons(turn, before)
  forgetGone(turn, instances)
  turn.effects.push({ type: 'save' })
  turn.note('info', `is the source now, in epoch ${identity.epoch}; this instance follows it`, from)
  for (const { jid, entry, actor } of decided) proposeAgain(turn, { type: 'register', jid, entry, revision: 0 }, actor)
}

/** Those who are here as the source has it: some may have to leave, or have another role. */
export function refitTo(turn: Turn, config: RoomConfig, extension: RoomExtension): void {
  const { configRevision, registerRevision, register, entitled } = extension
  const { identity, rights: earlier, room } = turn.replica
  const rights = remembered(earlier, identity.epoch, room, turn.env.limits.maxRevisions)
  for (const [jid, entry] of differing(room, register))
    refit(turn, { type: 'register', jid, entry, revision: registerRevision })
  if (JSON.stringify(config) !== JSON.stringify(turn.replica.room.config))
    refit(turn, { type: 'config', config, revision: configRevision })
  for (const whom of new Set([...(turn.replica.room.entitled?.keys() ?? []), ...entitled.keys()])) {
    const role = entitled.get(whom)
    if (role === turn.replica.room.entitled?.get(whom)) continue
    refit(turn, { type: 'entitle', whom, ...(role === undefined ? {} : { role }), revision: registerRevision })
  }
  // Nothing was ever decided by what was in force between these steps.
  turn.change({ rights })
}

/** What we numbered as a source that was one no more: restrictions are put to the new one, the rest is for an owner to do again. */
function proposeAgain(turn: Turn, operation: Register, actor: string | undefined): void {
  const { jid, entry } = operation
  if (affiliationOf(turn.replica.room, jid) === entry.affiliation) return
  if (actor !== undefined && restricts(turn.replica.room, operation)) return withhold(turn, [operation], actor, false)
  const text = `${jid} was made ${entry.affiliation} here while another instance was the source already; an owner has to do it again`
  turn.note('warn', text)
  if (actor !== undefined) turn.effects.push({ type: 'tell', jid: actor, text })
}

/** What is in force while its number is not known. */
export const refitConfig = (turn: Turn, config: RoomConfig): void =>
  refit(turn, { type: 'config', config, revision: turn.replica.room.configRevision })

function refit(turn: Turn, operation: DurableOperation): void {
  const before = turn.replica.room
  const event = unlogged(turn, operation)
  turn.perform(event)
  relayRefitted(turn, event, before)
}

export function differing(room: RoomState, register: ReadonlyMap<string, RegisterEntry>): [string, RegisterEntry][] {
  const jids = new Set([...room.register.keys(), ...register.keys()])
  const none: RegisterEntry = { affiliation: 'none' }
  return [...jids]
    .map((jid): [string, RegisterEntry] => [jid, register.get(jid) ?? none])
    .filter(([jid, entry]) => JSON.stringify(entry) !== JSON.stringify(room.register.get(jid) ?? none))
}
