// Makes rooms, talks, configures, appoints, retracts and destroys, in four rooms at a time, and prints each operation once it is answered.
import { modules } from '../../../dist/modules/index.js'
import { Server } from '../../../dist/server/server.js'
import { openSqliteStore } from '../../../dist/store/sqlite/store.js'
import { systemClock } from '../../../dist/util/clock.js'
import { silentLogger } from '../../../dist/util/logger.js'
import { systemRandom } from '../../../dist/util/random.js'
import { parseDocument } from '../../../dist/xml/reader.js'
import { Jid } from '../../../dist/xmpp/jid.js'

const [path, run] = process.argv.slice(2)
const store = await openSqliteStore({ path, durability: 'normal', log: silentLogger })
const hosts = ['user', 'muc'].map((type) => ({
  domain: type === 'user' ? 'a.example' : 'rooms.a.example',
  type,
  name: type,
  modules: modules.filter((module) => module.hosts.includes(type)),
  options: { muc: { muc_max_rooms_per_user: 0 } },
}))
const remote = { send() {}, sendText() {} }
const server = new Server({ hosts, store, clock: systemClock, random: systemRandom, log: silentLogger, remote })
const keys = { salt: 'c2FsdA==', iterations: 4096, storedKey: 'a', serverKey: 'b' }
const account = { jid: 'alice@a.example', sha1: keys, sha256: keys, createdAt: 0, disabled: false }
await store.commit([{ type: 'account.put', account }])
await server.start()

const limits = { stanzaBytes: 2 ** 20, depth: 64, attributes: 64 }
const parse = (text) => parseDocument(text, limits, 'jabber:client')

async function worker(number) {
  let inbox = []
  let heard = () => {}
  const hear = (text) => {
    inbox.push(text.replaceAll("'", '"'))
    heard()
  }
  const outbox = {
    send: (stanza) => hear(stanza.toString()),
    sendRendered: (rendered, to) => hear(rendered.to(to)),
    close: () => process.exit(3),
  }
  const where = { remoteAddress: '127.0.0.1', secure: true, streamId: String(number) }
  const session = server.clients.bind(Jid.parse('alice@a.example'), `w${number}`, outbox, where)
  const ask = async (text, answer) => {
    inbox = []
    void server.clients.receive(session, parse(text))
    for (;;) {
      const found = inbox.find((stanza) => answer.test(stanza))
      if (found !== undefined) return found
      await new Promise((resolve) => {
        heard = resolve
      })
    }
  }
  const iq = (room, payload) => ask(`<iq type='set' id='q' to='${room}'>${payload}</iq>`, /<iq [^>]*type="result"/)
  const say = async (room, payload) => {
    const reflected = await ask(`<message to='${room}' type='groupchat' id='m'>${payload}</message>`, /<message /)
    return /<stanza-id [^>]*id="([^"]+)"/.exec(reflected)?.[1]
  }
  const owner = (content) => `<query xmlns='http://jabber.org/protocol/muc#owner'>${content}</query>`
  const field = (name, value) => `<field var='muc#roomconfig_${name}'><value>${value}</value></field>`
  const configured = (name) =>
    owner(`<x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      ${field('roomname', name)}${field('persistentroom', 1)}</x>`)
  const done = (operation) => process.stdout.write(`${JSON.stringify(operation)}\n`)

  for (let n = 0; ; n += 1) {
    const room = `${run}-${number}-${n}@rooms.a.example`
    await ask(`<presence to='${room}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`, /code="110"/)
    await iq(room, configured('N0'))
    done({ room, does: 'create', value: 'N0' })
    for (let step = 1; step <= 5; step += 1) {
      const id = await say(room, `<body>secret ${step}</body>`)
      done({ room, does: 'message', value: id })
      await iq(room, configured(`N${step}`))
      done({ room, does: 'config', value: `N${step}` })
      const item = `<item affiliation='member' jid='u${step}@a.example' nick='nick${step}'/>`
      await iq(room, `<query xmlns='http://jabber.org/protocol/muc#admin'>${item}</query>`)
      done({ room, does: 'affiliation', value: `u${step}@a.example` })
      await ask(`<message to='${room}' type='groupchat'><subject>S${step}</subject></message>`, /<subject/)
      done({ room, does: 'subject', value: `S${step}` })
      if (step % 2 === 1) continue
      await say(room, `<retract xmlns='urn:xmpp:message-retract:1' id='${id}'/>`)
      done({ room, does: 'retract', value: id })
    }
    if (n % 2 === 0) continue
    await iq(room, owner('<destroy/>'))
    done({ room, does: 'destroy', value: '' })
  }
}

await Promise.all([0, 1, 2, 3].map(worker))
