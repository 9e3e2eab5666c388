/** Services beside the chat, as programs of others use them: slixmpp as an external component (XEP-0114), Converse.js over BOSH (XEP-0206). */
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { openBrowser, Visitor } from './browser.js'
import { ClientProcess } from './client-process.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const password = 'cauldron-bubble'
const echo = 'echo.a.example'
const secret = 'fillet of a fenny snake'
const clients: ClientProcess<object>[] = []

class Component extends ClientProcess<{ readonly ready?: boolean; readonly pushed?: string }> {
  readonly pushed: string[] = []
  /** As it said last. */
  ready: boolean | undefined

  constructor(port: number, known = secret) {
    const script = fileURLToPath(new URL('slixmpp-component.py', import.meta.url))
    super(systemPython, [script, echo, known, String(port)])
    clients.push(this)
  }

  protected override take({ ready, pushed }: { readonly ready?: boolean; readonly pushed?: string }): void {
    if (ready !== undefined) this.ready = ready
    if (pushed !== undefined) this.pushed.push(pushed)
  }

  protected override ended(): void {}

  async isReady(): Promise<void> {
    await until(
      () => this.ready === true,
      () => 'the component to be connected',
    )
  }
}

peer([systemPython], ['slixmpp'])('services', () => {
  let server: Dmucd
  let ann: Slixmpp

  beforeAll(async () => {
    server = await startDmucd({
      domain: 'a.example',
      users: { ann: password, bob: password },
      top: 'admins = ["ann@a.example"]\ncomponent_ports = [0]\ncomponent_interfaces = ["127.0.0.1"]',
      hosts: `[component."${echo}"]\ntype = "external"\ncomponent_secret = "${secret}"`,
    })
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
  })

  test('XEP-0363: slixmpp finds the service and uploads; too large a file it does not even send', async () => {
    ann = await Slixmpp.online(server, 'ann', password)
    clients.push(ann)
    const get = await ann.do('upload', { name: 'eye of newt.txt', content: 'ünd toe of frog', type: 'text/plain' })
    const answer = await fetch(get)
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['text/plain', 'ünd toe of frog'])
    const large = { name: 'large.txt', content: '0123456789abcdef', times: 700_000, type: 'text/plain' }
    await expect(ann.do('upload', large)).rejects.toThrow('FileTooBig')
  })

  test('XEP-0133: slixmpp finds the commands, and makes an account that can log in', async () => {
    ann = await Slixmpp.online(server, 'ann', password)
    clients.push(ann)
    const node = 'http://jabber.org/protocol/admin#add-user'
    expect(await ann.do('commands', { jid: 'a.example' })).toContain(node)
    const values = { accountjid: 'dan@a.example', password, 'password-verify': password }
    expect(await ann.do('command', { jid: 'a.example', node, values })).toMatchObject({ status: 'completed' })
    clients.push(await Slixmpp.online(server, 'dan', password))
  })

  describe('XEP-0114', () => {
    test('slixmpp’s ComponentXMPP connects, is found, answers, leaves, and comes back', async () => {
      const component = new Component(server.componentPort)
      ann = await Slixmpp.online(server, 'ann', password)
      clients.push(ann)
      await component.isReady()
      expect((await ann.do('items', { jid: 'a.example' })).map(([jid]) => jid)).toContain(echo)
      expect(await ann.do('features', { jid: echo })).toContain('urn:xmpp:ping')
      expect(await ann.do('ping', { jid: `hecate@${echo}` })).toBe(true)
      await ann.do('message', { to: `hecate@${echo}`, body: 'Double, double' })
      expect((await ann.hears('DOUBLE, DOUBLE')).attrs.from).toBe(`hecate@${echo}`)
      await component.close()
      await expect(ann.do('ping', { jid: `hecate@${echo}` })).rejects.toThrow('wait service-unavailable')
      await new Component(server.componentPort).isReady()
      await ann.do('message', { to: `hecate@${echo}`, body: 'toil and trouble' })
      await ann.hears('TOIL AND TROUBLE')
    })

    test('XEP-0357: as a push service it is told of a message while slixmpp is away', async () => {
      const component = new Component(server.componentPort)
      await component.isReady()
      ann = await Slixmpp.online(server, 'ann', password)
      const bob = await Slixmpp.online(server, 'bob', password)
      clients.push(ann, bob)
      const enable = `<enable xmlns='urn:xmpp:push:0' jid='${echo}' node='heath'/>`
      await ann.do('set', { to: 'ann@a.example', payload: enable })
      await bob.do('message', { to: 'ann@a.example', body: 'Are you there?' })
      await ann.hears('Are you there?')
      await ann.do('logout', {})
      await bob.do('message', { to: 'ann@a.example', body: 'Where have you been?' })
      await until(
        () => component.pushed.length > 0,
        () => 'a notification',
      )
      expect(component.pushed).toEqual(['heath'])
    })

    test('with another secret it is refused, and the log says so', async () => {
      const component = new Component(server.componentPort, 'toe of frog')
      await until(
        () => component.ready === false && /A component was refused: not-authorized/.test(server.log()),
        () => server.log(),
      )
    })
  })
})

