/** The addresses of another server tried in order, machine by machine, until a stream is ready on one of them. */
import { ipLiteral } from '../net/address-public.js'
import { firstAnswer } from '../net/first-answer.js'
import type { ServerTarget } from '../net/resolver.js'
import { connectTcp } from '../net/tcp.js'
import type { UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import type { Logger } from '../util/logger.js'
import { asciiDomain } from '../xmpp/domain.js'
import { connectFailure, type Failure } from './s2s-failure.js'
import type { S2sDeps, S2sSettings } from './s2s-options.js'
import { refusedFor } from './s2s-refusal.js'

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
  readonly pair: DomainPair
  readonly settings: S2sSettings
  readonly deps: S2sDeps
  readonly log: Logger
  /** False where nobody waits for it any more. */
  wanted(): boolean
  /** This address took our connection. */
  accepted(target: ServerTarget): void
  /** Opens a stream on it, which has TLS already where the address is for that. Never rejects. */
  negotiate(transport: UpgradableTransport): Promise<Outcome>
}

/** Why the last one did not work; undefined where one did, or nobody waits for it any more. */
export async function tryInOrder(targets: readonly ServerTarget[], dialling: Dialling): Promise<Failure | undefined> {
  let failure: Failure = { condition: 'remote-server-not-found', reason: 'there is no address' }
  for (let left = targets; left.length > 0; ) {
    const { place, others } = nextPlace(left)
    const outcome = await attempt(place, dialling)
    if (outcome === undefined || !dialling.wanted()) return undefined
    failure = outcome.failure
    const { address, port } = outcome.target ?? place[0]!
    dialling.log.debug({ address, port, reason: failure.reason }, 'An address did not work')
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

/** All addresses of one machine. */
async function attempt(place: readonly ServerTarget[], dialling: Dialling): Promise<Outcome> {
  const open = (to: ServerTarget): Promise<UpgradableTransport> => openTo(to, dialling)
  let target: ServerTarget | undefined
  try {
    const first = await firstAnswer(place, open, (transport) => transport.destroy(), dialling.deps.clock)
    const transport = first.connected
    target = first.target
    if (!isWanted(transport, dialling)) return undefined
    dialling.accepted(target)
    if (target.direct === true) {
      const refused = await secureDirectly(transport, dialling)
      if (refused !== undefined) return { ...refused, target }
      if (!isWanted(transport, dialling)) return undefined
    }
    const outcome = await dialling.negotiate(transport)
    return outcome && { ...outcome, target }
  } catch (error) {
    return { failure: connectFailure(error as Error), next: true, target }
  }
}

/** What came too late is cut. */
function isWanted(transport: UpgradableTransport, { wanted }: Dialling): boolean {
  const still = wanted()
  if (!still) transport.destroy()
  return still
}

/** XEP-0368: TLS before anything else. Rejects when the handshake fails. */
async function secureDirectly(transport: UpgradableTransport, { pair, settings, log }: Dialling): Promise<Outcome> {
  const tls = await transport.startTls({ server: false, ...serverNameFor(pair.remote) })
  const refused = refusedFor(settings.policy, pair.remote, tls, log)
  if (refused === undefined) return undefined
  transport.destroy()
  return { failure: refused, next: false }
}

/** TCP to one address, ready for TLS with our certificate. Rejects as `connect` does. */
function openTo(
  { address: host, port, direct }: ServerTarget,
  { pair, settings, deps }: Dialling,
): Promise<UpgradableTransport> {
  const tls = {
    contexts: { contextFor: () => deps.certificates?.contextFor(pair.local) },
    ...(direct === true ? { alpn: directTlsProtocols } : {}),
  }
  return (deps.connect ?? connectTcp)({ host, port, timeoutMs: settings.waits.connectMs, clock: deps.clock, tls })
}

/** For the server name indication of TLS, which knows no addresses (RFC 6066 §3). */
export const serverNameFor = (remote: string): { readonly serverName?: string } =>
  ipLiteral(remote) === undefined ? { serverName: asciiDomain(remote) } : {}
