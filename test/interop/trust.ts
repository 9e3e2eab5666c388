/** Scenarios of trust: who must prove what, with which certificate, and what happens when it is not proved. */
import type { Ejabberd } from '../peers/ejabberd.js'
import { PlainClient } from '../peers/plain-client.js'
import { mutual, signed } from './authority.js'
import { startOurs } from './ours.js'
import type { Scenario } from './scenario.js'
import {
  body,
  check,
  conditionOf,
  hasId,
  on,
  ourSelfSigned,
  type Stage,
  startTheirs,
  talk,
  theirDomain,
} from './stage.js'

async function refusedBothWays(stage: Stage, theirSide = true): Promise<void> {
  const [ann, juliet] = [await stage.ann(), await stage.juliet()]
  ann.send(body('juliet@p.example', 'from-us'))
  const bounced = conditionOf(await ann.next(hasId('from-us')))
  check(
    ['policy-violation', 'remote-server-timeout', 'remote-server-not-found'].includes(bounced),
    `our sender was told ${bounced}`,
  )
  if (!theirSide) return
  juliet.send(body('ann@a.example', 'from-them'))
  conditionOf(await juliet.next(hasId('from-them')))
}

const proofs = async (stage: Stage): Promise<string> => {
  const links = (await stage.us.links(theirDomain)).filter(({ local }) => local === 'a.example')
  return links
    .map(({ direction, authenticated, shown, encrypted }) =>
      [direction, encrypted ? 'TLS' : 'plain', authenticated, ...(shown === undefined ? [] : [shown])].join(' '),
    )
    .sort()
    .join('; ')
}

const reasonFor = async (stage: Stage): Promise<string> =>
  (await stage.us.links(theirDomain)).find(({ direction }) => direction === 'out')?.lastError ?? 'none'

export const trust: readonly Scenario[] = [
  {
    name: 'dialback over plain TCP, where both allow it',
    run: (peer) =>
      on(peer, { ours: { certificate: null }, theirs: { certificate: null } }, async (stage) => {
        await talk(stage)
        const found = await proofs(stage)
        check(found === 'in plain dialback; out plain dialback dialback', found)
      }),
  },
  {
    name: 'dialback over STARTTLS, self-signed certificates',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        await talk(stage)
        const found = await proofs(stage)
        check(found === 'in TLS dialback; out TLS dialback dialback', found)
      }),
  },
  {
    name: 'SASL EXTERNAL with an authority, both strict',
    run: async (peer) => {
      const options = await mutual((await signed()).p)
      await on(peer, { ...options, theirs: { ...options.theirs, secureAuth: true } }, async (stage) => {
        await talk(stage)
        const found = await proofs(stage)
        check(found === 'in TLS certificate; out TLS certificate certificate', found)
      })
    },
  },
  {
    name: 'direct TLS (XEP-0368) with SASL EXTERNAL',
    run: async (peer) =>
      on(peer, { ...(await mutual((await signed()).p)), direct: true }, async (stage) => {
        await talk(stage)
        const found = await proofs(stage)
        check(found === 'in TLS certificate; out TLS certificate certificate', found)
      }),
  },
  {
    name: 's2s_secure_auth here, its certificate self-signed: refused both ways',
    run: (peer) =>
      on(peer, { ours: { secureAuth: true } }, async (stage) => {
        await refusedBothWays(stage)
        check((await reasonFor(stage)).includes('is not trusted'), await reasonFor(stage))
      }),
  },
  {
    name: 's2s_secure_auth there, our certificate self-signed: our senders are told',
    run: (peer) => on(peer, { theirs: { secureAuth: true } }, (stage) => refusedBothWays(stage, false)),
  },
  {
    name: 'its certificate names another domain: refused both ways',
    run: async (peer) =>
      on(peer, await mutual((await signed()).other), async (stage) => {
        await refusedBothWays(stage)
        check((await reasonFor(stage)).includes('names other.example and not p.example'), await reasonFor(stage))
      }),
  },
  {
    name: 'its certificate has expired: refused both ways',
    run: async (peer) =>
      on(peer, await mutual((await signed()).old), async (stage) => {
        await refusedBothWays(stage)
        check((await reasonFor(stage)).includes('CERT_HAS_EXPIRED'), await reasonFor(stage))
      }),
  },
  {
    name: 'wrong dialback secret there: an impostor of its domain is not believed',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        // The authoritative server is the one that our DNS knows; the other, of the same name, has another secret.
        const ann = await stage.ann()
        const genuine = stage.them
        const impostor = await startImpostor(stage)
        try {
          const juliet = await stage.juliet()
          juliet.send(body('ann@a.example', 'forged'))
          conditionOf(await juliet.next(hasId('forged')))
          ann.send(body('ann@a.example/test', 'own'))
          check((await ann.next(({ name }) => name === 'message')).attrs.id === 'own', 'the forged message arrived')
        } finally {
          stage.them = genuine
          await impostor.stop()
        }
      }),
  },
  {
    name: 'wrong dialback secret here: our senders are told',
    run: (peer) =>
      on(peer, {}, async (stage) => {
        // Another server of our name is where the peer asks.
        const other = await startOurs({ certificate: await ourSelfSigned(), users: { ann: 'cauldron-bubble' } })
        try {
          other.dns.set(theirDomain, { port: stage.them.s2sPort })
          const ann = await PlainClient.login(other.c2sPort, 'a.example', 'ann', 'cauldron-bubble')
          ann.send(body('juliet@p.example', 'm'))
          const condition = conditionOf(await ann.next(hasId('m')))
          check(['internal-server-error', 'remote-server-timeout'].includes(condition), condition)
          ann.close()
        } finally {
          await other.close()
        }
      }),
  },
]

/** A second server of their name; `stage.juliet` is then its user. */
async function startImpostor(stage: Stage): Promise<Ejabberd> {
  const genuine = stage.them
  const impostor = await startTheirs(stage.peer, stage.us, {})
  stage.them = impostor
  check(impostor.s2sPort !== genuine.s2sPort, 'two servers at one port')
  return impostor
}
