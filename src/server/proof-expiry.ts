/**
 * The end of what proved a peer (RFC 6120 §13.7.2.3): a stream may last longer than the certificate by which it was authenticated, and
 * is then closed with `reset`.
 */
import type { Clock, Timer } from '../util/clock.js'
import { StreamError } from '../xmpp/stream-error.js'

/** Timers are short: a clock that is set, or a machine that sleeps, is noticed within a day; and Node has none above 24.8 days. */
const dayMs = 86_400_000

/** Calls `expired` once, when the clock is past `validUntil` (milliseconds since the epoch); never within this call. */
export function watchExpiry(clock: Clock, validUntil: number, expired: () => void): Timer {
  const wait = (): Timer => clock.after(Math.max(0, Math.min(validUntil - clock.now() + 1, dayMs)), look)
  const look = (): void => {
    if (clock.now() <= validUntil) timer = wait()
    else expired()
  }
  let timer = wait()
  return { cancel: () => timer.cancel() }
}

/** What the peer is told. */
export const certificateExpired = (): StreamError => new StreamError('reset', 'your certificate has expired')
