/** What may happen in a simulated world, and schedules of it drawn from a seed. */
import type { Random } from '../../src/util/random.js'
import type { Fault } from './network.js'

/** Milliseconds since the beginning; people and sites by number. */
export type Operation = { readonly at: number } & (
  | { readonly type: 'enter'; readonly who: number; readonly nick: string }
  | { readonly type: 'leave' | 'say' | 'subject' | 'status' | 'rename'; readonly who: number }
  | { readonly type: 'kick' | 'voice' | 'devoice' | 'raise'; readonly who: number; readonly whom: number }
  | { readonly type: 'affiliate'; readonly who: number; readonly whom: number; readonly affiliation: string }
  | { readonly type: 'configure'; readonly who: number; readonly field: string; readonly value: string }
  | { readonly type: 'distribute'; readonly sites: number }
  | {
      readonly type: 'cut'
      readonly from: number
      readonly to: number
      readonly both: boolean
      readonly fault: Fault
      readonly forMs: number
    }
  /** `losesMs`: the disk comes back as it was so long before, as after a power cut, or from a backup; empty where it was not in use yet. */
  | { readonly type: 'crash'; readonly site: number; readonly forMs: number; readonly losesMs?: number }
  /** That site logs an operation of a newer release. */
  | { readonly type: 'novelty'; readonly site: number }
  /** The operator there makes it the source, if the source cannot be reached from it. */
  | { readonly type: 'promote'; readonly site: number }
  /** What goes to that site, comes from it or is written there takes so many times as long. */
  | { readonly type: 'slow'; readonly site: number; readonly factor: number; readonly forMs: number }
  /** Somebody asks whether he is still in the room (XEP-0410). */
  | { readonly type: 'ping'; readonly who: number }
  /** The first person destroys the room, and makes it anew. */
  | { readonly type: 'destroy' | 'found' }
  | { readonly type: 'clock'; readonly site: number; readonly skewMs: number }
  /** That site keeps nothing that is older: what was said is erased there, and what has expired leaves its log. */
  | { readonly type: 'expire'; readonly site: number; readonly keepMs: number }
)

export interface Scope {
  readonly sites: number
  /** How many people each site has. */
  readonly people: number
  readonly operations: number
  readonly lengthMs: number
  /** The chance of a fault in place of an operation. */
  readonly faults: number
  /** Two people may want one nick. */
  readonly clashes: boolean
  /** The owner takes the room back from sites. What was said there and nobody else has heard ends with it. */
  readonly takesBack: boolean
  /** The chance that a stanza is lost, or arrives twice, without anybody being told. */
  readonly losing: number
  readonly doubling: number
  readonly history: number
  /** The firsthost is gone for long, and operators promote shadows. */
  readonly promotes?: boolean
  /** Admins at a shadow that is cut off from the source. */
  readonly restricts?: boolean
  /** Disks of shadows lose what they had confirmed. */
  readonly forgets?: boolean
  /** So does the disk of the source. */
  readonly sourceForgets?: boolean
  /** Some sites are slow at times. */
  readonly slows?: boolean
  /** The room is destroyed and made anew. */
  readonly destroys?: boolean
  /** A room that nobody is in leaves memory after moments; `in the end`: everybody leaves before what has become of all is looked at. */
  readonly rests?: 'meanwhile' | 'in the end'
  /** Sites keep what was said for a while only, each for another. */
  readonly expires?: boolean
}

/** When the room is there. */
const foundMs = 1100

export const nickOf = (who: number): string => `nick${who}`

const fields: readonly (readonly [string, readonly string[]])[] = [
  ['muc#roomconfig_roomname', ['one', 'two', 'three']],
  ['muc#roomconfig_moderatedroom', ['0', '1']],
  ['muc#roomconfig_membersonly', ['0', '1']],
  ['muc#roomconfig_whois', ['anyone', 'moderators']],
  ['muc#roomconfig_changesubject', ['0', '1']],
]

