/** What a reload (SIGHUP) takes over, and what waits for the next start. */
import type { Config } from './config.js'

/** Options that the running server reads again whenever it needs them. Certificates are read again in any case. */
const reloadable: ReadonlySet<string> = new Set([
  'log_level',
  's2s_require_encryption',
  's2s_secure_auth',
  's2s_insecure_domains',
  's2s_secure_domains',
  's2s_auth',
  's2s_allow',
  's2s_deny',
  's2s_routes',
])

/** Names of the options and sections that differ and need a restart. */
export function needRestart(before: Config, after: Config): string[] {
  const [old, now] = [valuesOf(before), valuesOf(after)]
  return Object.keys(now).filter(
    (name) => !reloadable.has(name) && JSON.stringify(old[name]) !== JSON.stringify(now[name]),
  )
}

function valuesOf({ global, hosts, leftOut, s2sRoutes, dmuc, limits }: Config): Readonly<Record<string, unknown>> {
  const described = hosts.map((host) => ({ ...host, modules: host.modules.map(({ name }) => name) }))
  return { ...global, hosts: described, modules_disabled: [...leftOut], s2s_routes: s2sRoutes, dmuc, limits }
}
