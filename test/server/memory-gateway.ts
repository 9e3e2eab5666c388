/** The server behind a client's connection, in memory: accounts with one password, messages come back, pings are answered. */
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import type { ClientGateway, ConnectionFacts } from '../../src/server/gateway.js'
import type { Logins } from '../../src/server/logins.js'
import type { Handled } from '../../src/server/module.js'
import type { Outbox, Session } from '../../src/server/session.js'
import type { Account } from '../../src/store/store.js'
import { type Element, xml } from '../../src/xml/element.js'
import { Rendered } from '../../src/xml/writer.js'
import type { Jid } from '../../src/xmpp/jid.js'
import { result } from '../../src/xmpp/stanza.js'
import { StreamError } from '../../src/xmpp/stream-error.js'

export class MemoryGateway implements ClientGateway {
  readonly sessions = new Map<string, Session>()
  readonly facts: ConnectionFacts[] = []
  readonly received: Element[] = []
  readonly unbound: string[] = []
  readonly #accounts = new Map<string, Account>()
  /** When what was received counts as dealt with. */
  handled: () => Handled = () => undefined
  /** Called inside `bind`, as modules' hooks are. */
  onBound: (session: Session) => void = () => {}

  async addAccount(jid: string, password: string): Promise<void> {
    const keys = await deriveKeys(password, 4096)
    this.#accounts.set(jid, { jid, ...keys, createdAt: 0, disabled: false })
  }

  readonly logins: Logins = {
    hashes: () => ['sha1', 'sha256', 'sha512'],
    takesGuests: () => false,
    guest: () => Promise.reject(new Error('no guests')),
    guestLeft: () => {},
    passwordShown: () => Promise.resolve(),
  }

  inlineFeatures = () => []
  enableInline = () => []
  takeElement = () => false

  hasHost(domain: string): boolean {
    return domain === 'a.example'
  }

  account(bareJid: string): Promise<Account | undefined> {
    return Promise.resolve(this.#accounts.get(bareJid))
  }

  strangerFeatures(): readonly Element[] {
    return []
  }

  answerStranger(): undefined {
    return undefined
  }

  streamFeatures(): readonly Element[] {
    return [xml('sub', { xmlns: 'urn:xmpp:features:pre-approval' })]
  }

  bind(account: Jid, resource: string | undefined, outbox: Outbox, facts: ConnectionFacts): Session {
    const jid = account.withResource(resource ?? 'minted')
    this.sessions.get(jid.toString())?.outbox.close('conflict')
    const session: Session = {
      jid,
      outbox,
      remoteAddress: facts.remoteAddress,
      secure: facts.secure,
      boundAt: 0,
      presence: undefined,
      priority: 0,
      interested: false,
      data: new Map(),
    }
    this.facts.push(facts)
    this.sessions.set(jid.toString(), session)
    this.onBound(session)
    return session
  }

  receive(session: Session, stanza: Element): Handled {
    if (stanza.attrs.from !== undefined && stanza.attrs.from !== session.jid.toString())
      throw new StreamError('invalid-from')
    this.received.push(stanza)
    if (stanza.name === 'message') session.outbox.sendRendered(new Rendered(stanza), session.jid.toString())
    if (stanza.name === 'iq') session.outbox.send(result(stanza))
    return this.handled()
  }

  waits(): void {}

  unbind(session: Session): void {
    this.unbound.push(session.jid.toString())
    if (this.sessions.get(session.jid.toString()) === session) this.sessions.delete(session.jid.toString())
  }
}
