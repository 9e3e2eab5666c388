/**
 * What must hold once everything works again and nobody has said anything since (dmuc.md §5). Messages are compared as people saw
 * them; state as the instances have it, and as people were shown it.
 */
import { digest } from '../../src/dmuc/digest.js'
import type { Replica } from '../../src/dmuc/replica.js'
import { roleAtLeast } from '../../src/room/roles.js'
import { highestRole } from '../../src/room/standing.js'
import type { StoredLogRecord } from '../../src/store/store.js'
import { unentitled, unwelcome } from './authority.js'
import type { Person, Stay } from './person.js'
import { roomOf, type Site } from './site.js'
import { differsFromDisk } from './stored.js'
import type { Said, World } from './world.js'

export type Kind = 'lost' | 'duplicated' | 'out of order' | 'diverged' | 'broken'

export interface Fault {
  readonly kind: Kind
  readonly text: string
}

/** What a fault is about, without the names in it. */
export const signature = ({ kind, text }: Fault): string => `${kind} ${text.replace(/[:\d].*/s, '')}`

export async function check(world: World): Promise<Fault[]> {
  const faults: Fault[] = [...world.broken.map((text) => ({ kind: 'broken' as const, text })), ...world.puzzles]
  const fault = (kind: Kind, text: string): void => void faults.push({ kind, text })
  const replicaAt = ({ index, service }: Site): Replica | undefined => service?.rooms.get(roomOf(index))?.replica
  const source = replicaAt(world.sites[0]!)
  const instances = world.sites.slice(0, 1 + (source?.room.config.peers.length ?? 0))
  // A room on one site alone is in memory when it is used.
  if (!world.wished.has(instances.length) && source !== undefined)
    fault(
      'lost',
      `the owner wanted the room on ${[...world.wished].join(' or ')} sites, and it is on ${instances.length}`,
    )
  const replicas = instances.map((site) => [site, replicaAt(site)] as const)
  for (const [site, replica] of replicas.length > 1 ? replicas : [])
    if (replica?.phase !== 'serving')
      fault('diverged', `site ${site.index} holds no room in service: ${replica?.phase ?? 'none at all'}`)
  for (const site of world.sites.slice(instances.length))
    if (replicaAt(site) !== undefined) fault('diverged', `site ${site.index} holds a room that was taken back from it`)
  compareStates(
    replicas.map(([, replica]) => replica).filter((replica) => replica?.phase === 'serving'),
    fault,
  )
  const logs = await Promise.all(instances.map(logOf))
  compareIds(logs, fault)
  const powers = { sources: world.sources, homes: new Map(world.people.map(({ bare, site }) => [bare, site])) }
  for (const text of logs.flatMap((log) => unentitled(log, powers))) fault('broken', text)
  for (const [, replica] of replicas) for (const text of replica ? unwelcome(replica) : []) fault('broken', text)
  const expected = due(world, source?.identity.roomId, logs)
  for (const [index, site] of instances.entries()) checkLog(world, expected, site, logs[index]!, fault)
  for (const person of world.people) {
    for (const stay of person.stays) checkStay(world, expected, person, stay, stay === person.stay, fault)
    if (person.state === 'entering') fault('lost', `${person.bare} asked to enter and got no answer`)
    if (person.pings.size > 0) fault('lost', `${person.bare} asked whether he is in the room and got no answer`)
  }
  checkRosters(world, fault)
  for (const text of await differsFromDisk(world)) fault('diverged', text)
  return faults
}

/** What everybody must have: what was said in this very room, but for what a site alone had that holds it no more, or lost it with its disk. */
function due(
  { said, counts }: World,
  roomId: string | undefined,
  logs: readonly (readonly StoredLogRecord[])[],
): readonly Said[] {
  const held = new Set(logs.flatMap((log) => log.map(bodyOf)))
  const all = logs.flat()
  const voided = new Set(all.filter((record) => record.void).map(({ stanzaId }) => stanzaId))
  // Of those that ended nobody may be able to prove the last, which is void then for who had not heard it.
  const unproved = new Set(all.filter(({ stanzaId }) => voided.has(stanzaId)).map(bodyOf))
  // Who was away while a decision expired judges by the present register what was said before it.
  const misjudged = counts.expired > 0 ? unproved : new Set<string | undefined>()
  return said.filter(
    ({ forgotten, ended, expired, body, roomId: room }) =>
      forgotten === undefined &&
      expired === undefined &&
      !misjudged.has(body) &&
      room === roomId &&
      (ended === undefined || (held.has(body) && !unproved.has(body))),
  )
}

