/** dmucd on one side, the foreign room service at its Prosody on the other, joined by links that can be cut, and people at both. */
import { Link } from '../../live/link.mjs'
import { type Dmucd, startDmucd } from '../dmucd.js'
import { type Prosody, startProsody } from '../prosody.js'
import { Slixmpp } from '../slixmpp.js'
import { until } from '../until.js'
import { type PlainMuc, startPlainMuc } from './plain-muc.js'

const password = 'cauldron-bubble'
const secret = 'double-toil'
const users = { ann: password, bob: password, cat: password, dan: password, eve: password }
/** The domain of the foreign service. */
export const theirs = 'rooms.p.example'

export class Stage {
  readonly links: Link[] = []
  readonly clients: Slixmpp[] = []
  us!: Dmucd
  prosody!: Prosody
  foreign!: PlainMuc

  async open(): Promise<void> {
    const [out, back] = [await Link.open(), await Link.open()]
    this.links.push(out, back)
    this.us = await startDmucd({
      domain: 'a.example',
      users,
      allow: [theirs],
      routes: { 'p.example': out.port, [theirs]: out.port },
      dmuc: 'grace = 1\nping_after = 1\nping_timeout = 2\n[dmuc.redirect]\n"p.example" = "rooms.p.example"',
    })
    this.prosody = await startProsody({
      domain: 'p.example',
      users,
      external: { domain: theirs, secret },
      routes: { [this.us.domain]: back.port, [this.us.rooms]: back.port },
    })
    out.to(this.prosody.s2sPort)
    back.to(this.us.s2sPort)
    await this.attach()
  }

  /** The foreign service starts, knowing no rooms. */
  async attach(): Promise<void> {
    this.foreign = await startPlainMuc({
      jid: theirs,
      secret,
      port: this.prosody.componentPort,
      peers: [this.us.rooms],
      redirects: { [this.us.domain]: this.us.rooms },
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
    await this.foreign?.stop()
    await this.prosody?.stop()
    await this.us?.stop()
    await Promise.all(this.links.map((link) => link.close()))
  }

  async online(server: Dmucd | Prosody, user: string): Promise<Slixmpp> {
    const client = await Slixmpp.online(server, user, password)
    this.clients.push(client)
    return client
  }

  /** A room shows itself once it is whole. */
  shown(client: Slixmpp, jid: string): Promise<void> {
    const asked = (): Promise<boolean> =>
      client.do('features', { jid }).then(
        () => true,
        () => false,
      )
    return until(asked, () => `${jid} to be there\n${this.foreign.log()}`)
  }
}

export const statuses = (stanza: { toString(): string }): string[] =>
  [...stanza.toString().matchAll(/<status code="(\d+)"/g)].map((match) => match[1]!).sort()

/** Those of these bodies that a client has heard, in order, as often as it heard them. */
export const heardOf = (client: Slixmpp, bodies: readonly string[]): string[] =>
  client.received.map((stanza) => stanza.getChildText('body') ?? '').filter((body) => bodies.includes(body))
