/** Accounts for those who have none (RFC 4505): made when they log in, deleted when they are gone. By whom, is a module's affair. */

export const guestsService = 'guests'

export interface Guests {
  /** Makes one; its localpart, once it is durable. */
  make(): Promise<string>
  /** One that never bound a resource is gone: deletes it. By its bare JID. */
  left(jid: string): void
}
