/** `dmucctl check connectivity`: goes the way that other servers go, by DNS to our own ports, and says what it meets there. */

import { unproved } from '../../net/peer-certificate.js'
import { type Dns, DomainResolver, type ServerTarget } from '../../net/resolver.js'
import { connectTcp } from '../../net/tcp.js'
import type { TlsInfo } from '../../net/transport.js'
import { DialbackKeys } from '../../stream/dialback.js'
import { defaultTimeouts, serverLimits } from '../../stream/limits.js'
import { OutgoingServerStream } from '../../stream/server-outgoing.js'
import type { Clock } from '../../util/clock.js'
import { silentLogger } from '../../util/logger.js'
import type { Random } from '../../util/random.js'
import { asciiDomain } from '../../xmpp/domain.js'
import { type Finding, good, note, wrong } from './finding.js'
import type { CheckedConfig } from './subject.js'

export interface ConnectivityParts {
  readonly dns: Dns
  readonly clock: Clock
  readonly random: Random
}

const timeoutMs = 5000

export async function checkConnectivity(
  config: CheckedConfig,
  { dns, clock, random }: ConnectivityParts,
): Promise<Finding[]> {
  if (config.global.s2s_ports.length + config.global.s2s_direct_tls_ports.length === 0)
    return [note('s2s_ports is empty: no server can connect to this one', 's2s_ports = [5269]')]
  const resolver = new DomainResolver({ dns, clock, random, allowPrivate: true })
  const found: Finding[] = []
  for (const { domain } of config.hosts) {
    try {
      for (const target of await resolver.resolve(domain)) found.push(...(await visit(domain, target, clock)))
    } catch (error) {
      found.push(wrong((error as Error).message, 'dmucctl check dns says more'))
    }
  }
  return found
}

async function visit(domain: string, target: ServerTarget, clock: Clock): Promise<Finding[]> {
  const place = `${target.address}:${target.port}`
  try {
    const tls = await meet(domain, target, clock)
    if (tls === undefined)
      return [wrong(`${domain} at ${place} answers, and offers no TLS`, 'dmucctl check certs says why')]
    const why = unproved(tls, domain)
    if (why !== undefined)
      return [note(`${domain} at ${place} answers; its certificate ${why}`, 'dmucctl check certs says more')]
    return [good(`${domain} at ${place} answers, with a certificate that proves it`)]
  } catch (error) {
    const reason = (error as Error).message
    return [
      wrong(
        `${domain} at ${place} does not answer: ${reason}`,
        'is the server running, is the port forwarded, is the address in interfaces?',
      ),
    ]
  }
}

/** The TLS layer of a stream that got as far as features; undefined for one without. */
async function meet(domain: string, target: ServerTarget, clock: Clock): Promise<TlsInfo | undefined> {
  const contexts = { contextFor: () => undefined }
  const alpn = target.direct === true ? { alpn: ['xmpp-server'] } : {}
  const transport = await connectTcp({
    host: target.address,
    port: target.port,
    timeoutMs,
    clock,
    tls: { contexts, ...alpn },
  })
  try {
    const tlsOptions = { server: false, serverName: asciiDomain(domain) }
    if (target.direct === true) await transport.startTls(tlsOptions)
    await new Promise<void>((resolve, reject) => {
      const stream = new OutgoingServerStream(
        {
          ...{ local: 'check.invalid', remote: domain, limits: serverLimits, clock, log: silentLogger },
          ...{ timeouts: { ...defaultTimeouts, negotiationMs: timeoutMs }, keys: new DialbackKeys('unused') },
          ...{
            requireEncryption: false,
            external: false,
            bidi: false,
            management: false,
            secure: target.direct === true,
          },
        },
        {
          output: (text) => transport.write(text),
          upgrade: () => void transport.startTls(tlsOptions).then(() => stream.secured(), reject),
          ready: resolve,
          authorized: () => {},
          verified: () => {},
          acknowledged: () => {},
          unmanaged: () => {},
          stanza: () => {},
          ended: (end) => reject(end.is === 'error' ? end.error : new Error('the connection was closed')),
        },
      )
      transport.handler = { data: (chunk) => stream.receive(chunk), closed: (error) => stream.transportClosed(error) }
      stream.start()
    })
    return transport.tls
  } finally {
    transport.destroy()
  }
}
