/** A stage with a service of rooms, and the sentences that dialogues in rooms are made of. */
import { modules } from '../../src/modules/index.js'
import { type Client, Stage, type StageOptions } from './stage.js'

export const room = 'coven@rooms.a.example'

/** `options`: of the service, under the names of the configuration. */
export function openRooms(
  options: Readonly<Record<string, unknown>> = {},
  stage: Pick<StageOptions, 'accounts' | 'store' | 'httpBase'> = {},
): Promise<Stage> {
  return Stage.open({
    accounts: ['alice', 'bob', 'carol', 'admin'],
    ...stage,
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        name: 'A',
        modules: modules.filter((module) => module.hosts.includes('user')),
      },
      {
        domain: 'rooms.a.example',
        type: 'muc',
        name: 'Rooms',
        modules: modules.filter((module) => module.hosts.includes('muc')),
        options: { muc: options },
        admins: ['admin@a.example'],
      },
    ],
  })
}

export const join = (client: Client, nick: string, x = '', to = room): Promise<void> =>
  client.sends(`<presence to='${to}/${nick}'><x xmlns='http://jabber.org/protocol/muc'>${x}</x></presence>`)

export const say = (client: Client, body: string, to = room): Promise<void> =>
  client.sends(`<message to='${to}' type='groupchat' id='${body}'><body>${body}</body></message>`)

export async function configure(client: Client, fields: Readonly<Record<string, string>> = {}): Promise<void> {
  const xml = Object.entries({ FORM_TYPE: 'http://jabber.org/protocol/muc#roomconfig', ...fields })
    .map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`)
    .join('')
  await client.sends(`<iq type='set' id='cfg' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>${Object.keys(fields).length === 0 ? '' : xml}</x></query></iq>`)
}

export const administer = (client: Client, item: string): Promise<void> =>
  client.sends(
    `<iq type='set' id='adm' to='${room}'><query xmlns='http://jabber.org/protocol/muc#admin'>${item}</query></iq>`,
  )

/** Makes the room, enters and configures it. */
export async function found(
  client: Client,
  nick: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<void> {
  await join(client, nick)
  await configure(client, fields)
  await client.clears()
}

/** What is said to all, as the archive will have it: waits for its reflection. */
export async function says(client: Client, ...bodies: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const body of bodies) {
    await say(client, body)
    for (;;) {
      const stanza = await client.next()
      if (stanza.getChildText('body') !== body) continue
      ids.push(String(stanza.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id))
      break
    }
  }
  return ids
}