peer(['/usr/bin/chromium'])('XEP-0206', () => {
  test('Converse.js over BOSH: two browsers talk in a room and share a file, without any WebSocket', async () => {
    const server = await startDmucd({
      domain: 'a.example',
      firstStart: `
        accounts = ["ann@a.example", "bob@a.example"]
        login_links = true
        room = "heath@rooms.a.example"
        room_name = "Heath"`,
    })
    const browser = await openBrowser()
    try {
      const enters = async (user: string): Promise<Visitor> => {
        const link = await server.dmucctl('login-link', `${user}@a.example`)
        const visitor = await Visitor.opens(browser, link.replace('/#', '/?bosh#'))
        await visitor.lands('Heath')
        return visitor
      }
      const [ann, bob] = await Promise.all([enters('ann'), enters('bob')])
      await ann.says('When shall we three meet again?')
      await bob.hears('When shall we three meet again?', 'ann')
      await bob.says('In thunder, lightning, or in rain?')
      await ann.hears('In thunder, lightning, or in rain?', 'bob')
      // XEP-0363: to the same origin, so that the policy of the page lets it.
      const png = Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
        'base64',
      )
      await ann.page.locator('input.fileupload').setInputFiles({ name: 'spot.png', mimeType: 'image/png', buffer: png })
      const shared = bob.page.locator('converse-chat-message a[href$="/spot.png"]')
      await shared.waitFor()
      const got = await fetch(String(await shared.getAttribute('href')))
      expect([got.headers.get('content-type'), Buffer.from(await got.arrayBuffer())]).toEqual(['image/png', png])
      expect([...ann.complaints, ...bob.complaints]).toEqual([])
      for (const visitor of [ann, bob]) {
        expect(visitor.requests.filter((url) => url.startsWith('ws'))).toEqual([])
        expect(visitor.requests.some((url) => url.endsWith('/http-bind'))).toBe(true)
      }
    } finally {
      await browser.close()
      await server.stop()
    }
  })
})

peer(['/usr/bin/chromium', systemPython], ['slixmpp'])('XEP-0401', () => {
  test('the page of an invitation makes an account, which slixmpp logs in with', async () => {
    const server = await startDmucd({ domain: 'a.example' })
    const browser = await openBrowser()
    try {
      const [link = ''] = (await server.dmucctl('invite', 'a.example')).split('\n')
      const guest = await Visitor.opens(browser, link)
      await guest.shows('to make an account at a.example')
      expect(await guest.page.locator('#open').getAttribute('href')).toMatch(/^xmpp:a\.example\?register;preauth=/)
      await guest.page.locator('#name').fill('carol')
      await guest.page.locator('#password').fill(password)
      await guest.page.locator('button').click()
      await guest.shows('carol@a.example')
      expect(guest.complaints).toEqual([])
      clients.push(await Slixmpp.online(server, 'carol', password))
      const late = await Visitor.opens(browser, link)
      await late.shows('This invitation was used already')
    } finally {
      await Promise.all(clients.splice(0).map((client) => client.close()))
      await browser.close()
      await server.stop()
    }
  })
})
