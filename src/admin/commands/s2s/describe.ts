/** A link to another server in words. */
import type { LinkInfo } from '../../../server/s2s-links.js'

/** `3 min`: the largest unit alone. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

const arrow = ({ local, remote, direction }: LinkInfo): string =>
  direction === 'in' ? `${local} <- ${remote}` : `${local} -> ${remote}`

export function lineOf(link: LinkInfo, now: number): string {
  const { state, since, authenticated, tls, queue, lastError, retryAt } = link
  const facts = [
    `${state} for ${span(now - since)}`,
    ...(authenticated === undefined ? [] : [authenticated]),
    ...(state === 'up' ? [tls === undefined ? 'no TLS' : tls.protocol, `${link.stanzas} stanzas`] : []),
    ...(queue > 0 ? [`${queue} waiting`] : []),
    ...(lastError === undefined ? [] : [`last error: ${lastError}`]),
    ...(retryAt === undefined ? [] : [`tried again in ${span(retryAt - now)}`]),
  ]
  return `${arrow(link)}  ${facts.join(', ')}`
}

const row = (key: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`  ${key.padEnd(13)} ${value}`]

/** Everything, one fact a line. */
export function describe(link: LinkInfo, now: number): string {
  const { state, since, authenticated, shown, tls, retryAt } = link
  return [
    arrow(link),
    ...row('direction', spellDirection(link)),
    ...row('state', `${state} for ${span(now - since)}`),
    ...row('peer by', authenticated),
    ...row('we by', shown),
    ...row('address', link.remoteAddress),
    ...row('TLS', state === 'up' || tls !== undefined ? spellTls(tls) : undefined),
    ...row('certificate', tls && spellCertificate(tls.certificate, now)),
    ...row('key', tls?.certificate && `pin:${tls.certificate.pin}`),
    ...row('stream', link.streamId),
    ...row('queue', link.direction === 'out' ? `${link.queue} stanzas` : undefined),
    ...row('traffic', `${link.stanzas} stanzas, ${link.bytes} bytes`),
    ...row('last error', link.lastError),
    ...row('to allow it', link.remedy),
    ...row('next attempt', retryAt === undefined ? undefined : `in ${span(retryAt - now)}`),
  ].join('\n')
}

function spellDirection({ direction, bidirectional, shown, state }: LinkInfo): string {
  if (direction === 'in') return `in (the peer connected${bidirectional ? ', one stream for both' : ''})`
  if (bidirectional && state === 'up' && shown === undefined) return 'out (on the stream that the peer opened)'
  if (state !== 'up') return 'out (we connect)'
  return `out (we connected${bidirectional ? ', one stream for both' : ''})`
}

const spellTls = (tls: LinkInfo['tls']): string => (tls === undefined ? 'none' : `${tls.protocol}, ${tls.cipher}`)

function spellCertificate(certificate: NonNullable<LinkInfo['tls']>['certificate'], now: number): string {
  if (certificate === undefined) return 'none was shown'
  const { validTo, trusted, reason } = certificate
  const day = new Date(validTo).toISOString().slice(0, 10)
  const expiry = validTo < now ? `expired on ${day}` : `expires on ${day} (in ${span(validTo - now)})`
  return `${trusted ? 'trusted' : `not trusted (${reason ?? 'unknown reason'})`}, ${expiry}`
}
