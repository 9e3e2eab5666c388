/** XEP-0215: clients are told of STUN and TURN, with credentials of their own that expire. */
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { wrongServices } from '../../src/modules/external-services.js'
import { modules } from '../../src/modules/index.js'
import { type Client, Stage } from './stage.js'

const extdisco = 'urn:xmpp:extdisco:2'
let stage: Stage
let alice: Client

beforeEach(async () => {
  stage = await Stage.open({
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        options: {
          external_services: {
            external_services: [
              { type: 'stun', host: 'stun.a.example', port: 3478, transport: 'udp' },
              { type: 'turn', host: 'turn.a.example', port: 3478, transport: 'udp', secret: 'toad', ttl: 3600 },
              { type: 'ftp', host: 'ftp.a.example', username: 'all', password: 'of us' },
            ],
          },
        },
      },
    ],
  })
  alice = stage.client('alice')
})
afterEach(() => stage.close())

const asks = (content: string): Promise<void> => alice.sends(`<iq type='get' id='e' to='a.example'>${content}</iq>`)

/** As coturn computes it. */
const user = `1767229200:${createHmac('sha256', 'toad').update('alice@a.example').digest('hex').slice(0, 16)}`
const password = createHmac('sha1', 'toad').update(user).digest('base64')
const turn = `<service type='turn' host='turn.a.example' port='3478' transport='udp' restricted='true' username='${user}' password='${password}' expires='2026-01-01T01:00:00.000Z'/>`

test('§3.1 all services', async () => {
  await asks(`<services xmlns='${extdisco}'/>`)
  await alice.receives(
    `<iq type='result' id='e' from='a.example' to='${alice.jid}'><services xmlns='${extdisco}'>
      <service type='stun' host='stun.a.example' port='3478' transport='udp'/>${turn}
      <service type='ftp' host='ftp.a.example' restricted='true' username='all' password='of us'/></services></iq>`,
  )
})

test('§3.2 of one type; §3.3 credentials of one service', async () => {
  await asks(`<services xmlns='${extdisco}' type='turn'/>`)
  await alice.receives(
    `<iq type='result' id='e' from='a.example' to='${alice.jid}'><services xmlns='${extdisco}' type='turn'>${turn}</services></iq>`,
  )
  await asks(`<credentials xmlns='${extdisco}'><service type='turn' host='turn.a.example'/></credentials>`)
  await alice.receives(
    `<iq type='result' id='e' from='a.example' to='${alice.jid}'><credentials xmlns='${extdisco}'>${turn}</credentials></iq>`,
  )
  await asks(`<credentials xmlns='${extdisco}'><service type='turn' host='other.example'/></credentials>`)
  expect(String(await alice.next())).toContain('<item-not-found')
})

test('strangers are told nothing', async () => {
  const eve = stage.peer('b.example')
  await eve.sends(`<iq type='get' id='e' from='eve@b.example/x' to='a.example'><services xmlns='${extdisco}'/></iq>`)
  const answer = String(await eve.next())
  expect(answer).toContain('<forbidden')
  expect(answer).not.toContain('turn.a.example')
})

test.each([
  [[{ type: 'stun', host: 'x' }], undefined],
  [[{ host: 'x' }], /type and a host/],
  [[{ type: 'stun', host: 'x', prot: 1 }], /prot is none/],
  [[{ type: 'stun', host: 'x', port: '1' }], /whole number for port/],
  [[{ type: 'stun', host: 'x', secret: 'a', username: 'b' }], /not both/],
])('the configuration: %j', (given, problem) => {
  const sentence = wrongServices(given)
  if (problem === undefined) expect(sentence).toBeUndefined()
  else expect(sentence).toMatch(problem)
})
