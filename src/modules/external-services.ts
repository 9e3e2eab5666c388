/**
 * XEP-0215: External Service Discovery: STUN and TURN for calls. Where a service has a secret, each asker gets credentials of its own for
 * it, which expire (draft-uberti-behave-turn-rest-00, as coturn and eturnal have it).
 */
import { createHmac } from 'node:crypto'
import type { Host, Module } from '../server/module.js'
import { type Element, elements, xml } from '../xml/element.js'
import { writeDateTime } from '../xmpp/date-time.js'
import type { Jid } from '../xmpp/jid.js'
import { payload, result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'

const extdisco = 'urn:xmpp:extdisco:2'

interface Service {
  readonly type: string
  readonly host: string
  readonly port?: number
  readonly transport?: string
  readonly secret?: string
  readonly username?: string
  readonly password?: string
  /** Seconds. */
  readonly ttl?: number
}

const kinds: Readonly<Record<keyof Service, 'string' | 'number'>> = {
  ...{ type: 'string', host: 'string', port: 'number', transport: 'string' },
  ...{ secret: 'string', username: 'string', password: 'string', ttl: 'number' },
}

export const externalServices: Module = {
  name: 'external_services',
  xeps: [{ number: 215, version: '1.0.0', test: 'dialogue/external-services.test.ts', features: [extdisco] }],
  hosts: ['user'],
  options: {
    external_services: {
      type: 'table-list',
      default: [],
      doc: 'STUN, TURN and other services that clients are told of (XEP-0215), as in `[{ type = "turn", host = "turn.example.org", port = 3478, transport = "udp", secret = "…", ttl = 86400 }]`. With `secret`, the one of coturn\'s `static-auth-secret`, every account gets credentials of its own that are good for `ttl` seconds (a day); or `username` and `password` are told to all accounts.',
      check: wrongServices,
    },
  },
  setup(host) {
    const services = host.options.external_services as readonly Service[]
    return [
      host.feature(extdisco),
      host.iq('host', 'get', extdisco, 'services', (iq, from) => {
        ownAccountsOnly(host, from)
        const { type } = (payload(iq) as Element).attrs
        const wanted = services.filter((service) => type === undefined || service.type === type)
        return result(
          iq,
          xml('services', { xmlns: extdisco, type }, ...wanted.map((each) => describe(host, each, from))),
        )
      }),
      host.iq('host', 'get', extdisco, 'credentials', (iq, from) => {
        ownAccountsOnly(host, from)
        const asked = elements(payload(iq) as Element)[0]?.attrs ?? {}
        const found = services.filter(
          ({ type, host: name, port }) =>
            type === asked.type && name === asked.host && (asked.port === undefined || asked.port === String(port)),
        )
        if (found.length === 0) throw new StanzaError('item-not-found')
        return result(iq, xml('credentials', { xmlns: extdisco }, ...found.map((each) => describe(host, each, from))))
      }),
    ]
  },
}

/** Whoever has credentials makes traffic that the operator pays for. */
function ownAccountsOnly(host: Host, from: Jid): void {
  if (from.domain !== host.domain) throw new StanzaError('forbidden')
}

function describe(host: Host, service: Service, from: Jid): Element {
  const { type, host: name, port, transport } = service
  const restricted = service.secret !== undefined || service.username !== undefined
  return xml('service', {
    ...{ type, host: name, transport, port: port === undefined ? undefined : String(port) },
    ...(restricted ? { restricted: 'true', ...credentials(host, service, from) } : {}),
  })
}

function credentials({ clock }: Host, { secret, username, password, ttl = 86_400 }: Service, from: Jid) {
  if (secret === undefined) return { username, password }
  const expires = clock.now() + ttl * 1000
  // The name tells the service who it was, but no address of anybody.
  const who = createHmac('sha256', secret).update(from.bare().toString()).digest('hex').slice(0, 16)
  const name = `${Math.floor(expires / 1000)}:${who}`
  return {
    username: name,
    password: createHmac('sha1', secret).update(name).digest('base64'),
    expires: writeDateTime(expires),
  }
}

/** Completes "must …". */
export function wrongServices(given: unknown): string | undefined {
  for (const service of given as readonly Readonly<Record<string, unknown>>[]) {
    if (typeof service.type !== 'string' || typeof service.host !== 'string')
      return 'have a type and a host in each entry'
    for (const [key, value] of Object.entries(service)) {
      const kind = Object.hasOwn(kinds, key) ? kinds[key as keyof Service] : undefined
      if (kind === undefined) return `have keys among ${Object.keys(kinds).join(', ')}; ${key} is none`
      if (typeof value !== kind) return `have a ${kind === 'number' ? 'whole number' : 'text'} for ${key}`
    }
    if (service.secret !== undefined && service.username !== undefined) return 'have a secret or a username, not both'
  }
  return undefined
}
