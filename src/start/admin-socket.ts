/** The socket of the operator's commands, and what they work with. */
import type { Operator } from '../admin/command.js'
import { commands } from '../admin/commands/index.js'
import { openAdminSocket } from '../admin/socket.js'
import { version } from '../admin/version.js'
import { deriveKeys } from '../sasl/scram-keys.js'
import { serverLinks } from '../server/s2s-operations.js'
import type { S2sPool } from '../server/s2s-pool.js'
import type { Server } from '../server/server.js'
import type { Store } from '../store/store.js'
import type { Logins } from './logins.js'
import type { Surroundings } from './surroundings.js'

/** Rejects with an Error fit for the operator where it cannot be opened. */
export async function openOperatorSocket(
  around: Surroundings,
  store: Store,
  server: Server,
  pool: S2sPool,
  logins: Logins,
): Promise<void> {
  const { config, lifecycle, clock, random, log, open } = around
  const startedAt = clock.now()
  const operator: Operator = {
    store,
    hosts: config.hosts.map(({ domain, type }) => ({ domain, type })),
    now: () => clock.now(),
    deriveKeys: (password) => deriveKeys(password),
    server: {
      version,
      pid: process.pid,
      startedAt,
      listening: open.spelt(),
      sessions: () => server.sessions.size,
      remotes: () => new Set(pool.links().flatMap(({ state, remote }) => (state === 'up' ? [remote] : []))).size,
    },
    accountChanged: async (jid, change) => {
      if (change !== 'added') logins.links.forget(jid)
      await server.accountChanged(jid)
      if (change === 'password') endSessions(server, jid)
    },
    loginLink: (jid) => logins.link(jid),
    service: (domain, name) => server.service(domain, name),
    servers: serverLinks({ pool, router: server.router, clock, random }),
  }
  const { admin_socket: path } = config.global
  lifecycle.add('admin socket', await openAdminSocket({ path, commands, operator, log }))
}

function endSessions(server: Server, jid: string): void {
  for (const session of server.sessions.of(jid)) session.outbox.close('not-authorized', 'The password was changed')
}
