/** Scenarios of one link: both directions on one stream, and what happens when it breaks, hangs or leads elsewhere. */
import type { LinkInfo } from '../../src/server/s2s-links.js'
import { until } from '../peers/until.js'
import { mutual, signed } from './authority.js'
import { startCable } from './cable.js'
import type { Scenario } from './scenario.js'
import { body, check, conditionOf, hasId, on, type Stage, type StageOptions, talk, theirDomain } from './stage.js'

/** By certificates, as a key of dialback is asked about on a stream of its own. */
async function bidi(): Promise<StageOptions> {
  const { ours, theirs } = await mutual((await signed()).p, { config: 's2s_bidi = true' })
  return { ours: ours ?? {}, theirs: { ...theirs, modules: ['s2s_bidi'] } }
}

/** Prosody offers it only after SASL EXTERNAL. */
async function acknowledged(): Promise<StageOptions> {
  const options = await mutual((await signed()).p)
  return { ...options, theirs: { ...options.theirs, modules: ['smacks'] } }
}

const linksTo = async (stage: Stage): Promise<LinkInfo[]> =>
  (await stage.us.links(theirDomain)).filter(({ local }) => local === 'a.example')

/** Resolves when one of the links is such. */
const someLink = (stage: Stage, fits: (link: LinkInfo) => boolean, what: string): Promise<void> =>
  until(
    async () => (await linksTo(stage)).some(fits),
    () => what,
    20_000,
  )

/** Both directions name one and the same stream. */
async function oneStream(stage: Stage): Promise<void> {
  const found = await linksTo(stage)
  const streams = new Set(found.map(({ streamId }) => streamId))
  check(found.length > 0 && streams.size === 1, `${found.length} links on ${streams.size} streams`)
  check(
    found.every(({ bidirectional, state }) => bidirectional && state === 'up'),
    JSON.stringify(found),
  )
}