export function drawSchedule(random: Random, scope: Scope): Operation[] {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.fraction() * choices.length)]!
  const below = (bound: number): number => Math.floor(random.fraction() * bound)
  const everybody = scope.sites * scope.people
  const duration = (): number => pick([300, 3000, 20_000, 90_000, 150_000]) * (0.5 + random.fraction())

  const fault = (at: number): Operation => {
    if (random.fraction() < 0.3) {
      const crash = { at, type: 'crash', site: below(scope.sites), forMs: duration() } as const
      // A source out of a backup with a room that was destroyed, or taken back, since has another one than everybody else.
      const forgets = crash.site === 0 ? scope.sourceForgets && !scope.destroys && !scope.takesBack : scope.forgets
      if (forgets !== true || scope.promotes === true) return crash
      const losesMs = pick([50, 500, 1500, 20_000, 90_000, 1e9])
      // A source that lost the room altogether waits for its operator.
      return { ...crash, losesMs: crash.site === 0 ? Math.min(losesMs, at - foundMs) : losesMs }
    }
    if (random.fraction() < 0.15)
      return { at, type: 'clock', site: below(scope.sites), skewMs: below(240_000) - 120_000 }
    const from = below(scope.sites)
    const to = (from + 1 + below(scope.sites - 1)) % scope.sites
    const how = pick<Fault>(['bounce', 'bounce', 'silent', 'stall'])
    return { at, type: 'cut', from, to, both: random.fraction() < 0.75, fault: how, forMs: duration() }
  }

  const operation = (at: number): Operation => {
    const who = below(everybody)
    const whom = below(everybody)
    switch (below(20)) {
      case 0:
      case 1:
      case 2:
        return { at, type: 'enter', who, nick: scope.clashes && random.fraction() < 0.4 ? 'sam' : nickOf(who) }
      case 3:
      case 4:
        return { at, type: 'leave', who }
      case 5:
        return { at, type: 'subject', who: pick([0, who]) }
      case 6:
        return { at, type: 'status', who }
      case 7:
        return { at, type: 'rename', who }
      case 8:
        return { at, type: 'kick', who: pick([0, who]), whom }
      case 9:
        return { at, type: pick(['voice', 'devoice', 'raise']), who: pick([0, who]), whom }
      case 10:
        return {
          at,
          type: 'affiliate',
          who: pick([0, 0, who]),
          whom: 1 + below(everybody - 1),
          affiliation: pick(['owner', 'admin', 'member', 'none', 'none', 'outcast']),
        }
      case 11: {
        const [field, values] = pick(fields)
        return { at, type: 'configure', who: pick([0, who]), field, value: pick(values) }
      }
      default:
        return { at, type: 'say', who }
    }
  }

  const schedule: Operation[] = []
  // An instance that a promoted one has not heard of waits for an owner.
  const early = random.fraction() < 0.7 || scope.promotes ? scope.sites : 1 + below(scope.sites)
  if (early > 1) schedule.push({ at: 1500, type: 'distribute', sites: early })
  if (early < scope.sites) schedule.push({ at: 5000 + below(scope.lengthMs), type: 'distribute', sites: scope.sites })
  if (scope.takesBack)
    schedule.push({ at: 5000 + below(scope.lengthMs), type: 'distribute', sites: 1 + below(scope.sites) })
  if (scope.promotes) schedule.push(...promotions(random, scope))
  if (scope.restricts) schedule.push(...restrictions(random, scope))
  for (let who = 1; who < everybody; who++)
    if (random.fraction() < 0.7) schedule.push({ at: 2000 + below(4000), type: 'enter', who, nick: nickOf(who) })
  for (let count = 0; count < scope.operations; count++) {
    const at = 2000 + below(scope.lengthMs)
    schedule.push(random.fraction() < scope.faults ? fault(at) : operation(at))
    // People talk in bursts, and it is then that things cross.
    if (random.fraction() < 0.3) schedule.push(operation(at + below(50)), operation(at + below(50)))
  }
  // Drawn last, so that what else a seed means stays.
  for (let count = below(3); count > 0; count--)
    schedule.push({ at: 8000 + below(scope.lengthMs), type: 'novelty', site: below(scope.sites) })
  schedule.push(...others(random, scope))
  return schedule.sort((a, b) => a.at - b.at)
}

