/** What one client's stream asks while it is negotiated: who may log in at a host, by which proof, and what strangers may do there. */
import type { Transport } from '../net/transport.js'
import type { BindingType, UsableBinding } from '../sasl/channel-binding.js'
import type { ScramHash } from '../sasl/scram-keys.js'
import type { Credentials } from '../stream/authentication.js'
import type { LoginHandler } from '../stream/client-handler.js'
import type { Tokens } from '../stream/fast.js'
import type { Clock, Timer } from '../util/clock.js'
import type { Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import type { StreamError } from '../xmpp/stream-error.js'
import type { ClientCertificates } from './client-certificates.js'
import type { FastTokens } from './fast-tokens.js'
import type { ClientGateway } from './gateway.js'
import type { Stranger } from './module.js'
import { certificateExpired, watchExpiry } from './proof-expiry.js'

export interface LoginParts {
  readonly gateway: ClientGateway
  readonly clock: Clock
  readonly tokens?: FastTokens | undefined
  readonly certificates?: ClientCertificates | undefined
  /** Counts a refusal, for the metrics. */
  readonly refused: (condition: string) => void
  /** A password, a token or a certificate was wrong. */
  readonly loginFailed: (address: string) => void
}

/** The connection of the client who logs in. */
export interface LoginConnection {
  /** Its stream is not over. */
  readonly alive: boolean
  fail(error: StreamError): void
}

export class ClientLogin implements LoginHandler {
  readonly #parts: LoginParts
  readonly #transport: Transport
  readonly #connection: LoginConnection
  readonly #stranger: Stranger
  #guest: Jid | undefined
  /** Of the certificate by which the client logged in. */
  #expiry: Timer | undefined

  constructor(parts: LoginParts, transport: Transport, connection: LoginConnection) {
    this.#parts = parts
    this.#transport = transport
    this.#connection = connection
    this.#stranger = { remoteAddress: transport.remoteAddress, data: new Map() }
  }

  async credentials(account: Jid, hash: ScramHash): Promise<Credentials | undefined> {
    const found = await this.#parts.gateway.account(account.toString())
    return found && { keys: found[hash], disabled: found.disabled }
  }

  get bindings(): readonly BindingType[] {
    return this.#transport.channel?.types ?? []
  }

  binding(type: UsableBinding): Buffer | undefined {
    return this.#transport.channel?.data(type)
  }

  certified(domain: string): readonly string[] {
    const shown = this.#transport.tls?.peer?.certificate
    return shown === undefined ? [] : (this.#parts.certificates?.accounts(shown, domain) ?? [])
  }

  provedByCertificate(): void {
    const { clock, certificates } = this.#parts
    const shown = this.#transport.tls?.peer?.certificate
    if (shown === undefined || certificates === undefined) return
    this.#expiry = watchExpiry(clock, certificates.until(shown), () => this.#connection.fail(certificateExpired()))
  }

  hashes(domain: string): readonly ScramHash[] {
    return this.#parts.gateway.logins.hashes(domain)
  }

  takesGuests(domain: string): boolean {
    return this.#parts.gateway.logins.takesGuests(domain)
  }

  async guest(domain: string): Promise<string> {
    const { logins } = this.#parts.gateway
    const local = await logins.guest(domain)
    this.#guest = Jid.of(local, domain)
    // It went while its account was made.
    if (!this.#connection.alive) logins.guestLeft(this.#guest)
    return local
  }

  passwordShown(account: Jid, password: string): void {
    void this.#parts.gateway.logins.passwordShown(account, password)
  }

  tokens(domain: string): Tokens | undefined {
    return this.#parts.tokens?.at(domain)
  }

  refused(condition: string): void {
    this.#parts.refused(`sasl-${condition}`)
    if (condition === 'not-authorized') this.#parts.loginFailed(this.#transport.remoteAddress)
  }

  strangerFeatures(domain: string): readonly Element[] {
    return this.#parts.gateway.strangerFeatures(domain)
  }

  answerStranger(domain: string, iq: Element): Promise<Element> | undefined {
    return this.#parts.gateway.answerStranger(domain, iq, this.#stranger)
  }

  /** The stream is over; a guest whom no session knew is seen off here. */
  ended(hadSession: boolean): void {
    this.#expiry?.cancel()
    if (!hadSession && this.#guest !== undefined) this.#parts.gateway.logins.guestLeft(this.#guest)
  }
}
