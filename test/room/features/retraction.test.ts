/** XEP-0424 and XEP-0425 in the pure core: order of arrival, and what other instances may do. */
import { describe, expect, test } from '@jest/globals'
import { moderation } from '../../../src/room/features/moderation.js'
import { apply, judge, type LoggedEvent, type RoomState, render, retractionBy } from '../../../src/room/index.js'
import { serialize } from '../../../src/xml/writer.js'
import { adminIq, groupchat, Stage } from '../stage.js'

const room = 'coven@chat.shakespeare.lit'
const shadow = 'coven@rooms.macbeth.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const hag = 'hag66@shakespeare.lit/pda'

const coven = (): Stage => {
  const stage = new Stage(room).found(crone)
  stage.join(hag, 'thirdwitch')
  stage.send(groupchat(room, hag, '<body>Harpier cries</body>'))
  return stage
}

const target = (stage: Stage): LoggedEvent => stage.state.history[0]!

const retraction = (stage: Stage): string =>
  groupchat(room, hag, `<retract xmlns='urn:xmpp:message-retract:1' id='${target(stage).stanzaId}'/>`, 'm2')

const moderate = (stage: Stage): string =>
  `<iq xmlns='jabber:client' from='${crone}' to='${room}' id='mod' type='set'>
    <moderate xmlns='urn:xmpp:message-moderate:1' id='${target(stage).stanzaId}'>
      <retract xmlns='urn:xmpp:message-retract:1'/></moderate></iq>`

const events = (stage: Stage): LoggedEvent[] => stage.changes.filter((change) => 'operation' in change)

/** The message and what takes it back, and the room before both. */
function said(stanza: (stage: Stage) => string): { message: LoggedEvent; taken: LoggedEvent; before: RoomState } {
  const stage = coven()
  const message = target(stage)
  stage.send(stanza(stage))
  const taken = events(stage).at(-1)!
  return { message, taken, before: { ...stage.state, history: [], retractions: new Map() } }
}

describe.each([
  ['XEP-0424 §4 a retraction', retraction],
  ['XEP-0425 §4 a moderation', moderate],
])('%s', (_, stanza) => {
  test('comes to the same before and after what it takes back', () => {
    const { message, taken, before } = said(stanza)
    const gone = (state: RoomState): unknown => state.history.find(({ stanzaId }) => stanzaId === message.stanzaId)
    const inOrder = gone([message, taken].reduce(apply, before))
    expect(inOrder).toMatchObject({ operation: { content: '', retracted: { at: taken.stamp.ms } } })
    expect(gone([taken, message].reduce(apply, before))).toEqual(inOrder)
  })

  test('came first: what it takes back is not shown when it arrives', () => {
    const { message, taken, before } = said(stanza)
    const after = apply(before, taken)
    const shown = render(after, message, apply(after, message), { late: true }).map(({ stanza: xml }) => serialize(xml))
    expect(shown).toHaveLength(1)
    expect(shown[0]).toContain('<retracted ')
    expect(shown[0]).not.toContain('Harpier')
  })

  test('that was refused takes nothing back', () => {
    const { message, taken, before } = said(stanza)
    const after = [message, { ...taken, void: true } as const].reduce(apply, before)
    expect(after.history[0]).toBe(message)
    expect(retractionBy({ ...taken, void: true })).toBeUndefined()
  })

  test('what waits for something to take back is bounded', () => {
    const { taken, before } = said(stanza)
    let state = before
    for (let n = 0; n < 300; n++) {
      const { operation } = taken
      const other =
        operation.type === 'moderate'
          ? { ...operation, target: `t${n}` }
          : { ...operation, content: `<retract xmlns='urn:xmpp:message-retract:1' id='t${n}'/>` }
      state = apply(state, { ...taken, operation: other as typeof operation })
    }
    expect(state.retractions.size).toBe(200)
    expect(state.retractions.has('t299')).toBe(true)
    expect(state.retractions.has('t0')).toBe(false)
  })
})

describe('XEP-0424 §5 whose word counts', () => {
  test.each([
    ['another author', { jid: 'hecate@shakespeare.lit' }, {}],
    ['another instance that says it is the author', {}, { instance: shadow }],
  ])('%s takes nothing back', (_, operation, id) => {
    const { message, taken, before } = said(retraction)
    const forged = { ...taken, id: { ...taken.id, ...id }, operation: { ...taken.operation, ...operation } }
    const after = [message, forged as LoggedEvent].reduce(apply, before)
    expect(after.history[0]).toBe(message)
  })
})

describe('XEP-0425: what another instance may do', () => {
  const operation = (stage: Stage, more: object = {}) => ({
    type: 'moderate' as const,
    target: target(stage).stanzaId,
    nick: 'secondwitch',
    occupantId: 'o2',
    jid: 'wiccarocks@macbeth.lit',
    ...more,
  })

  /** With a moderator who is at home at the shadow. */
  const withRemote = (role: 'moderator' | 'participant'): Stage => {
    const stage = coven()
    if (role === 'moderator')
      stage.send(adminIq(room, crone, `<item affiliation='admin' jid='wiccarocks@macbeth.lit'/>`))
    const session = { jid: 'wiccarocks@macbeth.lit/x', presence: '' }
    stage.state = apply(stage.state, {
      type: 'join',
      occupant: {
        nick: 'secondwitch',
        jid: 'wiccarocks@macbeth.lit',
        occupantId: 'o2',
        role,
        home: shadow,
        sessions: [session],
        since: { ms: 0, counter: 0 },
        grant: 0,
      },
    })
    return stage
  }
  const allowed = (stage: Stage, instance: string, late: boolean, more: object = {}): boolean =>
    moderation.judge(stage.state, operation(stage, more), instance, late) === undefined

  test('a moderator at home there; nobody else, and not in the name of another', () => {
    expect(allowed(withRemote('moderator'), shadow, false)).toBe(true)
    expect(judge(withRemote('moderator').state, operation(coven()), shadow, new Stage().policy)).toBeUndefined()
    expect(allowed(withRemote('participant'), shadow, false)).toBe(false)
    expect(allowed(withRemote('moderator'), 'coven@rooms.hecate.lit', false)).toBe(false)
    expect(allowed(withRemote('moderator'), shadow, false, { jid: 'crone1@shakespeare.lit' })).toBe(false)
    expect(allowed(withRemote('moderator'), shadow, false, { nick: 'firstwitch' })).toBe(false)
  })

  test('told late: by whom the register makes a moderator, or about what was said there', () => {
    expect(allowed(withRemote('moderator'), shadow, true)).toBe(true)
    expect(allowed(withRemote('participant'), shadow, true)).toBe(false)
    const own = withRemote('participant')
    const said: LoggedEvent = { ...target(own), stanzaId: 'theirs', id: { ...target(own).id, instance: shadow } }
    own.state = apply(own.state, said)
    expect(allowed(own, shadow, true, { target: 'theirs' })).toBe(true)
  })
})