/** What came later to this simulator. */
function others(random: Random, scope: Scope): Operation[] {
  const below = (bound: number): number => Math.floor(random.fraction() * bound)
  const at = (): number => 8000 + below(scope.lengthMs)
  const drawn: Operation[] = []
  for (let count = 1 + below(6); count > 0; count--)
    drawn.push({ at: at(), type: 'ping', who: below(scope.sites * scope.people) })
  if (scope.slows)
    for (let count = 1 + below(3); count > 0; count--)
      drawn.push({
        at: at(),
        type: 'slow',
        site: below(scope.sites),
        factor: 2 + below(30),
        forMs: 2000 + below(60_000),
      })
  if (scope.takesBack)
    for (let count = 1 + below(3); count > 0; count--)
      drawn.push({ at: at(), type: 'distribute', sites: 1 + below(scope.sites) })
  if (scope.destroys) {
    const end = at()
    drawn.push({ at: end, type: 'destroy' }, { at: end + 1000 + below(30_000), type: 'found' })
  }
  if (scope.expires)
    for (let count = 1 + below(5); count > 0; count--)
      drawn.push({ at: at(), type: 'expire', site: below(scope.sites), keepMs: 2000 + below(40_000) })
  return drawn
}

/** The source is away; one shadow is promoted, and sometimes another one, too, or somebody else later. */
function promotions(random: Random, { sites, lengthMs }: Scope): Operation[] {
  const below = (bound: number): number => Math.floor(random.fraction() * bound)
  const shadow = (): number => 1 + below(sites - 1)
  const at = 10_000 + below(lengthMs)
  const forMs = 80_000 + below(200_000)
  const gone: Operation[] =
    random.fraction() < 0.6
      ? [{ at, type: 'crash', site: 0, forMs }]
      : Array.from({ length: sites - 1 }, (_, n) => ({
          at,
          type: 'cut',
          from: 0,
          to: n + 1,
          both: true,
          fault: 'bounce',
          forMs,
        }))
  const promoted: Operation[] = [{ at: at + 61_000 + below(20_000), type: 'promote', site: shadow() }]
  if (random.fraction() < 0.5) promoted.push({ at: at + 61_000 + below(20_000), type: 'promote', site: shadow() })
  if (random.fraction() < 0.2) promoted.push({ at: at + 100_000 + below(100_000), type: 'promote', site: below(sites) })
  return [...gone, ...promoted]
}

/** Somebody elsewhere becomes an admin, is cut off from the source, and rules on; the owner does not sit idle meanwhile. */
function restrictions(random: Random, { sites, people, lengthMs }: Scope): Operation[] {
  const below = (bound: number): number => Math.floor(random.fraction() * bound)
  const who = 1 + below(sites * people - 1)
  const site = who % sites
  if (site === 0) return []
  const at = 15_000 + below(lengthMs)
  const forMs = 5000 + below(200_000)
  const affiliate = (when: number, actor: number): Operation => {
    const whom = 1 + below(sites * people - 1)
    const affiliation = (['outcast', 'outcast', 'none', 'member'] as const)[below(4)]!
    return { at: when, type: 'affiliate', who: actor, whom, affiliation }
  }
  return [
    { at: 9000, type: 'affiliate', who: 0, whom: who, affiliation: 'admin' },
    { at: 9500, type: 'affiliate', who: 0, whom: 1 + below(sites * people - 1), affiliation: 'member' },
    { at: at - 2000, type: 'enter', who, nick: nickOf(who) },
    { at, type: 'cut', from: 0, to: site, both: true, fault: 'bounce', forMs },
    ...Array.from({ length: 3 }, () => affiliate(at + 2000 + below(forMs), who)),
    ...(random.fraction() < 0.4 ? [affiliate(at + 1000 + below(forMs), 0)] : []),
    ...(random.fraction() < 0.3 ? [{ at: at + below(forMs), type: 'crash', site, forMs: 3000 } as const] : []),
    ...(random.fraction() < 0.2 ? [{ at: at + below(forMs), type: 'leave', who } as const] : []),
  ]
}
