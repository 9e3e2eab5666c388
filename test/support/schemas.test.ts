/** The schemas in docs/schemas refuse what is not theirs: else it would mean nothing that the stanzas of all tests pass. */
import { describe, expect, test } from '@jest/globals'
import { faults } from './schemas.js'
import { parse } from './xml-match.js'

const sync = "xmlns='urn:xmpp:dmuc-sync:0'"

test.each([
  ['E3', "<iq type='set'><replicate xmlns='urn:xmpp:dmuc:0'><room id='theroom'/></replicate></iq>"],
  [
    'E9',
    `<iq type='get'><room xmlns='urn:xmpp:dmuc:0' id='theroom'><history xmlns='http://jabber.org/protocol/muc'/></room></iq>`,
  ],
  ['a grant', `<iq type='result'><grant ${sync} number='7'/></iq>`],
  ['a message without anything of ours', "<message type='groupchat'><body>Message 4.</body></message>"],
  ['an error with what it refuses', `<iq type='error'><hello ${sync}/><error type='auth'/></iq>`],
])('%s is as declared', (_what, stanza) => {
  expect(faults(parse(stanza))).toEqual([])
})

describe('a fault is told:', () => {
  test.each([
    ['an unknown element', `<iq type='set'><greeting ${sync}/></iq>`, 'greeting'],
    ['one inside another', `<iq type='get'><pull ${sync} room='r'><span/></pull></iq>`, 'span'],
    ['an unknown attribute', `<iq type='result'><grant ${sync} number='7' until='8'/></iq>`, 'until'],
    ['a missing attribute', `<iq type='result'><grant ${sync}/></iq>`, 'number'],
    ['a number that is none', `<iq type='result'><grant ${sync} number='07'/></iq>`, '07'],
    ['a wrong place', `<message><grant ${sync} number='7'/></message>`, '<grant/> in a stanza of the kind "message"'],
    [
      'something of ours deep inside what is not',
      `<iq type='set'><roster xmlns='urn:xmpp:dmuc:0'><item affiliation='none' jid='a@b' name='c'><whim ${sync}/></item></roster></iq>`,
      'whim',
    ],
    [
      'an affiliation that is none',
      "<iq type='set'><roster xmlns='urn:xmpp:dmuc:0'><item affiliation='king' jid='a@b' name='c'/></roster></iq>",
      'king',
    ],
  ])('%s', (_what, stanza, word) => {
    expect(faults(parse(stanza)).join('\n')).toContain(word)
  })
})
