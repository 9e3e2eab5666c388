/** The entities of XEP-0281 §2.2 on stage: our server as the firsthost chat.shakespeare.lit, or as the peerhost rooms.macbeth.lit. */

import { signerOf } from '../../../src/dmuc/signing.js'
import { modules } from '../../../src/modules/index.js'
import { type MucService, muc, mucService } from '../../../src/modules/muc/index.js'
import type { Module } from '../../../src/server/module.js'
import { type Client, Stage, settled } from '../../dialogue/stage.js'
import { openFailingStore } from '../../support/failing-store.js'

const userModules = modules.filter((module) => module.hosts.includes('user'))
const mucModules = modules.filter((module) => module.hosts.includes('muc') && module !== muc)

const secret = Buffer.alloc(32, 'double, double toil and trouble')
/** By which the service under test signs. */
export const key = signerOf(secret).publicKey

export interface Theatre {
  readonly stage: Stage
  /** What the room service offers to the operator's commands. */
  readonly rooms: () => MucService
}

async function open(
  domain: string,
  service: string,
  accounts: readonly string[],
  allow: readonly string[],
  dmuc: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
): Promise<Theatre> {
  let rooms: MucService | undefined
  const observer: Module = {
    name: 'observer',
    hosts: ['muc'],
    setup: (host) => {
      rooms = host.service<MucService>(mucService)
      return []
    },
  }
  const store = openFailingStore()
  const value = secret.toString('base64')
  await store.commit([{ type: 'data.put', owner: service, kind: 'urn:xmpp:dmuc-sync:0', key: 'signing-key', value }])
  const stage = await Stage.open({
    store,
    accounts: accounts.map((name) => `${name}@${domain}`),
    hosts: [
      { domain, type: 'user', modules: userModules },
      {
        domain: service,
        type: 'muc',
        modules: [...mucModules, muc, observer],
        options: { muc: { ...options, dmuc: { allow, ...dmuc } } },
      },
    ],
  })
  return { stage, rooms: () => rooms as MucService }
}

/** chat.shakespeare.lit is ours. `dmuc`: the options of distribution, `options`: others of the room service. */
export const openFirsthost = (
  dmuc: Readonly<Record<string, unknown>> = {},
  options: Readonly<Record<string, unknown>> = {},
): Promise<Theatre> =>
  open(
    'shakespeare.lit',
    'chat.shakespeare.lit',
    ['crone1', 'wiccarocks', 'hag66'],
    ['rooms.macbeth.lit', 'conference.marlowe.lit'],
    dmuc,
    options,
  )

/** rooms.macbeth.lit is ours. */
export const openPeerhost = (
  dmuc: Readonly<Record<string, unknown>> = {},
  options: Readonly<Record<string, unknown>> = {},
): Promise<Theatre> =>
  open(
    'macbeth.lit',
    'rooms.macbeth.lit',
    ['somewitch', 'macduff'],
    ['chat.shakespeare.lit', 'conference.marlowe.lit'],
    dmuc,
    options,
  )

export const field = (name: string, ...values: readonly string[]): string =>
  `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`

/** The owner's form with these fields is submitted. */
export const configures = (owner: Client, ...fields: readonly string[]): Promise<void> =>
  owner.sends(`
    <iq to='coven@chat.shakespeare.lit' id='configure1' type='set'>
      <query xmlns='http://jabber.org/protocol/muc#owner'>
        <x xmlns='jabber:x:data' type='submit'>
          <field type='hidden' var='FORM_TYPE'>
            <value>http://jabber.org/protocol/muc#roomconfig</value>
          </field>
          ${fields.join('')}
        </x>
      </query>
    </iq>`)

export const joins = (client: Client, occupant: string, inside = ''): Promise<void> =>
  client.sends(`<presence to='${occupant}'>${inside}<x xmlns='http://jabber.org/protocol/muc'/></presence>`)

/** crone1 makes coven, not distributed yet, and is in it as foo. */
export async function makesCoven({ stage }: Theatre, ...fields: readonly string[]): Promise<Client> {
  const crone1 = stage.client('crone1@shakespeare.lit', 'desktop')
  await joins(crone1, 'coven@chat.shakespeare.lit/foo')
  await configures(crone1, field('muc#roomconfig_persistentroom', '1'), ...fields)
  await quiet(crone1)
  return crone1
}

export const distributed = (...peers: readonly string[]): string =>
  field('muc#roomconfig_distributed', 'true') + field('{urn:xmpp:dmuc-sync:0}peers', ...peers)

/** Everything that is under way has arrived, and is forgotten. */
export async function quiet(...clients: readonly Client[]): Promise<void> {
  for (let round = 0; round < 4; round += 1) await settled()
  for (const client of clients) await client.clears()
}

/** An owner or admin changes affiliations or roles. */
export const administers = (client: Client, room: string, item: string): Promise<void> =>
  client.sends(`
    <iq to='${room}' id='admin1' type='set'>
      <query xmlns='http://jabber.org/protocol/muc#admin'>${item}</query>
    </iq>`)

export const says = (client: Client, room: string, body: string, id = ''): Promise<void> =>
  client.sends(`<message to='${room}' type='groupchat' ${id && `id='${id}'`}><body>${body}</body></message>`)

/** The occupants that E7 prints: foo is the owner, bar an admin, baz nothing of the kind. */
export async function fillsCoven(theatre: Theatre, ...fields: readonly string[]): Promise<[Client, Client, Client]> {
  const foo = await makesCoven(theatre, ...fields)
  const bar = theatre.stage.client('wiccarocks@shakespeare.lit', 'laptop')
  const baz = theatre.stage.client('hag66@shakespeare.lit', 'pda')
  await administers(foo, 'coven@chat.shakespeare.lit', `<item affiliation='admin' jid='wiccarocks@shakespeare.lit'/>`)
  await joins(bar, 'coven@chat.shakespeare.lit/bar')
  await joins(baz, 'coven@chat.shakespeare.lit/baz')
  await quiet(foo, bar, baz)
  return [foo, bar, baz]
}
