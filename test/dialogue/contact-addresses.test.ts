/** XEP-0157: anybody finds out whom to write to about this server. */
import { afterEach, expect, test } from '@jest/globals'
import { wrongContacts } from '../../src/modules/contact-addresses.js'
import { modules } from '../../src/modules/index.js'
import { Stage } from './stage.js'

let stage: Stage

afterEach(() => stage.close())

async function asks(domain: string, contacts: Readonly<Record<string, readonly string[]>>): Promise<string> {
  const options = { contact_addresses: { contact_info: contacts } }
  const of = (type: 'user' | 'muc') => modules.filter(({ hosts }) => hosts.includes(type))
  stage = await Stage.open({
    hosts: [
      { domain: 'a.example', type: 'user', modules: of('user'), options },
      { domain: 'rooms.a.example', type: 'muc', modules: of('muc'), options },
    ],
  })
  const peer = stage.peer('b.example')
  const query = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
  await peer.sends(`<iq type='get' id='d' from='eve@b.example/x' to='${domain}'>${query}</iq>`)
  const forms = (await peer.next()).getChild('query')?.getChildren('x', 'jabber:x:data') ?? []
  return forms
    .map(String)
    .filter((form) => form.includes('serverinfo'))
    .join('\n')
}

test.each(['a.example', 'rooms.a.example'])('§3 %s says so in its disco#info, also to strangers', async (domain) => {
  const form = await asks(domain, {
    security: ['xmpp:admin@a.example'],
    abuse: ['mailto:abuse@a.example', 'https://a.example/abuse?a=1&b=2'],
    sales: [],
  })
  expect(form).toBe(
    '<x xmlns="jabber:x:data" type="result">' +
      '<field var="FORM_TYPE" type="hidden"><value>http://jabber.org/network/serverinfo</value></field>' +
      '<field var="abuse-addresses" type="list-multi"><value>mailto:abuse@a.example</value>' +
      '<value>https://a.example/abuse?a=1&amp;b=2</value></field>' +
      '<field var="security-addresses" type="list-multi"><value>xmpp:admin@a.example</value></field></x>',
  )
})

test('without contact_info there is no form', async () => {
  expect(await asks('a.example', {})).toBe('')
})

test.each([
  [{ abuse: ['mailto:a@b.example'], status: ['https://status.a.example/'] }, undefined],
  [[], /table of lists/],
  [{ abus: [] }, /keys among abuse.*abus is none/],
  [{ abuse: 'mailto:a@b.example' }, /list in brackets for abuse/],
  [{ abuse: ['a@b.example'] }, /URIs such as .* for abuse; "a@b.example" is none/],
  [{ abuse: [7] }, /URIs/],
])('the configuration: %j', (given, problem) => {
  const sentence = wrongContacts(given)
  if (problem === undefined) expect(sentence).toBeUndefined()
  else expect(sentence).toMatch(problem)
})
