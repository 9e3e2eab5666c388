import { join } from 'node:path'
import { openSqliteStore } from '../../../src/store/sqlite/store.js'
import { silentLogger } from '../../../src/util/logger.js'
import { storeContract } from '../contract.js'
import { temporaryDirectory } from './directory.js'

storeContract('SQLite, full', () =>
  openSqliteStore({ path: join(temporaryDirectory(), 'dmucd.db'), durability: 'full', log: silentLogger }),
)

storeContract('SQLite, normal, three readers', () =>
  openSqliteStore({
    path: join(temporaryDirectory(), 'dmucd.db'),
    durability: 'normal',
    readers: 3,
    log: silentLogger,
  }),
)