export const links: readonly Scenario[] = [
  {
    name: 'one stream for both directions (XEP-0288), opened by us',
    peers: ['Prosody'],
    run: async (peer) =>
      on(peer, await bidi(), async (stage) => {
        const [ann, juliet] = [await stage.ann(), await stage.juliet()]
        for (const n of [1, 2, 3]) {
          ann.send(body('juliet@p.example/test', `ours-${n}`))
          await juliet.next(hasId(`ours-${n}`))
          juliet.send(body('ann@a.example/test', `theirs-${n}`))
          await ann.next(hasId(`theirs-${n}`))
        }
        await oneStream(stage)
      }),
  },
  {
    name: 'one stream for both directions (XEP-0288), opened by them',
    peers: ['Prosody'],
    run: async (peer) =>
      on(peer, await bidi(), async (stage) => {
        const [ann, juliet] = [await stage.ann(), await stage.juliet()]
        for (const n of [1, 2, 3]) {
          juliet.send(body('ann@a.example/test', `theirs-${n}`))
          await ann.next(hasId(`theirs-${n}`))
          ann.send(body('juliet@p.example/test', `ours-${n}`))
          await juliet.next(hasId(`ours-${n}`))
        }
        await oneStream(stage)
      }),
  },
  {
    name: 'the connection breaks with stanzas on their way (XEP-0198): they are sent again, in order, once',
    peers: ['Prosody'],
    run: async (peer) =>
      on(peer, await acknowledged(), async (stage) => {
        const cable = await startCable(stage.them.s2sPort)
        try {
          stage.findThemAt(cable.port)
          await talk(stage)
          const [ann, juliet] = [await stage.ann(), await stage.juliet()]
          cable.hold()
          for (let n = 0; n < 20; n++) ann.send(body('juliet@p.example/test', `held-${n}`))
          await someLink(stage, ({ direction, stanzas }) => direction === 'out' && stanzas > 20, 'all to be written')
          cable.cut()
          for (let n = 0; n < 20; n++) {
            const { attrs } = await juliet.next(({ name }) => name === 'message')
            check(attrs.id === `held-${n}`, `${attrs.id} in place of held-${n}`)
          }
          ann.send(body('juliet@p.example/test', 'after'))
          const { attrs } = await juliet.next(({ name }) => name === 'message')
          check(attrs.id === 'after', `${attrs.id} came twice`)
        } finally {
          await cable.close()
        }
      }),
  },
  {
    name: 'it restarts in mid-stream: what follows arrives, nothing is lost silently',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        await talk(stage)
        const ann = await stage.ann()
        await stage.restartThem()
        const juliet = await stage.juliet()
        ann.send(body('juliet@p.example', 'after'))
        await juliet.next(hasId('after'))
      }),
  },
  {
    name: 'we restart in mid-stream: what their users say then arrives',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        await talk(stage)
        const juliet = await stage.juliet()
        await stage.us.restart()
        const ann = await stage.ann()
        juliet.send(body('ann@a.example', 'after'))
        await ann.next(hasId('after'))
        ann.send(body('juliet@p.example', 'back'))
        await juliet.next(hasId('back'))
      }),
  },
  {
    name: 'it hangs in mid-stream: it is given up after a ping without answer, and found again',
    run: (peer) =>
      on(peer, { ours: { config: 's2s_ping_interval = 1\ns2s_ping_timeout = 1' } }, async (stage) => {
        await talk(stage)
        const ann = await stage.ann()
        stage.them.signal('SIGSTOP')
        try {
          await someLink(stage, ({ lastError }) => lastError?.includes('answered to no ping') === true, 'the ping')
          ann.send(body('juliet@p.example', 'lost'))
          const condition = conditionOf(await ann.next(hasId('lost')))
          check(condition === 'remote-server-timeout', condition)
        } finally {
          stage.them.signal('SIGCONT')
        }
        const juliet = await stage.juliet()
        ann.send(body('juliet@p.example', 'again'))
        await juliet.next(hasId('again'))
      }),
  },
  {
    name: 'it hangs while a stream is opened: our senders are told in time, and it is found again',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        const ann = await stage.ann()
        stage.them.signal('SIGSTOP')
        ann.send(body('juliet@p.example', 'lost'))
        const condition = conditionOf(await ann.next(hasId('lost')))
        stage.them.signal('SIGCONT')
        check(condition === 'remote-server-timeout', condition)
        const juliet = await stage.juliet()
        ann.send(body('juliet@p.example', 'again'))
        await juliet.next(hasId('again'))
      }),
  },
  {
    name: 'their connection to us hangs and breaks: what their users say after that arrives, in order, once',
    run: (peer) =>
      on(peer, { cabled: true }, async (stage) => {
        await talk(stage)
        const [ann, juliet] = [await stage.ann(), await stage.juliet()]
        const toHerself = async (id: string): Promise<void> => {
          juliet.send(body('juliet@p.example/test', id))
          await juliet.next(hasId(id))
        }
        stage.cable.hold()
        // They cannot know yet that nobody hears it.
        juliet.send(body('ann@a.example/test', 'held'))
        await toHerself('said')
        stage.cable.cut()
        const isGone = async (): Promise<boolean> => (await linksTo(stage)).every(({ direction }) => direction !== 'in')
        await until(isGone, () => 'their stream to be gone here')
        await toHerself('seen')
        for (let n = 0; n < 10; n++) juliet.send(body('ann@a.example/test', `after-${n}`))
        for (let n = 0; n < 10; n++) {
          const { attrs } = await ann.next(({ name, attrs }) => name === 'message' && attrs.id !== 'held')
          check(attrs.id === `after-${n}`, `${attrs.id} in place of after-${n}`)
        }
      }),
  },
  {
    name: 'DNS changes: it is found at its new place',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        const ann = await stage.ann()
        ann.send(body('nobody@p.example', 'one'))
        await ann.next(hasId('one'))
        await stage.restartThem(false)
        ann.send(body('juliet@p.example', 'lost'))
        conditionOf(await ann.next(hasId('lost')))
        stage.us.dns.set(theirDomain, { port: stage.them.s2sPort })
        const juliet = await stage.juliet()
        ann.send(body('juliet@p.example', 'found'))
        await juliet.next(hasId('found'))
      }),
  },
]
