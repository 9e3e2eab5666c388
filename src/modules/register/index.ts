/**
 * XEP-0077: In-Band Registration of accounts, XEP-0445 with an invitation. Off without one unless the operator opens it, and bounded then;
 * who has an account may change its password and end it.
 */

import type { Host, Module, Stranger } from '../../server/module.js'
import type { Session } from '../../server/session.js'
import { childText, type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { between } from '../between.js'
import { ownAccount } from '../own-account.js'
import { invitedService } from '../services.js'
import { AccountMaking } from './accounts.js'
import { inviteCommands } from './commands.js'
import { type Invite, Invites, inviteService, pagePath } from './invites.js'
import { invitePage } from './page.js'

const registerNs = 'jabber:iq:register'
const parsNs = 'urn:xmpp:pars:0'
const tokenFeatureNs = 'urn:xmpp:ibr-token:0'
const registerFeatureNs = 'http://jabber.org/features/iq-register'

const atLeast = (least: number) => (value: unknown) =>
  typeof value === 'number' && value >= least ? undefined : `be a whole number from ${least}`

export const register: Module = {
  name: 'register',
  xeps: [
    {
      number: 77,
      version: '2.4',
      without: 'codes of errors as they were before RFC 3920',
      test: 'dialogue/registration.test.ts',
      features: [registerNs],
    },
    { number: 379, version: '0.3.3', test: 'dialogue/invitations.test.ts' },
    { number: 401, version: '0.6.0', test: 'dialogue/invitations.test.ts' },
    { number: 445, version: '0.2.0', test: 'dialogue/invitations.test.ts' },
  ],
  hosts: ['user'],
  options: {
    max_invites: {
      type: 'integer',
      default: 1000,
      doc: 'Invitations (XEP-0401) of one host that are outstanding; more are refused.',
      check: between(1, 1_000_000),
    },
    max_invites_per_user: {
      type: 'integer',
      default: 20,
      doc: 'Of these, invitations of one user; administrators by `dmucctl` are exempt.',
      check: between(1, 1_000_000),
    },
    allow_registration: { type: 'boolean', default: false, doc: '' },
    registration_throttle_max: {
      type: 'integer',
      default: 5,
      doc: 'Accounts that one address (or IPv6 /64) may make within `registration_throttle_period`; all addresses together make at most ten times as many. Invitations are exempt.',
      check: atLeast(1),
    },
    registration_throttle_period: {
      type: 'integer',
      default: 3600,
      doc: 'Seconds, for `registration_throttle_max`.',
      check: atLeast(1),
    },
    allow_password_change: {
      type: 'boolean',
      default: true,
      doc: 'Let clients change the password of their account (XEP-0077).',
    },
    allow_account_deletion: { type: 'boolean', default: true, doc: 'Let clients delete their account (XEP-0077).' },
    allow_user_invites: {
      type: 'boolean',
      default: false,
      doc: 'Let every account invite people to register (XEP-0401), not administrators alone.',
    },
    invite_expiry: {
      type: 'integer',
      default: 7 * 86_400,
      doc: 'Seconds that an invitation is good.',
      check: atLeast(60),
    },
  },
  async setup(host) {
    const { options } = host
    const invites = new Invites(host, Number(options.invite_expiry) * 1000)
    await invites.load()
    const making = new AccountMaking(host, invites, {
      open: options.allow_registration === true,
      most: Number(options.registration_throttle_max),
      periodSeconds: Number(options.registration_throttle_period),
    })
    const strangers = new Strangers(host, invites, making)
    host.offer(inviteService, invites)
    host.offer(invitedService, invites)
    return [
      host.feature(registerNs),
      {
        kind: 'stranger',
        ns: registerNs,
        features: () => (making.possible ? [xml('register', { xmlns: registerFeatureNs })] : []),
        handler: (iq, stranger) => strangers.register(iq, stranger),
      },
      {
        kind: 'stranger',
        ns: parsNs,
        features: () => (invites.outstanding > 0 ? [xml('register', { xmlns: tokenFeatureNs })] : []),
        handler: (iq, stranger) => strangers.preauthenticate(iq, stranger),
      },
      ...(['host', 'account'] as const).flatMap((at) => [
        host.iq(at, 'get', registerNs, 'query', (iq, from, to) => registered(host, iq, from, to)),
        host.iq(at, 'set', registerNs, 'query', (iq, from, to) => change(host, iq, from, to)),
      ]),
      ...inviteCommands(host, invites).map((command) => ({ kind: 'command', command }) as const),
      { kind: 'http', path: pagePath(host.domain), handler: invitePage({ host, invites, making }) },
    ]
  },
}

/** Requests of clients that have not logged in. */
class Strangers {
  readonly #host: Host
  readonly #invites: Invites
  readonly #making: AccountMaking

  constructor(host: Host, invites: Invites, making: AccountMaking) {
    this.#host = host
    this.#invites = invites
    this.#making = making
  }

  /** XEP-0445 §4. A token that was good here stays good on this stream, until an account is made with it. */
  preauthenticate(iq: Element, stranger: Stranger): Element {
    const request = payload(iq)
    const token = request?.name === 'preauth' && iq.attrs.type === 'set' ? String(request.attrs.token ?? '') : ''
    const invite = this.#invites.find(token)
    if (invite === undefined)
      throw new StanzaError('item-not-found', { text: 'This invitation was used already, or is too old' })
    stranger.data.set(parsNs, { token, invite })
    return result(iq)
  }

  async register(iq: Element, stranger: Stranger): Promise<Element> {
    const invitation = stranger.data.get(parsNs) as { readonly token: string; readonly invite: Invite } | undefined
    if (!this.#making.possible && invitation === undefined)
      throw new StanzaError('not-allowed', { text: 'Nobody can register here' })
    const query = payload(iq)!
    if (iq.attrs.type === 'get') return result(iq, form(invitation?.invite.name))
    if (query.getChild('remove') !== undefined) throw new StanzaError('registration-required')
    const { name, password } = credentials(query)
    await this.#making.make({ address: stranger.remoteAddress, name, password, invitation })
    stranger.data.delete(parsNs)
    this.#host.log.debug({ name }, 'A stranger has registered')
    return result(iq)
  }
}

/** §3.1.1. */
const form = (name: string | undefined): Element =>
  xml(
    'query',
    { xmlns: registerNs },
    xml('instructions', {}, 'Choose a name and a password'),
    xml('username', {}, name),
    xml('password'),
  )

function credentials(query: Element): { readonly name: string; readonly password: string } {
  const name = childText(query, 'username') ?? ''
  const password = childText(query, 'password') ?? ''
  if (name === '' || password === '')
    throw new StanzaError('not-acceptable', { text: 'A name and a password are needed' })
  return { name, password }
}

/** §3.1: who is logged in is registered. */
function registered(host: Host, iq: Element, from: Jid, to: Jid): Element {
  mine(host, from, to)
  const query = xml('query', { xmlns: registerNs }, xml('registered'), xml('username', {}, from.local), xml('password'))
  return result(iq, query)
}

async function change(host: Host, iq: Element, from: Jid, to: Jid): Promise<Element | undefined> {
  mine(host, from, to)
  const session = host.sessions.get(from.toString())
  if (session === undefined) throw new StanzaError('not-authorized')
  const query = payload(iq)!
  if (query.getChild('remove') !== undefined) return remove(host, iq, session)
  if (host.options.allow_password_change !== true)
    throw new StanzaError('not-allowed', { text: 'Passwords are changed by the operator here' })
  // §6: what is sent in clear is no password.
  if (!session.secure) throw new StanzaError('not-authorized', { text: 'Only over an encrypted connection' })
  const { name, password } = credentials(query)
  if (name.toLowerCase() !== from.local)
    throw new StanzaError('forbidden', { text: 'This is not the name of your account' })
  await host.accounts.setPassword(from.bare().toString(), password, session)
  return result(iq)
}

/** §3.2: contacts learn of it, the client gets its answer, and the stream ends. */
async function remove(host: Host, iq: Element, session: Session): Promise<undefined> {
  if (host.options.allow_account_deletion !== true)
    throw new StanzaError('not-allowed', { text: 'Accounts are deleted by the operator here' })
  const bare = session.jid.bare().toString()
  const contacts = await host.store.roster(bare)
  await host.accounts.remove(bare, () => session.outbox.send(result(iq)))
  host.log.info({ jid: bare }, 'An account was deleted by its owner')
  for (const { jid, subscription, ask } of contacts) {
    if (subscription === 'to' || subscription === 'both' || ask)
      void host.router.route(xml('presence', { type: 'unsubscribe', from: bare, to: jid }))
    if (subscription === 'from' || subscription === 'both')
      void host.router.route(xml('presence', { type: 'unsubscribed', from: bare, to: jid }))
  }
  return undefined
}

/** To the host or to one's own account. */
function mine(host: Host, from: Jid, to: Jid): void {
  if (to.local !== '') ownAccount(from, to)
  else if (from.domain !== host.domain) throw new StanzaError('forbidden')
}
