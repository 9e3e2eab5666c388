/** Rounds of: a process that commits and says what was confirmed, SIGKILL at a seeded moment, and a look at the disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import type { Durability } from '../../../src/store/sqlite/connection.js'

export interface KillCount {
  rounds: number
  confirmed: number
  /** Of the confirmed: not there afterwards. */
  lost: number
  /** There, though not confirmed when the process died: in flight. */
  beyond: number
  /** Rooms whose vector is not what their log counts, and databases that `integrity_check` complains about. */
  damaged: number
}

const committer = fileURLToPath(new URL('./committer.mjs', import.meta.url))

/** A round goes on with the database that the rounds before left; every 25 a new one begins. */
export async function killRounds(
  directory: string,
  durability: Durability,
  rounds: number,
  seed: number,
): Promise<KillCount> {
  const count: KillCount = { rounds: 0, confirmed: 0, lost: 0, beyond: 0, damaged: 0 }
  let state = seed
  for (let round = 1; round <= rounds; round += 1) {
    const path = join(directory, `dmucd-${Math.floor(round / 25)}.db`)
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const confirmed = await killed(path, durability, `round-${round}`, 1 + ((state >>> 8) % 400))
    const { seqs, sound } = inspect(path, `round-${round}`)
    count.rounds += 1
    count.confirmed += confirmed.length
    count.lost += confirmed.filter((seq) => !seqs.has(seq)).length
    count.beyond += seqs.size - confirmed.length
    count.damaged += sound ? 0 : 1
  }
  return count
}

/** Kills once `after` events were confirmed; gives all whose confirmation was heard. */
async function killed(path: string, durability: Durability, incarnation: string, after: number): Promise<number[]> {
  const child = spawn(process.execPath, [committer, path, durability, incarnation], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const confirmed: number[] = []
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed.push(...line.split(' ').map(Number))
      if (confirmed.length >= after) child.kill('SIGKILL')
    }
  } finally {
    child.kill('SIGKILL')
  }
  const [, signal] = await exited
  if (signal !== 'SIGKILL') throw new Error(`the committer of ${incarnation} ended by itself`)
  return confirmed
}

function inspect(path: string, incarnation: string): { seqs: Set<number>; sound: boolean } {
  const db = new Database(path)
  try {
    const seqs = db
      .prepare<[string], number>('SELECT seq FROM log JOIN origin ON origin.id = log.origin WHERE incarnation = ?')
      .pluck()
      .all(incarnation)
    // The committer's events come without gaps, so the vector is one number, and what is beyond it is half a batch.
    const contiguous = db.prepare('SELECT contiguous FROM origin WHERE incarnation = ?').pluck().get(incarnation)
    const sound = contiguous === seqs.length && Math.max(...seqs) === seqs.length && seqs.length % 3 === 0
    return { seqs: new Set(seqs), sound: sound && db.pragma('integrity_check', { simple: true }) === 'ok' }
  } finally {
    db.close()
  }
}
