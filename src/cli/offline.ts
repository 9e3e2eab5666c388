/** Commands on the store of a stopped server, under the same lock that a running one holds. */
import { join } from 'node:path'
import type { Operator } from '../admin/command.js'
import type { Config } from '../config/config.js'
import { deriveKeys } from '../sasl/scram-keys.js'
import { lockDataDirectory } from '../store/lock.js'
import { openSqliteStore } from '../store/sqlite/store.js'
import { systemClock } from '../util/clock.js'
import { Lifecycle } from '../util/lifecycle.js'
import { makeLog } from './log.js'

/** Rejects when a server holds the lock, or the store cannot be opened; closes everything afterwards. */
export async function withStore<T>(config: Config, work: (operator: Operator) => Promise<T>): Promise<T> {
  const log = makeLog('warn')
  const lifecycle = new Lifecycle((part, error) => log.error({ err: error, part }, 'A part failed to close'))
  try {
    const { data_path, durability } = config.global
    const lock = lifecycle.add('lock', lockDataDirectory(data_path))
    const path = join(data_path, 'dmucd.sqlite')
    const store = lifecycle.add('store', await openSqliteStore({ path, durability, lock, log }))
    return await work({
      store,
      hosts: config.hosts,
      now: () => systemClock.now(),
      deriveKeys,
      server: undefined,
      accountChanged: () => {},
      loginLink: async () => undefined,
      service: () => undefined,
    })
  } finally {
    await lifecycle.close()
  }
}
