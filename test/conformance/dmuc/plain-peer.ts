/**
 * Peers written from the text of XEP-0281 alone, its slips corrected as the checklist says: what they send and expect is
 * spelled out as XML, and nothing of this program writes it. A peerhost that holds a shadow of ours, and a firsthost that gives
 * us one. `{...}` in what they expect is what such a peer ignores: children it does not know.
 */
import type { Element } from '../../../src/xml/element.js'
import { type Peer, settled } from '../../dialogue/stage.js'
import { expectXml, mismatch } from '../../support/xml-match.js'

type Captures = Record<string, string>

/** A service that answers pings (XEP-0199) by itself, and everything else by the script. */
export class PlainPeer {
  readonly domain: string
  /** While it is, nothing reaches it, and nobody hears of that. */
  isCutOff = false
  /** Stanzas that reached it, but for pings. */
  heard = 0
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.domain = peer.domain
    this.#peer = peer
    const hear = peer.deliver.bind(peer)
    peer.deliver = (stanza) => {
      if (this.isCutOff) return
      if (stanza.getChild('ping', 'urn:xmpp:ping') === undefined) {
        this.heard += 1
        return hear(stanza)
      }
      const { id, from, to } = stanza.attrs
      setImmediate(() => void peer.sends(`<iq type='result' id='${id}' from='${to}' to='${from}'/>`))
    }
  }

  sends(stanza: string): Promise<void> {
    return this.#peer.sends(stanza)
  }

  /** Also what docs/schemas do not allow. */
  sendsAnything(stanza: string): Promise<void> {
    return this.#peer.sendsAnything(stanza)
  }

  next(): Promise<Element> {
    return this.#peer.next()
  }

  /** The next stanza is this one; what its {$x} stood for. */
  async receives(expected: string): Promise<Captures> {
    const captures: Captures = {}
    const stanza = await this.#peer.next().catch((error: Error) => {
      throw new Error(`${error.message}, expected\n${expected}`)
    })
    expectXml(stanza, expected, captures)
    return captures
  }

  /** The next stanzas are these, in any order; what their {$x} stood for. */
  async receivesAll(...expected: readonly string[]): Promise<Captures> {
    const captures: Captures = {}
    const missing = [...expected]
    while (missing.length > 0) {
      const stanza = await this.#peer.next()
      const found = missing.findIndex((text) => mismatch(stanza, text, captures) === undefined)
      if (found === -1) throw new Error(`${this.domain} received\n${stanza}\nexpected one of\n${missing.join('\n')}`)
      missing.splice(found, 1)
    }
    return captures
  }

  async receivesNothing(): Promise<void> {
    for (let round = 0; round < 4; round += 1) await settled()
    await this.#peer.receivesNothing()
  }

  async drains(): Promise<readonly Element[]> {
    for (let round = 0; round < 4; round += 1) await settled()
    return this.#peer.drain()
  }
}

/** Holds a shadow of coven@chat.shakespeare.lit. */
export class PlainPeerhost extends PlainPeer {
  readonly shadow: string

  constructor(peer: Peer) {
    super(peer)
    this.shadow = `coven@${peer.domain}`
  }

  /** E3 and E4. */
  async acceptsReplication(): Promise<void> {
    const { id } = await this.receives(`
      <iq from='chat.shakespeare.lit' id='{$id}' to='${this.domain}' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>
          <room id='coven'/>
          {...}
        </replicate>
      </iq>`)
    await this.sends(`<iq from='${this.domain}' id='${id}' to='chat.shakespeare.lit' type='result'/>`)
  }

  /** E5 and E6; the form. */
  async takesConfig(): Promise<Element> {
    const iq = await this.next()
    expectXml(
      iq,
      `<iq from='coven@chat.shakespeare.lit' id='{any}' to='${this.shadow}' type='set'>
         <config xmlns='urn:xmpp:dmuc:0'>
           <x xmlns='jabber:x:data' type='submit'>
             <field type='hidden' var='FORM_TYPE'>
               <value>http://jabber.org/protocol/muc#roomconfig</value>
             </field>
             {...}
           </x>
         </config>
       </iq>`,
    )
    await this.sends(`<iq from='${this.shadow}' id='${iq.attrs.id}' to='coven@chat.shakespeare.lit' type='result'/>`)
    return iq.getChild('config')?.getChild('x') as Element
  }

  /** E7, with these items, and E8. */
  async takesRoster(...items: readonly string[]): Promise<void> {
    const { id } = await this.receives(`
      <iq from='coven@chat.shakespeare.lit' id='{$id}' to='${this.shadow}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>${items.join('')}</roster>
      </iq>`)
    await this.sends(`<iq from='${this.shadow}' id='${id}' to='coven@chat.shakespeare.lit' type='result'/>`)
  }

  /** E3 to E8: from now on it holds a shadow of a room with these occupants. */
  async holdsShadow(...items: readonly string[]): Promise<void> {
    await this.acceptsReplication()
    await this.takesConfig()
    await this.takesRoster(...items)
  }

  /** E9, with these attributes of `<history/>`; E10. */
  async asksForHistory(attributes = ''): Promise<Element> {
    await this.sends(`
      <iq from='${this.shadow}' id='history1' to='coven@chat.shakespeare.lit' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='coven'>
          <history xmlns='http://jabber.org/protocol/muc' ${attributes}/>
        </room>
      </iq>`)
    return this.next()
  }

  /** E18. */
  announces(nick: string, inside = ''): Promise<void> {
    return this.sends(`
      <presence from='${this.shadow}/${nick}' to='coven@chat.shakespeare.lit/${nick}'>
        ${inside}
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant'/>
        </x>
      </presence>`)
  }

