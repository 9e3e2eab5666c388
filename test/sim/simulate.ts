/** One schedule from its seed to its verdict, and the shortest schedule that still fails. */
import { type Random, SeededRandom } from '../../src/util/random.js'
import type { MakeGround } from './ground.js'
import { check, type Fault, haveConverged, signature } from './invariants.js'
import type { Tamper } from './network.js'
import { drawSchedule, type Operation, type Scope } from './operations.js'
import { differsAtRest } from './stored.js'
import { type Counts, World } from './world.js'

/** How long everything has worked again when it is looked at. */
const quietMs = 240_000

/** Within this time it is healed, where it was seen that there is something to heal (dmuc.md §5). */
const promisedMs = 10_000

const stepMs = 1000

export interface Outcome {
  readonly faults: readonly Fault[]
  readonly counts: Counts
  /** How long after everything worked again all instances had the same for good; at most `quietMs`. */
  readonly healedMs: number
}

export interface Options {
  readonly tamper?: Tamper | undefined
  readonly trace?: ((text: string) => void) | undefined
  /** Once everything is in place, before anything happens. */
  readonly inject?: ((world: World) => void) | undefined
  /** Default: the model. */
  readonly ground?: MakeGround
  /** Before the verdict. */
  readonly inspect?: ((world: World) => void) | undefined
}

export async function play(
  seed: number,
  scope: Scope,
  schedule: readonly Operation[],
  options: Options = {},
): Promise<Outcome> {
  const world = new World(seed, scope, options.ground)
  try {
    return await playIn(world, scope, schedule, options)
  } finally {
    await world.remove()
  }
}

async function playIn(
  world: World,
  scope: Scope,
  schedule: readonly Operation[],
  { tamper, trace, inspect, inject, ground }: Options,
): Promise<Outcome> {
  world.trace = trace && ((text) => trace(`${world.time.now} ${text}`))
  await world.start()
  if (tamper !== undefined) world.network.tamper = tamper
  inject?.(world)
  for (const operation of schedule) {
    await world.time.runUntil(Math.max(world.time.now, operation.at))
    world.perform(operation)
  }
  await world.time.runUntil(world.time.now + 1000)
  world.heal()
  if (scope.promotes) {
    await world.time.runUntil(world.time.now + quietMs)
    if (scope.rests !== undefined) await world.wake()
    world.agree()
  }
  // So that the rooms rest, and the digest of the minute has to find what differs.
  if (scope.rests === 'in the end')
    for (const who of world.people.keys()) world.perform({ at: world.time.now, type: 'leave', who })
  const healedMs = await heal(world, scope.rests === undefined)
  const resting = await differsAtRest(world)
  world.look()
  if (scope.rests !== undefined) await world.wake()
  world.look()
  for (const person of world.people) world.ping(person)
  await world.time.runUntil(world.time.now + 2000)
  inspect?.(world)
  const faults = [...resting.map((text) => ({ kind: 'diverged' as const, text })), ...(await check(world))]
  // Connections of TCP have times of their own.
  // So have operators.
  const isExact = tamper === undefined && ground === undefined && world.counts.restored === 0
  if (faults.length === 0 && healedMs > promisedMs && isExact && isPromised(scope, schedule))
    faults.push({ kind: 'diverged', text: `it took ${healedMs} ms until all had the same` })
  return { faults, counts: world.counts, healedMs }
}

/** Lets time pass, and watches what becomes of the instances meanwhile, if they are all in memory. */
async function heal(world: World, watches: boolean): Promise<number> {
  const start = world.time.now
  let apart = 0
  for (let passed = stepMs; passed <= quietMs; passed += stepMs) {
    await world.time.runUntil(start + passed)
    if (watches && !haveConverged(world)) apart = passed
  }
  return apart
}

/**
 * What is noticed as it happens is mended at once. What is lost in silence shows with the next hello, after a minute at most,
 * and whoever is asked to replicate has ten seconds to answer.
 */
const isPromised = (
  { losing, promotes, destroys, takesBack, slows, rests }: Scope,
  schedule: readonly Operation[],
): boolean =>
  losing === 0 &&
  !promotes &&
  !destroys &&
  !takesBack &&
  !slows &&
  rests === undefined &&
  !schedule.some(
    (operation) =>
      // That something has expired is told with the next hello.
      operation.type === 'expire' ||
      (operation.type === 'cut' && operation.fault === 'silent') ||
      (operation.type === 'distribute' && operation.at > 1500),
  )

/** Schedules differ in their scope, too; all of it comes from the seed. */
export function drawScope(seed: number, sites: number): Scope {
  const random = new SeededRandom(seed ^ 0x5eed)
  const rarely = (chance: number, value: number): number => (random.fraction() < chance ? value : 0)
  return resting(
    seed,
    plausible({
      sites,
      people: 2 + Math.floor(random.fraction() * 2),
      operations: 20 + Math.floor(random.fraction() * 60),
      lengthMs: 20_000 + Math.floor(random.fraction() * 160_000),
      faults: random.fraction() * 0.25,
      clashes: random.fraction() < 0.3,
      takesBack: false,
      losing: rarely(0.2, 0.03),
      doubling: rarely(0.3, 0.05),
      history: random.fraction() < 0.3 ? 5 : 1000,
      promotes: random.fraction() < 0.2,
      restricts: random.fraction() < 0.3,
      forgets: random.fraction() < 0.25,
      ...rarer(random),
      sourceForgets: random.fraction() < 0.25,
    }),
  )
}

function rarer(random: Random): Partial<Scope> {
  const which = Math.floor(random.fraction() * 10)
  const slows = random.fraction() < 0.2
  return { slows, takesBack: which === 0, destroys: which === 1, expires: random.fraction() < 0.25 }
}

/** By the last digit of the seed: schedules of the others are as they were without. */
function resting(seed: number, scope: Scope): Scope {
  const digit = seed % 10
  if (scope.takesBack || scope.destroys === true || (digit > 0 && digit < 7)) return scope
  return { ...scope, rests: digit === 7 || digit === 8 ? 'meanwhile' : 'in the end', people: 1 }
}

/** A room that ends while somebody elsewhere is made its source is two rooms. */
const plausible = (scope: Scope): Scope => (scope.promotes ? { ...scope, takesBack: false, destroys: false } : scope)

export const scheduleOf = (seed: number, scope: Scope): Operation[] => drawSchedule(new SeededRandom(seed), scope)

export async function simulate(seed: number, sites: number, options: Options = {}): Promise<Outcome> {
  const scope = drawScope(seed, sites)
  return play(seed, scope, scheduleOf(seed, scope), options)
}

/** Drops operations as long as a fault of the same kind stays. At most `plays` tries. */
export async function shrink(
  seed: number,
  scope: Scope,
  schedule: readonly Operation[],
  fault: Fault,
  options: Options = {},
  plays = 400,
): Promise<readonly Operation[]> {
  let shortest = schedule
  for (let size = Math.ceil(schedule.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let start = 0; start < shortest.length && plays > 0; ) {
      const shorter = [...shortest.slice(0, start), ...shortest.slice(start + size)]
      plays -= 1
      const { faults } = await play(seed, scope, shorter, options)
      if (faults.some((found) => signature(found) === signature(fault))) shortest = shorter
      else start += size
    }
  return shortest
}
