/** RFC 6121 §8.5.4, table 1: what becomes of a message, cell by cell; and of presence and IQ beside it (§8.5.1 to §8.5.3). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
beforeEach(async () => {
  stage = await Stage.open()
  alice = stage.client('alice')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

/** Bob's clients, with their priorities. */
const conditions: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'account exists, but no active resources': {},
  '1+ negative resources but zero non-negative resources': { low: -1 },
  '1 non-negative resource': { one: 0 },
  '1+ non-negative resources': { one: 1, two: 1, less: 0, low: -1 },
}

/**
 * As the table has it. S: silently ignored; E: an error; O: kept offline; D: delivered; M: to the most available; A: to all that are not
 * negative. Where it leaves a choice, ours.
 */
const table = `
                                                      | normal | chat | groupchat | headline | error
account does not exist                                |        |      |           |          |
  bare                                                |   E    |  E   |     E     |    S     |   S
  full                                                |   E    |  E   |     E     |    S     |   S
account exists, but no active resources               |        |      |           |          |
  bare                                                |   O    |  O   |     E     |    S     |   S
  full, no match                                      |   E    |  O   |     E     |    S     |   S
1+ negative resources but zero non-negative resources |        |      |           |          |
  bare                                                |   O    |  O   |     E     |    S     |   S
  full, match                                         |   D    |  D   |     D     |    D     |   D
  full, no match                                      |   E    |  O   |     E     |    S     |   S
1 non-negative resource                               |        |      |           |          |
  bare                                                |   M    |  M   |     E     |    A     |   S
  full, match                                         |   D    |  D   |     D     |    D     |   D
  full, no match                                      |   E    |  M   |     E     |    S     |   S
1+ non-negative resources                             |        |      |           |          |
  bare                                                |   M    |  M   |     E     |    A     |   S
  full, match                                         |   D    |  D   |     D     |    D     |   D
  full, no match                                      |   E    |  M   |     E     |    S     |   S`

function cells(): [condition: string, to: string, type: string, outcome: string][] {
  const [head, ...rows] = table
    .split('\n')
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()))
  let condition = ''
  return rows.flatMap(([name, ...outcomes]) => {
    if (outcomes[0] === '') condition = name!
    return outcomes.flatMap((outcome, column) =>
      outcome === '' ? [] : [[condition, name!, head![column + 1]!, outcome] as [string, string, string, string]],
    )
  })
}

describe('RFC 6121 §8.5.4, table 1', () => {
  test.each(cells())('%s; %s; %s: %s', async (condition, to, type, outcome) => {
    const isThere = condition in conditions
    const priorities = Object.entries(conditions[condition] ?? {})
    const clients = new Map<string, Client>()
    for (const [resource, priority] of priorities) {
      const client = stage.client('bob', resource)
      await client.comesOnline(priority)
      clients.set(resource, client)
    }
    for (const client of clients.values()) await client.clears()
    const matching = priorities[0]?.[0]
    const account = isThere ? 'bob@a.example' : 'nobody@a.example'
    const address = to === 'bare' ? account : `${account}/${to === 'full, match' ? matching : 'gone'}`
    const body = type === 'error' ? `<error type='cancel'/>` : '<body>Hi</body>'
    await alice.sends(`<message to='${address}' type='${type}' id='m'>${body}</message>`)
    await settled()
    const got: string[] = []
    for (const [resource, client] of clients) if ((await client.drain()).length > 0) got.push(resource)
    const willing = priorities.filter(([, priority]) => priority >= 0)
    const most = Math.max(...willing.map(([, priority]) => priority))
    const expected = {
      D: [matching],
      M: willing.filter(([, priority]) => priority === most).map(([resource]) => resource),
      A: willing.map(([resource]) => resource),
    }[outcome]
    expect(got).toEqual(expected ?? [])
    expect((await alice.drain()).map(({ attrs }) => attrs.type)).toEqual(outcome === 'E' ? ['error'] : [])
    expect(await stage.store.offlineCount(account)).toBe(outcome === 'O' ? 1 : 0)
  })
})

describe('RFC 6121 §8.5: presence and IQ', () => {
  test.each([
    ['§8.5.1 to nobody', 'nobody@a.example', [], 0],
    ['§8.5.2.1.2 to all that are available', 'bob@a.example', ['one', 'low'], 0],
    ['§8.5.3.1 to the one', 'bob@a.example/low', ['low'], 0],
    ['§8.5.3.2.2 to none that is there', 'bob@a.example/gone', [], 0],
  ] as const)('presence %s', async (_name, to, expected, errors) => {
    const clients = await Promise.all(
      [
        ['one', 0],
        ['low', -1],
      ].map(async ([resource, priority]) => {
        const client = stage.client('bob', String(resource))
        await client.comesOnline(Number(priority))
        return client
      }),
    )
    for (const client of clients) await client.clears()
    await alice.sends(`<presence to='${to}'/>`)
    const got: string[] = []
    for (const client of clients) if ((await client.drain()).length > 0) got.push(client.session.jid.resource)
    expect(got).toEqual(expected)
    expect(await alice.drain()).toHaveLength(errors)
  })

  test.each([
    ['§8.5.1 to nobody', 'nobody@a.example'],
    ['§8.5.2.1.3 what the server does not know, though a client might', 'bob@a.example'],
    ['§8.5.3.2.3 to none that is there', 'bob@a.example/gone'],
    ['§8.5.3.1 of a stranger, to one that is there', 'bob@a.example/one'],
  ])('a request %s', async (_name, to) => {
    const bob = stage.client('bob', 'one')
    await bob.comesOnline()
    await alice.sends(`<iq type='get' id='q' to='${to}'><query xmlns='urn:x'/></iq>`)
    expect((await alice.next()).getChild('error')?.getChild('service-unavailable')).toBeDefined()
    await bob.receivesNothing()
  })
})
