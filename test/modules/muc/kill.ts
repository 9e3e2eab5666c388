/** Rounds of: a server that does everything with rooms and says what was answered, SIGKILL at a seeded moment, and a look at the disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { loggedEvent } from '../../../src/modules/muc/storage.js'
import { apply, defaultPolicy, newRoom } from '../../../src/room/index.js'
import { openSqliteStore } from '../../../src/store/sqlite/store.js'
import type { LoadedRoom, StoredLogRecord } from '../../../src/store/store.js'
import { silentLogger } from '../../../src/util/logger.js'

interface Answered {
  readonly room: string
  readonly does: 'create' | 'message' | 'config' | 'affiliation' | 'subject' | 'retract' | 'destroy'
  readonly value: string
}

export interface RoomKillCount {
  rounds: number
  answered: Readonly<Record<string, number>>
  /** What is not as it was answered, or does not fit together, in words. */
  wrong: string[]
}

const program = fileURLToPath(new URL('./room-operations.mjs', import.meta.url))

/** All rounds go on with one database. */
export async function killRooms(path: string, rounds: number, seed: number): Promise<RoomKillCount> {
  const answered: Record<string, number> = {}
  const wrong: string[] = []
  let state = seed
  for (let round = 1; round <= rounds; round += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const operations = await killed(path, `round${round}`, 40 + ((state >>> 8) % 300))
    for (const { does } of operations) answered[does] = (answered[does] ?? 0) + 1
    wrong.push(...(await faults(path, operations)))
  }
  return { rounds, answered, wrong }
}

async function killed(path: string, run: string, after: number): Promise<Answered[]> {
  const child = spawn(process.execPath, [program, path, run], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const answered: Answered[] = []
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      answered.push(JSON.parse(line))
      if (answered.length >= after) child.kill('SIGKILL')
    }
  } finally {
    child.kill('SIGKILL')
  }
  const [, signal] = await exited
  if (signal !== 'SIGKILL') throw new Error(`${run} ended by itself`)
  return answered
}

async function faults(path: string, answered: readonly Answered[]): Promise<string[]> {
  const db = new Database(path)
  const integrity = db.pragma('integrity_check', { simple: true })
  db.exec("INSERT INTO log_text (log_text) VALUES ('integrity-check')")
  db.close()
  const found = integrity === 'ok' ? [] : [`integrity_check: ${integrity}`]
  const store = await openSqliteStore({ path, durability: 'normal', log: silentLogger })
  for (const [room, operations] of byRoom(answered)) {
    const loaded = await store.loadRoom(room, 200)
    const log = await store.log(room, { limit: 1000 })
    found.push(...faultsOf(operations, loaded, log).map((fault) => `${room}: ${fault}`))
  }
  await store.close()
  return found
}

function faultsOf(
  operations: readonly Answered[],
  loaded: LoadedRoom | undefined,
  log: readonly StoredLogRecord[],
): string[] {
  const values = (does: Answered['does']): string[] =>
    operations.filter((one) => one.does === does).map(({ value }) => value)
  const isDestroyed = values('destroy').length > 0
  if (isDestroyed) return loaded === undefined && log.length === 0 ? [] : ['it was destroyed, and is there']
  // Its last subject was answered, so its destruction may have been under way.
  if (loaded === undefined) return values('subject').length === 5 ? [] : ['it is not there']
  const faults: string[] = []
  const check = (isRight: boolean, fault: string): void => void (isRight || faults.push(fault))

  const messages = new Map(log.map((record) => [record.stanzaId, record.body]))
  for (const id of values('message')) check(messages.has(id), `message ${id} is lost`)
  for (const id of values('retract')) check(!/secret/.test(messages.get(id) ?? ''), `message ${id} says its secret`)
  const registered = new Set(loaded.affiliations.map(({ jid }) => jid))
  for (const jid of values('affiliation')) check(registered.has(jid), `${jid} is no member`)
  const saved = JSON.parse(loaded.room.state)
  const isNext = (is: string | undefined, was: string | undefined): boolean =>
    is === was || Number(is?.slice(1)) === Number(was?.slice(1) ?? 0) + 1
  check(
    isNext(saved.config.name, [...values('create'), ...values('config')].at(-1)),
    `its name is ${saved.config.name}`,
  )
  check(isNext(saved.subject?.text, values('subject').at(-1)), `its subject is ${saved.subject?.text}`)

  const replayed = log.map(loggedEvent).reduce(apply, newRoom(loaded.room.jid, defaultPolicy))
  const told = [...replayed.register].map(([jid, { affiliation }]) => `${jid} ${affiliation}`).sort()
  const stored = loaded.affiliations.map(({ jid, affiliation }) => `${jid} ${affiliation}`).sort()
  check(String(told) === String(stored), `its log says ${told}, its register ${stored}`)
  check(JSON.stringify(replayed.config) === JSON.stringify(saved.config), 'its log has another configuration')
  check(replayed.subject?.text === saved.subject?.text, 'its log has another subject')
  return faults
}

function byRoom(answered: readonly Answered[]): Map<string, Answered[]> {
  const rooms = new Map<string, Answered[]>()
  for (const one of answered) rooms.set(one.room, [...(rooms.get(one.room) ?? []), one])
  return rooms
}
