/** The addresses of another server tried in order, machine by machine, until a stream is ready on one of them. */
import { ipLiteral } from '../net/address-public.js'
import type { ServerTarget } from '../net/resolver.js'
import { connectTcp } from '../net/tcp.js'
import type { UpgradableTransport } from '../net/transport.js'
import type { Logger } from '../util/logger.js'
import { asciiDomain } from '../xmpp/domain.js'
import type { Failure } from './s2s-failure.js'
import type { S2sDeps, S2sSettings } from './s2s-options.js'

/** Of one address: undefined where the stream is ready; `next` says whether another address may do better. */
export type Outcome =
  | {
      readonly failure: Failure
      readonly next: boolean
      /** The one that accepted. */
      readonly target?: ServerTarget | undefined
    }
  | undefined

/** XEP-0368 §3. */
const directTlsProtocols = ['xmpp-server']

export interface Dialling {
  /** All addresses of one machine. */
  attempt(place: readonly ServerTarget[]): Promise<Outcome>
  /** False where nobody waits for it any more. */
  wanted(): boolean
  readonly log: Logger
}

/** Why the last one did not work; undefined where one did, or nobody waits for it any more. */
export async function tryInOrder(
  targets: readonly ServerTarget[],
  { attempt, wanted, log }: Dialling,
): Promise<Failure | undefined> {
  let failure: Failure = { condition: 'remote-server-not-found', reason: 'there is no address' }
  for (let left = targets; left.length > 0; ) {
    const { place, others } = nextPlace(left)
    const outcome = await attempt(place)
    if (outcome === undefined || !wanted()) return undefined
    failure = outcome.failure
    const { address, port } = outcome.target ?? place[0]!
    log.debug({ address, port, reason: failure.reason }, 'An address did not work')
    if (!outcome.next) break
    // Where it accepted and then failed, the other addresses of the same machine are still worth a try.
    left = outcome.target === undefined ? others : left.filter((target) => target !== outcome.target)
  }
  return failure
}

/** The addresses of the first machine in the list, and all that come after them. */
function nextPlace(targets: readonly ServerTarget[]): {
  readonly place: readonly ServerTarget[]
  readonly others: readonly ServerTarget[]
} {
  const [first] = targets
  const end = targets.findIndex(({ host, port }) => host !== first?.host || port !== first.port)
  return end === -1 ? { place: targets, others: [] } : { place: targets.slice(0, end), others: targets.slice(end) }
}

/** TCP to one address, ready for TLS with the certificate of `local`. Rejects as `connect` does. */
export function openTo(
  { address: host, port, direct }: ServerTarget,
  local: string,
  deps: S2sDeps,
  { waits }: S2sSettings,
): Promise<UpgradableTransport> {
  const tls = {
    contexts: { contextFor: () => deps.certificates?.contextFor(local) },
    ...(direct === true ? { alpn: directTlsProtocols } : {}),
  }
  return (deps.connect ?? connectTcp)({ host, port, timeoutMs: waits.connectMs, clock: deps.clock, tls })
}

/** For the server name indication of TLS, which knows no addresses (RFC 6066 §3). */
export const serverNameFor = (remote: string): { readonly serverName?: string } =>
  ipLiteral(remote) === undefined ? { serverName: asciiDomain(remote) } : {}
