/** Drives `slixmpp-client.py`: a client in a process of Debian's Python, told what to do in lines of JSON. */
import { fileURLToPath } from 'node:url'
import { OrderedClient } from './ordered-client.js'
import { systemPython } from './require-peer.js'

export interface LoginReport {
  readonly jid: string
  readonly mechanism: string
  readonly tls: string
  readonly verified: boolean
}

export interface JoinReport {
  readonly statuses: readonly number[]
  readonly role: string
  readonly affiliation: string
  readonly subject: string
  readonly occupants: readonly string[]
  readonly history: readonly string[]
}

type Fields = Readonly<Record<string, { readonly type: string; readonly value: unknown }>>

/** Each order with its arguments, and what it answers. */
interface Orders {
  login: [
    { jid: string; password: string; host: string; port: number; ca: string | null; plugins?: readonly string[] },
    LoginReport,
  ]
  logout: [Record<never, never>, null]
  presence: [{ show?: string; status?: string }, null]
  roster: [Record<never, never>, Readonly<Record<string, unknown>>]
  contact: [{ jid: string; name: string; groups: string[] }, null]
  message: [{ to: string; body: string }, null]
  ping: [{ jid: string }, boolean]
  features: [{ jid: string }, readonly string[]]
  items: [{ jid: string }, readonly (readonly [jid: string, name: string])[]]
  roominfo: [{ jid: string }, Readonly<Record<string, string>>]
  join: [{ room: string; nick: string; history?: number; password?: string }, JoinReport]
  form: [{ room: string }, Fields]
  configure: [{ room: string; values: Readonly<Record<string, unknown>> }, null]
  say: [{ room: string; body: string }, null]
  subject: [{ room: string; subject: string }, null]
  nick: [{ room: string; nick: string }, null]
  role: [{ room: string; nick: string; role: string; reason?: string }, null]
  affiliation: [{ room: string; jid: string; affiliation: string }, null]
  affiliations: [{ room: string; affiliation: string }, readonly string[]]
  occupants: [{ room: string }, readonly string[]]
  invite: [{ room: string; jid: string; reason: string }, null]
  decline: [{ room: string; jid: string; reason: string }, null]
  ask_for_voice: [{ room: string }, null]
  submit: [{ to: string; values: Readonly<Record<string, string>> }, null]
  archive: [{ room: string; page: number }, { readonly bodies: readonly string[]; readonly pages: number }]
  commands: [{ jid: string }, readonly string[]]
  command: [
    { jid: string; node: string; values: Readonly<Record<string, string>> },
    { readonly fields: readonly string[]; readonly status: string },
  ]
  upload: [{ name: string; content: string; type: string; times?: number }, string]
  publish_card: [{ jid: string; type: string; image: string }, null]
  card: [{ jid: string }, string]
  register: [{ jid: string; nick: string }, string]
  set: [{ to: string; payload: string }, string]
  add: [{ to: string; type: string; payload: string }, null]
  tune: [{ title: string }, null]
  publish_avatar: [{ image: string }, string]
  avatar: [{ jid: string; hash: string }, string]
  store_bookmarks: [{ rooms: Readonly<Record<string, string>>; method: 'xep_0049' | 'xep_0223' }, null]
  bookmarks: [{ method: 'xep_0049' | 'xep_0223' }, Readonly<Record<string, string>>]
  publish: [{ node: string; item: string; payload: string; options: Readonly<Record<string, string>> }, null]
  nodes: [{ jid: string }, readonly string[]]
  published: [{ jid: string; node: string }, Readonly<Record<string, string>>]
  configure_node: [
    { node: string; values: Readonly<Record<string, unknown>> },
    readonly Readonly<Record<string, unknown>>[],
  ]
  delete_node: [{ node: string }, null]
  leave: [{ room: string; nick: string }, null]
  destroy: [{ room: string; reason: string; venue?: string }, null]
}

/** What a client must know of its server. */
interface Home {
  readonly domain: string
  readonly c2sPort: number
  readonly certificate: string
}

const script = fileURLToPath(new URL('slixmpp-client.py', import.meta.url))

export class Slixmpp extends OrderedClient<Orders> {
  constructor() {
    super(systemPython, [script])
  }

  /** Logged in at a server, trusting its certificate and no other, and available. */
  static async online(
    { domain, c2sPort, certificate }: Home,
    user: string,
    password: string,
    plugins: readonly string[] = [],
  ): Promise<Slixmpp> {
    const client = new Slixmpp()
    try {
      await client.do('login', {
        jid: `${user}@${domain}/slix`,
        password,
        host: '127.0.0.1',
        port: c2sPort,
        ca: certificate,
        plugins,
      })
      await client.do('presence', {})
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }
}
