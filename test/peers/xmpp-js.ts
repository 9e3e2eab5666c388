/** Drives `xmpp-js-client.mjs`: @xmpp/client in a process of its own, which sends the stanzas that it is given. */
import { fileURLToPath } from 'node:url'
import { ClientProcess } from './client-process.js'

interface Said {
  /** Of the client that is online now. */
  readonly jid?: string
  readonly mechanism?: string
  readonly secure?: boolean
  readonly error?: string
}

export interface XmppJsOptions {
  /** `xmpp://…` or `ws://…`. */
  readonly service: string
  readonly jid: string
  readonly password: string
  /** File of the certificate to trust. */
  readonly certificate: string
}

const script = fileURLToPath(new URL('xmpp-js-client.mjs', import.meta.url))

export class XmppJs extends ClientProcess<Said> {
  #online: Said | undefined
  #error: string | undefined

  constructor({ service, jid, password, certificate }: XmppJsOptions) {
    const [user = '', domain = ''] = jid.split('@')
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate }
    super(process.execPath, [script, service, domain, user, password], env)
  }

  /** Rejects with its error where the login is refused. */
  async online(): Promise<Said> {
    await this.until(
      () => this.#online !== undefined || this.#error !== undefined,
      () => 'the login',
    )
    if (this.#online === undefined) throw new Error(this.#error)
    return this.#online
  }

  /** Closes its stream, and logs in anew with what it remembers. */
  again(): Promise<Said> {
    this.#online = undefined
    this.write('again')
    return this.online()
  }

  send(stanza: string): void {
    this.write(stanza.replaceAll('\n', ' '))
  }

  protected override take(said: Said): void {
    if (said.jid !== undefined) this.#online = said
    this.#error ??= said.error
  }
}
