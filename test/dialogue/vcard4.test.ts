/** XEP-0292: a vCard4 is published, and read by clients of the older kind (XEP-0054), too. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { answer, get, options, publish, published } from './pubsub-stage.js'
import { type Client, Stage } from './stage.js'

let stage: Stage
let juliet: Client
let tybalt: Client

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['juliet', 'tybalt'] })
  juliet = stage.client('juliet')
  tybalt = stage.client('tybalt')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const ns = 'urn:ietf:params:xml:ns:vcard-4.0'
const card = (content: string) => `<vcard xmlns='${ns}'>${content}</vcard>`
const publishes = async (content: string, access = 'open') => {
  await juliet.sends(publish('urn:xmpp:vcard4', card(content), 'current', options({ access_model: access })))
  await juliet.receives(published(juliet, 'urn:xmpp:vcard4'))
}
const older = async (client = tybalt): Promise<string> => {
  await client.sends(`<iq type='get' id='v' to='juliet@a.example'><vCard xmlns='vcard-temp'/></iq>`)
  const stanza = await client.next()
  return stanza.attrs.type === 'error' ? 'none' : (stanza.getChild('vCard')?.children.join('') ?? '')
}

test('XEP-0292 §3.1 it is an item of a node that everybody may read, and the account says so', async () => {
  await publishes('<fn><text>Juliet</text></fn>')
  await tybalt.sends(get(`<items node='urn:xmpp:vcard4'/>`, 'juliet@a.example'))
  const items = `<items node='urn:xmpp:vcard4'><item id='current'>${card('<fn><text>Juliet</text></fn>')}</item></items>`
  await tybalt.receives(answer(tybalt, items, 'juliet@a.example'))
  await juliet.sends(
    `<iq type='get' id='i' to='juliet@a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  )
  expect((await juliet.next()).getChild('query')?.getChildByAttr('var', ns)).toBeDefined()
})

test('XEP-0054: what the older card has a place for is read there', async () => {
  await publishes(`
    <fn><text>Juliet Capulet</text></fn>
    <n><surname>Capulet</surname><given>Juliet</given><additional></additional></n>
    <nickname><text>Jule</text></nickname>
    <bday><date>1476-06-09</date></bday>
    <email><parameters><type><text>home</text></type></parameters><text>juliet@example.org</text></email>
    <tel><uri>tel:+39-045-1234</uri></tel>
    <impp><uri>xmpp:juliet@a.example</uri></impp>
    <adr><locality>Verona</locality><country>Italy</country></adr>
    <org><text>House of Capulet</text></org>
    <gender><sex>F</sex></gender><constructor><text>x</text></constructor><title/>`)
  expect(await older()).toBe(
    '<FN>Juliet Capulet</FN><N><FAMILY>Capulet</FAMILY><GIVEN>Juliet</GIVEN></N><NICKNAME>Jule</NICKNAME>' +
      '<BDAY>1476-06-09</BDAY><EMAIL><USERID>juliet@example.org</USERID></EMAIL><TEL><NUMBER>+39-045-1234</NUMBER></TEL>' +
      '<JABBERID>juliet@a.example</JABBERID><ADR><LOCALITY>Verona</LOCALITY><CTRY>Italy</CTRY></ADR>' +
      '<ORG><ORGNAME>House of Capulet</ORGNAME></ORG>',
  )
})

test('XEP-0054: a card that the user set is left alone; and nobody reads there what is not for them', async () => {
  await publishes('<fn><text>Juliet</text></fn>', 'presence')
  expect(await older()).toBe('none')
  expect(await older(juliet)).toBe('<FN>Juliet</FN>')
  await juliet.sends(
    `<iq type='set' id='v'><vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>AAAA</BINVAL></PHOTO></vCard></iq>`,
  )
  await juliet.clears()
  expect(await older(juliet)).toContain('<FN>Juliet</FN><PHOTO>')
  await juliet.sends(`<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>Miss Capulet</FN></vCard></iq>`)
  await juliet.clears()
  expect(await older()).toBe('<FN>Miss Capulet</FN>')
  expect(await older(juliet)).toBe('<FN>Miss Capulet</FN>')
})
