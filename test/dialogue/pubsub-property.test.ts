/** Whatever is asked of an account's nodes (XEP-0060): what is in memory is what was kept, and nobody hears of what they may not have. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Element } from '../../src/xml/element.js'
import { comesWanting, form, get, options, ownerGet, ownerSet, publish, set } from './pubsub-stage.js'
import { type Client, Stage } from './stage.js'

const names = ['one', 'two', 'three', 'four']
const node = fc.constantFrom(...names)
const id = fc.constantFrom('a', 'b', 'c', 'd')
const access = fc.constantFrom('open', 'presence', 'whitelist', 'authorize', 'roster')
const config = fc.record(
  {
    access_model: access,
    max_items: fc.constantFrom('1', '2', 'max'),
    persist_items: fc.constantFrom('0', '1'),
    publish_node_full: fc.constantFrom('retract-oldest', 'discard-oldest', 'reject'),
    notify_retract: fc.constantFrom('0', '1'),
  },
  { requiredKeys: [] },
)
const affiliation = fc.constantFrom('none', 'member', 'publisher', 'outcast', 'publish-only')
const at = 'alice@a.example'

/** Requests of the owner and of others, as text; `who` sends them. */
const request = fc.record({
  who: fc.constantFrom('alice' as const, 'alice' as const, 'bob' as const, 'carol' as const),
  text: fc.oneof(
    fc
      .tuple(node, id, config)
      .map(([n, i, c]) => publish(n, `<x xmlns='urn:x'>${'x'.repeat(i.charCodeAt(0))}</x>`, i, options(c))),
    fc.tuple(node, id).map(([n, i]) => publish(n, `<x xmlns='urn:x'/>`, i)),
    fc.tuple(node, id).map(([n, i]) => set(`<retract node='${n}'><item id='${i}'/></retract>`)),
    fc
      .tuple(node, config)
      .map(([n, c]) => set(`<create node='${n}'/><configure>${form('node_config', c)}</configure>`)),
    fc.tuple(node, config).map(([n, c]) => ownerSet(`<configure node='${n}'>${form('node_config', c)}</configure>`)),
    node.map((n) => ownerSet(`<purge node='${n}'/>`)),
    node.map((n) => ownerSet(`<delete node='${n}'/>`)),
    fc
      .tuple(node, fc.constantFrom('bob', 'carol'))
      .map(([n, who]) => set(`<subscribe node='${n}' jid='${who}@a.example'/>`)),
    fc
      .tuple(node, fc.constantFrom('bob', 'carol'), affiliation)
      .map(([n, who, is]) =>
        ownerSet(`<affiliations node='${n}'><affiliation jid='${who}@a.example' affiliation='${is}'/></affiliations>`),
      ),
  ),
})

const limits = {
  pep_max_nodes: 3,
  pep_max_items: 3,
  pep_max_payload_size: 200,
  pep_max_total_size: 500,
  pep_max_subscriptions: 5,
}

/** All that the owner can ask about each node. */
async function state(alice: Client): Promise<string[]> {
  const answers: string[] = []
  for (const name of names)
    for (const text of [
      get(`<items node='${name}'/>`),
      ownerGet(`<configure node='${name}'/>`),
      ownerGet(`<subscriptions node='${name}'/>`),
      ownerGet(`<affiliations node='${name}'/>`),
    ]) {
      await alice.sends(text)
      answers.push(String(await alice.next()))
    }
  return answers
}

/** Who heard of an item may have it, or could if it was kept. */
async function hearsRightly(client: Client): Promise<void> {
  const heard = (await client.drain()).flatMap((stanza) => stanza.getChild('event')?.getChild('items') ?? [])
  for (const items of heard.filter((each) => each.getChild('item') !== undefined)) {
    await client.sends(get(`<items node='${items.attrs.node}'/>`, at))
    const refusal = (await client.next()).getChild('error')?.children[0] as Element | undefined
    expect([undefined, 'feature-not-implemented']).toContain(refusal?.name)
  }
}

test('a restart changes nothing, limits hold, and only those hear of an item who may have it', async () => {
  const property = fc.asyncProperty(fc.array(request, { minLength: 5, maxLength: 25 }), async (requests) => {
    const stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'], options: { pep: limits } })
    await stage.befriend('alice', 'bob')
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => stage.client(name)) as [Client, Client, Client]
    for (const client of [alice, bob, carol]) await comesWanting(client, ...names)
    for (const { who, text } of requests) {
      await { alice, bob, carol }[who].sends(text.replace(`id='q'`, `id='q' to='${at}'`))
      for (const client of [bob, carol]) await hearsRightly(client)
      const kept = await stage.store.nodes(at)
      expect(kept.length).toBeLessThanOrEqual(limits.pep_max_nodes)
      for (const { items } of kept) expect(items.length).toBeLessThanOrEqual(limits.pep_max_items)
      const sizes = kept.flatMap(({ items }) => items.map(({ size }) => size))
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limits.pep_max_total_size)
    }
    await alice.clears()
    const before = await state(alice)
    await stage.server.accountChanged(at)
    expect(await state(alice)).toEqual(before)
    expect(stage.errors).toEqual([])
    await stage.close()
  })
  await fc.assert(property, { numRuns: 30, seed: 17 })
})
