/** Why a domain could not be reached, as its operator's counterpart reads it and as senders are told (RFC 6120 §8.3.3). */
import { ResolveError } from '../net/resolver.js'
import type { DialbackAnswer } from '../stream/dialback.js'
import type { StreamEnd } from '../stream/stream.js'
import type { StanzaErrorCondition } from '../xmpp/stanza-error.js'
import type { StreamError } from '../xmpp/stream-error.js'

export interface Failure {
  readonly condition: StanzaErrorCondition
  /** For people, without a full stop. */
  readonly reason: string
  /** What our operator may change to have it otherwise; for nobody else. */
  readonly change?: string
}

export function resolveFailure(thrown: unknown): Failure {
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  const temporary = !(thrown instanceof ResolveError) || thrown.kind === 'temporary'
  return { condition: temporary ? 'remote-server-timeout' : 'remote-server-not-found', reason }
}

/** Of the last address that was tried. */
export function connectFailure(error: Error): Failure {
  const { code } = error as NodeJS.ErrnoException
  const unreachable = code === 'ECONNREFUSED' || code === 'ENETUNREACH' || code === 'EHOSTUNREACH'
  const meaning = Object.hasOwn(meanings, code ?? '') ? `: ${meanings[code ?? '']}` : ''
  const reason = `${error.message}${meaning}`
  return { condition: unreachable ? 'remote-server-not-found' : 'remote-server-timeout', reason }
}

const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there, or a firewall says so',
  ENETUNREACH: 'this machine has no way into that network',
  EHOSTUNREACH: 'that machine is off, or a firewall is in the way',
}

/** We closed the stream in order. */
export const closedFor = (reason: StreamError | undefined): Failure => ({
  condition: 'remote-server-timeout',
  reason: reason === undefined ? 'we closed the stream' : `we closed the stream: ${reason.message}`,
})

/** Of a stream that ended before the pair was authorized. */
export function streamFailure(end: StreamEnd): Failure {
  switch (end.is) {
    case 'closed':
      return { condition: 'remote-server-timeout', reason: 'the peer closed the stream' }
    case 'lost':
      return {
        condition: 'remote-server-timeout',
        reason: `the connection broke${end.error ? `: ${end.error.message}` : ''}`,
      }
    case 'error': {
      const who = end.by === 'us' ? 'we ended the stream' : 'the peer ended the stream'
      return { condition: conditionOf(end), reason: `${who}: ${end.error.message}` }
    }
  }
}

function conditionOf({ error }: StreamEnd & { is: 'error' }): StanzaErrorCondition {
  switch (error.condition) {
    case 'host-unknown':
    case 'host-gone':
      return 'remote-server-not-found'
    case 'policy-violation':
    case 'not-authorized':
      return 'policy-violation'
    default:
      return 'remote-server-timeout'
  }
}

/** The operator wants none, and what else could prove our domain did not. */
export const withoutDialback = (remote: string): Failure => ({
  condition: 'policy-violation',
  reason: `${remote} does not take our certificate, and dialback is left out`,
  change: 'remove "dialback" from modules_disabled',
})

/** XEP-0220 §2.1.1 says which: an error may pass, `invalid` is a fault of ours. Undefined for `valid`. */
export function dialbackFailure(answer: DialbackAnswer): Failure | undefined {
  if (answer.is === 'valid') return undefined
  if (answer.is === 'invalid')
    return { condition: 'internal-server-error', reason: 'the peer says that our dialback key is not ours' }
  const { condition, text } = answer.error
  return {
    condition: 'remote-server-timeout',
    reason: `the peer refused dialback with ${condition}${text === undefined ? '' : `: ${text}`}`,
  }
}