/** Have all instances the same, and is each in touch with all? Cheap enough to be asked every second. */
export function haveConverged({ sites }: World): boolean {
  const replicas = sites.map(({ index, service }) => service?.rooms.get(roomOf(index))?.replica)
  const [first] = replicas
  if (first === undefined) return replicas.every((replica) => replica === undefined)
  const expected = 1 + first.room.config.peers.length
  const held = replicas.filter((replica) => replica !== undefined)
  return (
    held.length === expected &&
    held.every((replica) => isInTouch(replica) && digest(replica).whole === digest(first).whole)
  )
}

const isInTouch = ({ phase, table, peers, room }: Replica): boolean =>
  phase === 'serving' &&
  [...table.instances.values()].every(
    ({ jid, gone }) => gone || jid === room.jid || ['up', 'greeting'].includes(peers.get(jid)?.link ?? ''),
  )

type Report = (kind: Kind, text: string) => void

async function logOf({ index, store }: Site): Promise<readonly StoredLogRecord[]> {
  return (await store?.log(roomOf(index), { includeVoid: true, limit: 1_000_000 })) ?? []
}

/** What each instance has of the room, as text, by what it is. */
const aspects: Readonly<Record<string, (replica: Replica) => string>> = {
  'the events held': ({ vector }) => vector.toString(),
  'the configuration': ({ room }) => `${room.configRevision}\n${sorted(Object.entries(room.config))}`,
  'the number of its key': ({ keys }) => String(keys.number),
  'the register': ({ room }) => `${room.registerRevision}\n${sorted(room.register)}`,
  'granted roles': ({ room }) => sorted(room.entitled ?? []),
  'the table of instances': ({ table }) => `${table.revision}\n${sorted(table.instances)}`,
  'what waits for the source': ({ withheld }) => JSON.stringify(withheld.map(({ jid }) => jid)),
  'the subject': ({ room }) => JSON.stringify([room.subject?.text, room.subject?.stanzaId]),
  'the occupants': ({ room }) =>
    sorted(
      [...room.occupants].map(([nick, { jid, home, role, elsewhere }]) => [
        nick,
        jid,
        role,
        [home, ...(elsewhere ?? []).map((other) => other.home)].sort(),
      ]),
    ),
}

const sorted = (rows: Iterable<readonly unknown[]>): string =>
  [...rows]
    .map((row) => JSON.stringify(row))
    .sort()
    .join('\n')

/** The lines of each that the other has not. */
const differing = (a: readonly string[], b: readonly string[]): string[] => [
  a.filter((line) => !b.includes(line)).join(' ') || 'nothing',
  b.filter((line) => !a.includes(line)).join(' ') || 'nothing',
]

function compareStates(replicas: readonly (Replica | undefined)[], fault: Report): void {
  const [first, ...rest] = replicas
  if (first === undefined) return
  for (const replica of rest) {
    if (replica === undefined) continue
    const same = Object.values(aspects).every((show) => show(replica) === show(first))
    if (same !== (digest(replica).whole === digest(first).whole))
      fault(
        'broken',
        `the digests of ${first.room.jid} and ${replica.room.jid} do not say that all is ${same ? '' : 'not '}equal`,
      )
    for (const [what, show] of Object.entries(aspects))
      if (show(replica) !== show(first)) {
        const [here, there] = differing(show(first).split('\n'), show(replica).split('\n'))
        fault('diverged', `${what}: at ${first.room.jid} ${here}\n  but at ${replica.room.jid} ${there}`)
      }
  }
  for (const replica of replicas)
    for (const occupant of replicas.length > 1 ? (replica?.room.occupants.values() ?? []) : [])
      if (replica !== undefined && !roleAtLeast(highestRole(replica.room, occupant), occupant.role))
        fault('broken', `nobody made ${occupant.nick} ${occupant.role}, as whom ${replica.room.jid} has him`)
  for (const replica of replicas)
    for (const [jid, { held, link }] of replica?.peers ?? [])
      if (replica?.table.instances.get(jid)?.gone === false && (held.length > 0 || link !== 'up'))
        fault('diverged', `${replica?.room.jid} is not in touch with ${jid}: ${link}, ${held.length} events held back`)
}

/** One event has one stanza-id, whichever key its origin and whoever took it had. */
function compareIds(logs: readonly (readonly StoredLogRecord[])[], fault: Report): void {
  const ids = new Map<string, string>()
  for (const { instance, incarnation, seq, stanzaId } of logs.flat()) {
    const event = `${instance} ${incarnation} ${seq}`
    const known = ids.get(event) ?? stanzaId
    ids.set(event, known)
    if (known !== stanzaId) fault('diverged', `${event} has the stanza-ids ${known} and ${stanzaId}`)
  }
}

