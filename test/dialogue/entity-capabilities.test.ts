/** XEP-0115: the server's own capabilities, and those of clients: asked for once, and believed of others only with proof. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { verification } from '../../src/xmpp/capabilities.js'
import { parse } from '../support/xml-match.js'
import { discoInfo, publish } from './pubsub-stage.js'
import { type Client, type Peer, Stage, settled } from './stage.js'

const discoNs = 'http://jabber.org/protocol/disco#info'

describe('XEP-0115 §5: verification', () => {
  const exodus = (features: string, more = '') =>
    parse(
      `<query xmlns='${discoNs}'><identity category='client' type='pc' name='Exodus 0.9.1'/>${features}${more}</query>`,
    )
  const of = (...names: readonly string[]) => names.map((name) => `<feature var='${name}'/>`).join('')
  const four = of(
    'http://jabber.org/protocol/muc',
    'http://jabber.org/protocol/disco#items',
    discoNs,
    'http://jabber.org/protocol/caps',
  )

  test('§5.2 the simple example', () => {
    expect(verification(exodus(four))).toBe('QgayPKawpkPSDYmwT/WM94uAlu0=')
  })

  test('§5.3 the complex example', () => {
    const field = (name: string, ...values: readonly string[]) =>
      `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`
    const query = parse(`<query xmlns='${discoNs}'>
      <identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
      <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>${four}
      <x xmlns='jabber:x:data' type='result'>
        <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>
        ${field('ip_version', 'ipv6', 'ipv4')}${field('os', 'Mac')}${field('os_version', '10.5.1')}
        ${field('software', 'Psi')}${field('software_version', '0.11')}</x></query>`)
    expect(verification(query)).toBe('q07IKJEyjvHSyhy//CH0CxmKi8w=')
  })

  test.each([
    ['a feature twice', four + of(discoNs), ''],
    ['an identity twice', four, "<identity category='client' type='pc' name='Exodus 0.9.1'/>"],
    [
      'a form of two types',
      four,
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>",
    ],
  ])('§5.4 %s is ill-formed', (_name, features, more) => {
    expect(verification(exodus(features, more))).toBeUndefined()
  })

  test('an algorithm that is not known proves nothing', () => {
    expect(verification(exodus(four), 'md5')).toBeUndefined()
    expect(verification(exodus(four), 'constructor')).toBeUndefined()
  })
})

describe('in presence', () => {
  let stage: Stage
  let alice: Client
  let peer: Peer
  beforeEach(async () => {
    stage = await Stage.open()
    for (const name of ['bob', 'carol', 'dave']) await stage.befriend('alice', `${name}@b.example`)
    alice = stage.client('alice')
    await alice.sends(publish('urn:mood', `<mood xmlns='urn:mood'/>`))
    await alice.clears()
    peer = stage.peer('b.example')
  })
  afterEach(() => stage.close())

  const ver = verification(parse(discoInfo('urn:mood')))
  const comes = (name: string) =>
    peer.sends(`<presence from='${name}@b.example/x' to='alice@a.example'>
      <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='${ver}'/></presence>`)
  const question = (name: string) => `
    <iq type='get' id='{any}' from='alice@a.example' to='${name}@b.example/x'>
      <query xmlns='${discoNs}' node='urn:test#${ver}'/></iq>`
  const answers = async (id: string, name: string, query: string) => {
    await peer.sends(`<iq type='result' id='${id}' from='${name}@b.example/x' to='alice@a.example'>${query}</iq>`)
    await settled()
  }
  const heard = async () => (await peer.drain()).map(({ name, attrs }) => `${name} ${attrs.to.split('@')[0]}`)

  test('§5.4 one client is asked, and all with the same hash are told what they want', async () => {
    for (const name of ['bob', 'carol']) await comes(name)
    const { attrs } = await peer.receives(question('bob'))
    await peer.receivesNothing()
    await answers(attrs.id, 'bob', discoInfo('urn:mood'))
    expect(await heard()).toEqual(['message bob', 'message carol'])
    await comes('dave')
    await settled()
    expect(await heard()).toEqual(['message dave'])
  })

  test('§5.4 what does not match the hash counts for the liar alone: the next is asked', async () => {
    for (const name of ['bob', 'carol']) await comes(name)
    const first = await peer.receives(question('bob'))
    await answers(first.attrs.id, 'bob', discoInfo('urn:other'))
    const second = await peer.receives(question('carol'))
    await answers(second.attrs.id, 'carol', discoInfo('urn:mood'))
    expect(await heard()).toEqual(['message carol'])
  })

  test('who does not answer keeps nobody else waiting for ever', async () => {
    for (const name of ['bob', 'carol']) await comes(name)
    await peer.receives(question('bob'))
    stage.clock.advance(31_000)
    const { attrs } = await peer.receives(question('carol'))
    await answers(attrs.id, 'carol', discoInfo('urn:mood'))
    expect(await heard()).toEqual(['message carol'])
  })

  test('who makes up hashes is asked ten at a time, and keeps nobody else from being asked', async () => {
    for (let n = 0; n < 30; n += 1)
      await peer.sends(`<presence from='bob@b.example/${n}' to='alice@a.example'>
        <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='made up ${n}'/></presence>`)
    expect(await heard()).toHaveLength(10)
    await comes('carol')
    const { attrs } = await peer.receives(question('carol'))
    await answers(attrs.id, 'carol', discoInfo('urn:mood'))
    expect(await heard()).toEqual(['message carol'])
    stage.clock.advance(31_000)
    await peer.sends(`<presence from='bob@b.example/new' to='alice@a.example'>
      <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='made up anew'/></presence>`)
    expect(await heard()).toEqual(['iq bob'])
  })

  test('§6.3 the server’s own stand in its stream features, and are what it tells', async () => {
    const caps = stage.server.clients.streamFeatures('a.example').find(({ name }) => name === 'c')!
    const node = `${caps.attrs.node}#${caps.attrs.ver}`
    for (const at of ['', ` node='${node}'`]) {
      await alice.sends(`<iq type='get' id='i' to='a.example'><query xmlns='${discoNs}'${at}/></iq>`)
      expect(verification((await alice.next()).getChild('query')!)).toBe(caps.attrs.ver)
    }
    await alice.sends(
      `<iq type='get' id='i' to='a.example'><query xmlns='${discoNs}' node='${caps.attrs.node}#x'/></iq>`,
    )
    expect((await alice.next()).getChild('error')?.getChild('item-not-found')).toBeDefined()
  })
})
