/** `dmucctl room export`: what docs/rooms.md shows, and long rooms part after part, into a file or not. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { checkArguments } from '../../src/admin/command.js'
import { roomExport } from '../../src/admin/commands/rooms/export.js'
import type { AdminReply } from '../../src/admin/protocol.js'
import { writeParts } from '../../src/cli/parts.js'
import { testTerminal } from '../cli/terminal.js'
import { administer, configure, found, join, openRooms, room, say, says } from '../dialogue/muc-stage.js'
import type { Client, Stage } from '../dialogue/stage.js'
import { fakeOperator } from './operator.js'

type Line = Readonly<Record<string, unknown>>

let stage: Stage
let alice: Client
let directory = ''

beforeEach(async () => {
  directory = mkdtempSync(path(tmpdir(), 'export-'))
  stage = await openRooms()
  alice = stage.client('alice')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1', 'muc#roomconfig_roomname': 'Coven' })
})
afterEach(async () => {
  rmSync(directory, { recursive: true })
  await stage.close()
})

/** Asks for a part as `dmucctl` does. */
const ask = async (part: string | undefined): Promise<AdminReply> => {
  const { server, store } = stage
  const hosts = [{ domain: 'rooms.a.example', type: 'muc' }] as const
  const operator = fakeOperator({ hosts, store, service: (domain, name) => server.service(domain, name) })
  const args = checkArguments(roomExport, { room, ...(part && { part }) })
  return { ok: true, ...(await roomExport.run(operator, args)) }
}

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

async function exported(): Promise<Line[]> {
  const terminal = testTerminal()
  await writeParts(ask, undefined, terminal)
  return linesOf(terminal.written())
}

test('a room is written as the documentation shows it', async () => {
  const bob = stage.client('bob')
  await join(bob, 'bob')
  await administer(alice, `<item affiliation='member' jid='bob@a.example' nick='bobby'/>`)
  await alice.sends(`<message to='${room}' type='groupchat'><subject>Fire burn</subject></message>`)
  await alice.sends(`<message to='${room}' type='groupchat' id='m1'><body>Double, double</body></message>`)
  await bob.clears()
  await bob.sends(`<message to='${room}' type='groupchat' id='m2'><body>spam</body></message>`)
  const id = (await bob.next()).getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id
  await alice.sends(`<iq type='set' id='r' to='${room}'><moderate xmlns='urn:xmpp:message-moderate:1' id='${id}'>
    <retract xmlns='urn:xmpp:message-retract:1'/></moderate></iq>`)
  const lines = await exported()
  const shown = linesOf(/```jsonl\n([^`]+)```/.exec(readFileSync('docs/rooms.md', 'utf8'))![1]!)
  expect(lines.map(withoutChance)).toEqual(shown.map(withoutChance).map(asFarAsShown(lines)))
  expect(JSON.stringify(lines)).not.toContain('spam')
})

/** Ids and times are different at each run; that they are there is not. */
const withoutChance = (line: Line): Line =>
  JSON.parse(JSON.stringify(line), (key, value) =>
    ['id', 'occupantId', 'target', 'createdAt', 'saidAt', 'arrivedAt', 'at'].includes(key) ? typeof value : value,
  )

/** The documentation shows some of the fields of the configuration: those that are shown must be there. */
const asFarAsShown =
  (lines: readonly Line[]) =>
  (shown: Line): Line =>
    shown.config === undefined
      ? shown
      : { ...shown, config: { ...(lines[0]!.config as Line), ...(shown.config as Line) } }

test('however long it is, each message once and in order; what the archive does not show is marked', async () => {
  const bodies = Array.from({ length: 230 }, (_, n) => `m${n}`)
  await says(alice, ...bodies)
  await configure(alice, { 'muc#roomconfig_enablelogging': '0' })
  await say(alice, 'between us')
  const lines = await exported()
  const said = lines.filter(({ type }) => type === 'message')
  expect(said.map(({ content }) => content)).toEqual([...bodies, 'between us'].map((body) => `<body>${body}</body>`))
  expect(said.filter(({ archived }) => archived === false)).toHaveLength(1)
  expect(new Set(said.map(({ id }) => id)).size).toBe(231)
})

test('a file is there when it is whole, and for nobody else; what fails leaves none', async () => {
  const file = path(directory, 'coven.jsonl')
  await says(alice, 'hail')
  const broken = async (part: string | undefined): Promise<AdminReply> =>
    part === undefined ? ask(part) : { ok: false, error: 'The disk is on fire' }
  expect(await writeParts(broken, file, testTerminal())).toEqual({ ok: false, error: 'The disk is on fire' })
  const lost = () => Promise.reject(new Error('The server closed the connection'))
  await expect(writeParts(lost, file, testTerminal())).rejects.toThrow('The server closed')
  expect([file, `${file}.part`].map(existsSync)).toEqual([false, false])
  await writeParts(ask, file, testTerminal())
  expect(linesOf(readFileSync(file, 'utf8')).at(-1)).toMatchObject({ content: '<body>hail</body>' })
  expect(statSync(file).mode & 0o777).toBe(0o600)
})