  /** A departure, with the status codes and contents of `item` that XEP-0045 has for it. */
  withdraws(nick: string, codes: readonly string[] = [], item = ''): Promise<void> {
    return this.sends(`
      <presence from='${this.shadow}/${nick}' to='coven@chat.shakespeare.lit/${nick}' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none' ${item}/>
          ${codes.map((code) => `<status code='${code}'/>`).join('')}
        </x>
      </presence>`)
  }

  /** E25. */
  says(nick: string, body: string, id = ''): Promise<void> {
    return this.sends(`
      <message from='${this.shadow}/${nick}' to='coven@chat.shakespeare.lit/${nick}' type='groupchat' ${id && `id='${id}'`}>
        <body>${body}</body>
      </message>`)
  }
}

/** The room roster that E7 prints. */
export const covenRoster = [
  `<item xmlns='urn:xmpp:dmuc:0' affiliation='owner' jid='crone1@shakespeare.lit/desktop' name='foo'/>`,
  `<item xmlns='urn:xmpp:dmuc:0' affiliation='admin' jid='wiccarocks@shakespeare.lit/laptop' name='bar'/>`,
  `<item xmlns='urn:xmpp:dmuc:0' affiliation='none' jid='hag66@shakespeare.lit/pda' name='baz'/>`,
] as const

/** The history that E10 prints. */
export const covenHistory = `
  <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/foo' type='groupchat'>
    <body>Message 1.</body>
    <delay xmlns='urn:xmpp:delay' from='crone1@shakespeare.lit/desktop' stamp='2002-10-13T23:58:37Z'/>
  </message>
  <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/bar' type='groupchat'>
    <body>Message 2.</body>
    <delay xmlns='urn:xmpp:delay' from='wiccarocks@shakespeare.lit/laptop' stamp='2002-10-13T23:58:43Z'/>
  </message>
  <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/baz' type='groupchat'>
    <body>Message 3.</body>
    <delay xmlns='urn:xmpp:delay' from='hag66@shakespeare.lit/pda' stamp='2002-10-13T23:58:49Z'/>
  </message>`

/** chat.shakespeare.lit with the source coven, which gives rooms.macbeth.lit a shadow: theroom, in most examples. */
export class PlainFirsthost extends PlainPeer {
  readonly shadow: string
  readonly #id: string

  constructor(peer: Peer, id = 'theroom') {
    super(peer)
    this.#id = id
    this.shadow = `${id}@rooms.macbeth.lit`
  }

  /** E3, and E4 back. */
  async requestsReplication(id = 'replicate1'): Promise<void> {
    await this.sends(`
      <iq from='chat.shakespeare.lit' id='${id}' to='rooms.macbeth.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>
          <room id='${this.#id}'/>
        </replicate>
      </iq>`)
    await this.receives(`<iq from='rooms.macbeth.lit' id='${id}' to='chat.shakespeare.lit' type='result'/>`)
  }

  /** E5, with further fields, and E6 back. */
  async sendsConfig(fields = '', type = 'form'): Promise<void> {
    await this.sends(`
      <iq from='coven@chat.shakespeare.lit' id='config1' to='${this.shadow}' type='set'>
        <config xmlns='urn:xmpp:dmuc:0'>
          <x xmlns='jabber:x:data' type='${type}'>
            <field type='hidden' var='FORM_TYPE'>
              <value>http://jabber.org/protocol/muc#roomconfig</value>
            </field>
            ${fields}
          </x>
        </config>
      </iq>`)
    await this.receives(`<iq from='${this.shadow}' id='config1' to='coven@chat.shakespeare.lit' type='result'/>`)
  }

  /** E7, and E8 back. */
  async sendsRoster(...items: readonly string[]): Promise<void> {
    await this.sends(`
      <iq from='coven@chat.shakespeare.lit' id='roster1' to='${this.shadow}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>${items.join('')}</roster>
      </iq>`)
    await this.receives(`<iq from='${this.shadow}' id='roster1' to='coven@chat.shakespeare.lit' type='result'/>`)
  }

  /** E9 comes, and E10 goes back. */
  async givesHistory(messages = ''): Promise<void> {
    const { id } = await this.receives(`
      <iq from='${this.shadow}' id='{$id}' to='coven@chat.shakespeare.lit' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='${this.#id}'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1000'/>
        </room>
      </iq>`)
    await this.sends(`
      <iq from='coven@chat.shakespeare.lit' id='${id}' to='${this.shadow}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>${messages}</history>
      </iq>`)
  }

  /** E3 to E10: the shadow stands. */
  async givesShadow(fields = '', items: readonly string[] = covenRoster, messages = ''): Promise<void> {
    await this.requestsReplication()
    await this.sendsConfig(fields)
    await this.sendsRoster(...items)
    await this.givesHistory(messages)
  }

  /** An occupant of the source enters. */
  announces(nick: string, item: string, inside = ''): Promise<void> {
    return this.sends(`
      <presence from='coven@chat.shakespeare.lit/${nick}' to='${this.shadow}/${nick}'>
        ${inside}
        <x xmlns='http://jabber.org/protocol/muc#user'>${item}</x>
      </presence>`)
  }

  withdraws(nick: string, codes: readonly string[] = [], item = ''): Promise<void> {
    return this.sends(`
      <presence from='coven@chat.shakespeare.lit/${nick}' to='${this.shadow}/${nick}' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none' ${item}/>
          ${codes.map((code) => `<status code='${code}'/>`).join('')}
        </x>
      </presence>`)
  }

  says(nick: string, body: string): Promise<void> {
    return this.sends(`
      <message from='coven@chat.shakespeare.lit/${nick}' to='${this.shadow}/${nick}' type='groupchat'>
        <body>${body}</body>
      </message>`)
  }
}
