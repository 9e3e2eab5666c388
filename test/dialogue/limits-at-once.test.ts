/** Limits of an account hold for requests that come all at once, each before the one before it is on the disk. */
import { afterEach, expect, test } from '@jest/globals'
import { Stage } from './stage.js'

let close: (() => Promise<void>) | undefined
afterEach(() => close?.())

const iq = (id: string, to: string, payload: string): string => `<iq type='set' id='${id}'${to}>${payload}</iq>`
const publish = (n: number): string =>
  `<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n${n}'><item><x xmlns='urn:x'/></item></publish></pubsub>`

test.each([
  [
    'max_roster_contacts',
    'roster',
    '',
    (n: number) => `<query xmlns='jabber:iq:roster'><item jid='u${n}@x.example'/></query>`,
  ],
  [
    'max_blocked_addresses',
    'blocking',
    '',
    (n: number) => `<block xmlns='urn:xmpp:blocking'><item jid='u${n}@x.example'/></block>`,
  ],
  [
    'max_private_payloads',
    'private',
    '',
    (n: number) => `<query xmlns='jabber:iq:private'><x xmlns='urn:${n}'/></query>`,
  ],
  ['push_max_devices', 'push', '', (n: number) => `<enable xmlns='urn:xmpp:push:0' jid='push.example' node='${n}'/>`],
  ['pep_max_nodes', 'pep', '', publish],
  [
    'max_invites_per_user',
    'register',
    ` to='a.example'`,
    () => `<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:invite#invite' action='execute'/>`,
  ],
])('%s', async (name, module, to, payload) => {
  const stage = await Stage.open({ options: { [module]: { [name]: 3, allow_user_invites: true } } })
  close = () => stage.close()
  const alice = stage.client('alice')
  await Promise.all(Array.from({ length: 10 }, (_, n) => alice.sends(iq(`i${n}`, to, payload(n)))))
  const answers = (await alice.drain()).filter(
    ({ name: element, attrs }) => element === 'iq' && attrs.id?.startsWith('i'),
  )
  expect(answers.filter(({ attrs }) => attrs.type === 'result')).toHaveLength(3)
  expect(stage.refused).toEqual(Array.from({ length: 7 }, () => 'stanza: resource-constraint'))
})
