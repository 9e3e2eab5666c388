/** What we refuse of another server's TLS: a line in the log that names what to change, and what senders are told. */
import type { TlsInfo } from '../net/transport.js'
import type { Logger } from '../util/logger.js'
import type { Failure } from './s2s-failure.js'
import { encryptionChange, refusal, type S2sPolicy } from './s2s-policy.js'

/** Undefined where the policy takes what it showed in TLS. */
export function refusedFor(policy: S2sPolicy, remote: string, tls: TlsInfo, log: Logger): Failure | undefined {
  const refused = refusal(policy, remote, tls)
  if (refused === undefined) return undefined
  const { reason, change } = refused
  log.warn({ reason }, `Refused ${remote}: ${reason}. To allow it: ${change}`)
  return { condition: 'policy-violation', reason: `${remote} was refused: ${reason}`, change }
}

/** `failure`, with what to change: it offered no TLS where the policy wants some. */
export function refusedWithoutTls(failure: Failure, policy: S2sPolicy, remote: string, log: Logger): Failure {
  const change = encryptionChange(policy, remote)
  log.warn({}, `Refused ${remote}: it does not offer TLS. To allow it: ${change}`)
  return { ...failure, change }
}
