// What the archive of a room has (XEP-0313), read to its end by a client, as if it had been heard.
import { xml } from '@xmpp/client'

const ns = { mam: 'urn:xmpp:mam:2', rsm: 'http://jabber.org/protocol/rsm', forward: 'urn:xmpp:forward:0' }
const pageSize = 250

/**
 * @param {import('./person.mjs').Person} person who may read it
 * @param {string} room bare JID
 * @returns {Promise<import('./person.mjs').Heard[]>} the messages with a body, in the archive's order
 */
export async function readArchive(person, room) {
  /** @type {import('./person.mjs').Heard[]} */
  const found = []
  const take = (/** @type {import('ltx').Element} */ stanza) => {
    const result = stanza.getChild('result', ns.mam)
    const message = result?.getChild('forwarded', ns.forward)?.getChild('message')
    const body = message?.getChildText('body')
    if (result === undefined || message === undefined || typeof body !== 'string') return
    const nick = String(message.attrs.from).slice(room.length + 1)
    found.push({ room, from: nick, body, id: message.attrs.id, stanzaId: result.attrs.id, delay: undefined })
  }
  person.entity.on('stanza', take)
  try {
    for (let after = ''; ; ) {
      const set = xml(
        'set',
        { xmlns: ns.rsm },
        xml('max', {}, String(pageSize)),
        after ? xml('after', {}, after) : undefined,
      )
      const answer = await person.ask('set', room, xml('query', { xmlns: ns.mam }, set))
      const fin = answer.getChild('fin', ns.mam)
      const last = fin?.getChild('set', ns.rsm)?.getChildText('last')
      if (fin === undefined || fin.attrs.complete === 'true' || !last) return found
      after = last
    }
  } finally {
    person.entity.off('stanza', take)
  }
}