export const bodyOf = ({ body, void: isVoid }: StoredLogRecord): string | undefined =>
  isVoid ? undefined : /<body>(.*?)<\/body>/.exec(body)?.[1]

function checkLog(
  world: World,
  expected: readonly Said[],
  site: Site,
  log: readonly StoredLogRecord[],
  fault: Report,
): void {
  const identities = log.map(({ instance, incarnation, seq }) => `${instance} ${incarnation} ${seq}`)
  if (new Set(identities).size < identities.length)
    fault('duplicated', `the log of site ${site.index} repeats an event`)
  const bodies = log.map(bodyOf).filter((body) => body !== undefined)
  if (new Set(bodies).size < bodies.length) fault('duplicated', `the log of site ${site.index} repeats a message`)
  const since = world.completeHistory ? 0 : (world.servedSince[site.index] ?? Number.POSITIVE_INFINITY)
  checkOrder(world.said, bodies, `the log of site ${site.index}`, fault)
  const held = new Set(bodies)
  for (const { body, roomId } of world.said)
    if (held.has(body) && roomId !== expected[0]?.roomId && expected.length > 0)
      fault('diverged', `the log of site ${site.index} has ${body} of a room that is no more`)
  for (const { body, order, by } of expected)
    if (order >= since && !held.has(body)) fault('lost', `site ${site.index} does not have ${body} by ${by.bare}`)
}

/** In one stay everything comes once, in the order of each site; an open one misses nothing said since it began. */
function checkStay(
  { said }: World,
  expected: readonly Said[],
  person: Person,
  stay: Stay,
  isOpen: boolean,
  fault: Report,
): void {
  const bodies = stay.heard.map(({ body }) => body)
  const ids = stay.heard.map(({ stanzaId }) => stanzaId)
  const heard = new Set(bodies)
  if (heard.size < bodies.length || new Set(ids).size < ids.length)
    fault('duplicated', `${person.bare} got something twice: ${bodies.join(' ')}`)
  checkOrder(said, bodies, person.bare, fault)
  if (!isOpen) return
  for (const { body, order, by } of expected)
    if (order >= stay.from && !heard.has(body)) fault('lost', `${person.bare} never got ${body} by ${by.bare}`)
}

/**
 * Of each site, what was said there first comes first; but what its disk lost may come after what was said there while nobody could be
 * asked for it.
 */
function checkOrder(said: readonly Said[], bodies: readonly string[], where: string, fault: Report): void {
  const place = new Map(said.map((one, index) => [one.body, { ...one, index }]))
  const last = new Map<number, number>()
  const lastAsked = new Map<number, number>()
  for (const body of bodies) {
    const at = place.get(body)
    // What has expired where it was said may come late from where it has not.
    if (at === undefined || at.expired !== undefined) continue
    // What a site said before it was taken out of the room it has from the others alone, as what it lost with its disk.
    const isElsewhere = at.forgotten !== undefined || at.ended !== undefined
    const before = (isElsewhere ? lastAsked : last).get(at.site) ?? -1
    if (before > at.index) fault('out of order', `${body} of site ${at.site} at ${where}`)
    last.set(at.site, at.index)
    if (!at.unasked) lastAsked.set(at.site, at.index)
  }
}

/** Everybody who is in sees everybody who is in, once, and alike. */
function checkRosters({ people }: World, fault: Report): void {
  const present = people.filter(({ state }) => state === 'in')
  const nicks = present.map(({ nick }) => nick).sort()
  if (new Set(nicks).size < nicks.length) fault('diverged', `two people have one nick: ${nicks.join(' ')}`)
  for (const viewer of present) {
    const seen = [...viewer.roster.keys()].sort()
    if (seen.join() !== nicks.join())
      fault('diverged', `${viewer.bare} sees ${seen.join(' ')}\n  but there are ${nicks.join(' ')}`)
    const [first] = present
    for (const nick of nicks) {
      const [a, b] = [JSON.stringify(first?.roster.get(nick)), JSON.stringify(viewer.roster.get(nick))]
      if (a !== b) fault('diverged', `${nick} is ${b} to ${viewer.bare}\n  but ${a} to ${first?.bare}`)
    }
    if (viewer.subject !== first?.subject)
      fault('diverged', `the subject is ${viewer.subject} to ${viewer.bare}, but ${first?.subject} to ${first?.bare}`)
  }
}
