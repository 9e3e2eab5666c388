/**
 * A host for guests (RFC 4505, XEP-0175): whoever comes is given an account with a random name, which goes when its last client does,
 * with all that was kept for it. Guests stay among the hosts of this server unless the operator lets them out.
 */
import { type Guests, guestsService } from '../server/guests.js'
import type { Host, Module, Registration } from '../server/module.js'
import type { ScramKeys } from '../store/store.js'
import type { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'

/** Says of an account that it is a guest's. */
const mark = { kind: 'guest', key: 'guest' } as const

const ways = ['internal_hashed', 'anonymous'] as const

export const anonymous: Module = {
  name: 'anonymous',
  xeps: [{ number: 175, version: '1.2', test: 'dialogue/anonymous.test.ts' }],
  hosts: ['user'],
  options: {
    authentication: {
      type: 'string',
      default: 'internal_hashed',
      doc: 'Who logs in: `"internal_hashed"`, those who have an account here; `"anonymous"`, anybody, as a guest without a name (SASL ANONYMOUS), and nobody else.',
      check: (value) => (ways.some((way) => way === value) ? undefined : `be one of ${ways.join(', ')}`),
    },
    allow_anonymous_s2s: {
      type: 'boolean',
      default: false,
      doc: 'With `authentication = "anonymous"`: guests may speak with other servers.',
    },
  },
  async setup(host) {
    if (host.options.authentication !== 'anonymous') return []
    await deleteFormer(host)
    const guests: Guests = { make: () => make(host), left: (jid) => void remove(host, jid) }
    host.offer(guestsService, guests)
    const gone: Registration = {
      kind: 'session',
      closed: ({ jid }) => {
        const bare = jid.bare().toString()
        if (host.sessions.of(bare).length === 0) void remove(host, bare)
      },
    }
    return host.options.allow_anonymous_s2s === true ? [gone] : [gone, ...staysHere(host)]
  },
}

const staysHere = (host: Host): readonly Registration[] =>
  (['message', 'presence', 'iq'] as const).map((name) =>
    host.on('outbound', name, 'authorize', (_stanza, _from: Jid, to: Jid) => {
      if (!host.isLocal(to.domain)) throw new StanzaError('not-allowed', { text: 'Guests stay at this server' })
      return undefined
    }),
  )

async function make(host: Host): Promise<string> {
  const local = host.random.uuid()
  const jid = `${local}@${host.domain}`
  const keys = nobodysKeys(host)
  const account = { jid, sha1: keys, sha256: keys, sha512: keys, createdAt: host.clock.now(), disabled: false }
  await host.store.commit([
    { type: 'account.put', account },
    { type: 'data.put', owner: jid, ...mark, value: '' },
  ])
  return local
}

/** No password fits. */
const nobodysKeys = ({ random }: Host): ScramKeys => ({
  salt: random.bytes(16).toString('base64'),
  iterations: 4096,
  storedKey: random.bytes(32).toString('base64'),
  serverKey: random.bytes(32).toString('base64'),
})

async function remove(host: Host, jid: string): Promise<void> {
  try {
    await host.accounts.remove(jid)
  } catch (error) {
    // Somebody was faster.
    if (error instanceof StanzaError && error.condition === 'item-not-found') return
    host.log.error({ err: error, jid }, 'A guest could not be deleted; the next start does it')
  }
}

/** Those who were here when the server stopped. Accounts that are no guests', from before, stay. */
async function deleteFormer(host: Host): Promise<void> {
  for (const jid of await host.store.accounts(host.domain))
    if ((await host.store.data(jid, mark.kind, mark.key)) !== undefined)
      await host.store.commit([{ type: 'account.delete', jid }])
}
