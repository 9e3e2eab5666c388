/**
 * What a simulation stands on: a model of disks and network (quick, and exactly repeatable), or the SQLite store and the real pool of s2s
 * over connections in memory, where a crash means that the database is opened again.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openMemoryStore } from '../../src/store/memory.js'
import { openSqliteStore } from '../../src/store/sqlite/store.js'
import type { Store } from '../../src/store/store.js'
import { silentLogger } from '../../src/util/logger.js'
import type { Random } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { Disk } from './disk.js'
import { type Links, Network } from './network.js'
import type { SimTime } from './time.js'
import { type MakeWay, modelled, overWires } from './way.js'
import { Wires } from './wires.js'

export interface Ground {
  readonly links: Links
  readonly way: MakeWay
  /** A stanza from site to site, where `way` leaves that to us. */
  carry(from: number, to: number, stanza: Element): void
  disk(site: number): Disk
  /** Nothing of it stays. */
  remove(): Promise<void>
}

export type MakeGround = (time: SimTime, random: Random, seed: number, siteOf: (domain: string) => number) => Ground

export const model: MakeGround = (time, random) => {
  const links = new Network(time, random)
  return {
    links,
    way: modelled,
    carry: (from, to, stanza) => links.send(from, to, stanza),
    disk: () => {
      let store = openMemoryStore()
      const empty = (): void => {
        store = openMemoryStore()
      }
      return new Disk(time, random, { open: async () => store, close: async () => {}, empty })
    },
    remove: async () => {},
  }
}

export const real: MakeGround = (time, random, seed, siteOf) => {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-sim-'))
  const links = new Wires(time, seed)
  const disks: Disk[] = []
  return {
    links,
    way: overWires(links, seed, siteOf),
    carry: (_from, _to, stanza) => {
      throw new Error(`this did not go by s2s: ${stanza}`)
    },
    disk: (site) => {
      mkdirSync(join(directory, String(site)))
      const path = join(directory, String(site), 'dmucd.sqlite')
      const empty = (): void => {
        for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
      }
      const open = (): Promise<Store> => openSqliteStore({ path, durability: 'normal', log: silentLogger })
      const disk = new Disk(time, random, { open, close: async (store) => store.close(), empty })
      disks.push(disk)
      return disk
    },
    remove: async () => {
      await Promise.all(disks.map((disk) => disk.close()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
