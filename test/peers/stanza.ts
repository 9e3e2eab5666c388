/** Drives `stanza-client.mjs`: stanza in a process of its own. */
import { fileURLToPath } from 'node:url'
import { OrderedClient } from './ordered-client.js'

type Part = Readonly<Record<string, unknown>>

interface Orders {
  login: [
    { jid: string; password: string; resource: string; transport: 'websocket' | 'bosh'; url: string },
    { readonly jid: string; readonly mechanism: string },
  ]
  call: [{ method: string; args: readonly unknown[] }, unknown]
  happens: [{ name: string; has: Part | undefined }, unknown]
  left: [{ name: string; has: Part }, number]
  cut: [Record<never, never>, null]
  connect: [Record<never, never>, null]
}

const script = fileURLToPath(new URL('stanza-client.mjs', import.meta.url))

export class Stanza extends OrderedClient<Orders> {
  constructor() {
    super(process.execPath, [script])
  }

  /** What a method of stanza's client returns. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.do('call', { method, args })
  }

  /** The next event of this name with these values in it, as stanza understood it. */
  happens(name: string, has?: Part): Promise<unknown> {
    return this.do('happens', { name, has })
  }
}
