/** An operator on a store in memory, with keys that say which password they are of. */
import type { Operator } from '../../src/admin/command.js'
import { openMemoryStore } from '../../src/store/memory.js'
import type { ScramKeys } from '../../src/store/store.js'

const keys = (password: string): ScramKeys => ({
  salt: '',
  iterations: 1,
  storedKey: `key of ${password}`,
  serverKey: '',
})

export function fakeOperator(overrides: Partial<Operator> = {}): Operator & { readonly changes: string[] } {
  const changes: string[] = []
  return {
    changes,
    store: openMemoryStore(),
    hosts: [
      { domain: 'example.org', type: 'user' },
      { domain: 'rooms.example.org', type: 'muc' },
    ],
    now: () => 1_000_000,
    deriveKeys: async (password) => {
      if (password.includes('\u0000')) throw new Error('forbidden')
      return { sha1: keys(password), sha256: keys(password) }
    },
    server: undefined,
    accountChanged: (jid, change) => {
      changes.push(`${change} ${jid}`)
    },
    loginLink: async () => undefined,
    service: () => undefined,
    ...overrides,
  }
}
