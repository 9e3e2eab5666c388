/** How long an archive keeps what was said (`archive_expires_after`), and that nobody loses by it what they have not had. */
import { afterEach, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { readPeriod } from '../../src/modules/user-archive/retention.js'
import { Stage, settled } from './stage.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const mam = 'urn:xmpp:mam:2'

let stage: Stage

afterEach(() => stage.close())

async function opens(period = '1w'): Promise<void> {
  const users = modules.filter(({ hosts }) => hosts.includes('user'))
  const options = { user_archive: { archive_expires_after: period } }
  stage = await Stage.open({ hosts: [{ domain: 'a.example', type: 'user', name: 'A', modules: users, options }] })
}

const says = (id: string): Promise<void> =>
  stage.client('alice', 'desk').sends(`<message to='bob@a.example' type='chat' id='${id}'><body>${id}</body></message>`)

async function archived(owner = 'bob@a.example'): Promise<string[]> {
  const records = await stage.store.archive(owner, { limit: 1000 })
  return records.map(({ body }) => JSON.parse(body).attrs.id)
}

/** With a sweep at its end. */
async function passes(ms: number): Promise<void> {
  for (const part of [ms - hourMs, hourMs]) {
    stage.clock.advance(part)
    await settled()
  }
}

test('a message goes within an hour after its week, from both archives; a younger one stays until its own', async () => {
  stage = await Stage.open()
  await says('1')
  await passes(dayMs)
  await says('2')
  await passes(6 * dayMs)
  expect(await archived()).toEqual(['1', '2'])
  await passes(hourMs)
  expect(await archived()).toEqual(['2'])
  expect(await archived('alice@a.example')).toEqual(['2'])
  await passes(dayMs)
  expect(await archived()).toEqual([])
})

test('more than a page of them goes at once', async () => {
  await opens('1d')
  for (let n = 0; n < 450; n++) await says(`${n}`)
  await passes(12 * hourMs)
  await says('young')
  await passes(13 * hourMs)
  expect(await archived()).toEqual(['young'])
})

test('"never": everything stays', async () => {
  await opens('never')
  await says('1')
  await passes(400 * dayMs)
  expect(await archived()).toEqual(['1'])
})

test('what the store does not take is tried again an hour later', async () => {
  await opens('1d')
  await says('1')
  stage.store.failing = ['archive.trim']
  await passes(25 * hourMs)
  expect(await archived()).toEqual(['1'])
  expect(stage.errors).toEqual(['Archives could not be trimmed; it is tried again in an hour'])
  stage.store.failing = false
  await passes(hourMs)
  expect(await archived()).toEqual([])
})

test('who was away for longer is given what has expired, and finds the rest in the archive', async () => {
  await opens('1d')
  await says('old')
  await passes(20 * hourMs)
  await says('new')
  await passes(5 * hourMs)
  expect(await archived()).toEqual(['new'])
  const bob = stage.client('bob', 'phone')
  await bob.sends(`<iq type='set' id='q'><query xmlns='${mam}'/></iq>`)
  await bob.clears()
  await bob.sends('<presence/>')
  const given = (await bob.drain()).filter(({ name }) => name === 'message')
  expect(given.map(({ attrs }) => attrs.id)).toEqual(['old'])
  expect(await stage.store.offlineCount('bob@a.example')).toBe(0)
})

test.each([
  ['3d', 3 * dayMs],
  ['1w', 7 * dayMs],
  ['6m', 186 * dayMs],
  ['1y', 365 * dayMs],
  ['never', Number.POSITIVE_INFINITY],
  ['', undefined],
  ['0d', undefined],
  ['1.5w', undefined],
  ['10000y', undefined],
  ['1 w', undefined],
  [7, undefined],
])('the period %p', (text, ms) => {
  expect(readPeriod(text)).toBe(ms)
})
