/**
 * Decisions of a source that it lost with its disk, and that are in no log any more: expired, or known to a member only by the state that it was
 * given. Nobody can prove them, so a member may have made them up: they count where they say nothing new, and else by the operator's word.
 */
import { domainOf } from '../room/jids.js'
import type { RoomConfig } from '../room/types.js'
import { child, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { differing, refitTo } from './following.js'
import { isWithinReach, tellAll } from './overtaking.js'
import { isSource, others, type Replica } from './replica.js'
import type { Turn } from './turn.js'
import { readConfig } from './wire/config.js'
import { type RoomExtension, readRoom } from './wire/room.js'

/** What a member gave of the room as it has it. */
export interface Given {
  readonly config: RoomConfig
  readonly extension: RoomExtension
}

/** Asks those that know more than their events prove; gives whether an answer is still to come. */
export function askUnproved(turn: Turn): boolean {
  const { unsettled, room } = turn.replica
  const asked = new Map(unsettled?.asked)
  for (const { jid, kind } of others(turn.replica)) {
    const { link, revisions } = turn.peer(jid)
    const knowsMore =
      revisions && (revisions.config > room.configRevision || revisions.register > room.registerRevision)
    if (kind !== 'sync' || link !== 'up' || knowsMore !== true || asked.has(jid)) continue
    asked.set(jid, false)
    turn.effects.push({
      type: 'ask',
      iq: xml(
        'iq',
        { type: 'get', from: turn.self, to: jid },
        xml('restore', { xmlns: ns.dmucSync, what: 'decisions' }),
      ),
      question: { type: 'decisions' },
    })
  }
  if (asked.size > (unsettled?.asked?.size ?? 0)) turn.change({ unsettled: { ...unsettled, asked } })
  return [...asked.values()].includes(false)
}

/** Its answer: where it differs from what we have in nothing but the numbers, we have these. */
export function takeDecisions(turn: Turn, from: string, answer: Element | StanzaError): void {
  const { unsettled } = turn.replica
  if (unsettled?.asked?.has(from))
    turn.change({ unsettled: { ...unsettled, asked: new Map(unsettled.asked).set(from, true) } })
  const given = answer instanceof StanzaError ? undefined : readGiven(turn.replica, child(answer, 'config', ns.dmuc))
  if (given === undefined || !isSource(turn.replica)) return
  const { room } = turn.replica
  const { configRevision, registerRevision } = given.extension
  if (configRevision <= room.configRevision && registerRevision <= room.registerRevision) return
  if (isWithinReach(room.configRevision, configRevision) && isWithinReach(room.registerRevision, registerRevision))
    if (saysTheSame(turn.replica, given)) return adopt(turn, given)
  const why = `knows of decisions (configuration ${configRevision}, register ${registerRevision}) that we have lost and no log proves any more; to have its word for them: dmucctl room restore ${turn.self} --from ${domainOf(from)}`
  turn.note('warn', why, from)
  turn.change({ claims: new Map(turn.replica.claims).set(from, why) })
}

export function readGiven({ room }: Replica, answer: Element | undefined): Given | undefined {
  const form = answer && child(answer, 'x', ns.dataForm)
  const config = form && readConfig(form, room.config)
  const extension = answer && readRoom(child(answer, 'room', ns.dmucSync))
  return config && extension && { config, extension }
}

function saysTheSame({ room }: Replica, { config, extension }: Given): boolean {
  const { register, entitled } = extension
  const placed = (of: RoomConfig): string => JSON.stringify({ ...of, peers: [...of.peers].sort() })
  return (
    placed(config) === placed(room.config) &&
    differing(room, register).length === 0 &&
    JSON.stringify([...entitled].sort()) === JSON.stringify([...(room.entitled ?? [])].sort())
  )
}

/** What it gave is in force from now on, under numbers that nobody has seen yet; the others are told all of it. */
function adopt(turn: Turn, given: Given, above = 0): void {
  const { config, extension } = given
  refitTo(turn, config, extension)
  const { room } = turn.replica
  const { register, entitled } = extension
  const configRevision = Math.max(room.configRevision, extension.configRevision) + above
  const registerRevision = Math.max(room.registerRevision, extension.registerRevision) + above
  turn.change({ room: { ...room, config, register, entitled, configRevision, registerRevision } })
  tellAll(turn)
}

/** By our operator's word: `from` has it right. */
export function takeGiven(turn: Turn, from: string, given: Given): void {
  const before = turn.replica.room
  for (const [jid, { affiliation }] of differing(before, given.extension.register)) {
    const was = before.register.get(jid)?.affiliation ?? 'none'
    if (was !== affiliation) turn.note('warn', `${jid} was ${was} here, and is ${affiliation} by what it gave`, from)
  }
  const claims = new Map(turn.replica.claims)
  claims.delete(from)
  turn.change({ claims })
  adopt(turn, given, 1)
}

/** It knows no more than we do, after all. */
export function settleClaim(turn: Turn, from: string): void {
  const { claims, room } = turn.replica
  const { revisions } = turn.peer(from)
  if (!claims.has(from) || revisions === undefined) return
  if (revisions.config > room.configRevision || revisions.register > room.registerRevision) return
  turn.change({ claims: new Map([...claims].filter(([jid]) => jid !== from)) })
}
