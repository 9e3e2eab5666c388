/**
 * The floor under any XMPP server on Node: sockets and nothing behind them. No parser, no room, no archive: the load
 * generator's fixed script is answered by string search, and each room message goes to everybody, one write a socket and
 * turn. What this costs for a delivery no server can go below.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

const [port, certificate, key] = process.argv.slice(2)
const secureContext = createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) })

/** @type {Map<string, Client>} by full JID */
const online = new Map()
const occupants = new Set()
let unwritten = []

function flush() {
  const clients = unwritten
  unwritten = []
  for (const client of clients) client.flush()
}

const header =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='1' from='localhost' version='1.0'>"
const features = (inner) => `<stream:features>${inner}</stream:features>`
const plain = features(
  "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
)
const bind = features("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
const marks =
  "<stanza-id xmlns='urn:xmpp:sid:0' id='01HZX5QYQ0000000000000000' by='r1@conference.localhost'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='YttrZ9qzLKh2y8hOYAceI8kojyAnKJUjumH5yNyobtQ='/></message>"
const item =
  "'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x></presence>"

class Client {
  jid = ''
  nick = ''
  #socket
  #input = ''
  #output = ''

  constructor(socket) {
    this.#listen(socket)
  }

  send(text) {
    if (this.#output === '' && unwritten.push(this) === 1) setImmediate(flush)
    this.#output += text
  }

  flush() {
    const text = this.#output
    this.#output = ''
    this.#socket.write(text)
  }

  #listen(socket) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text) => this.#read(text))
    socket.on('error', () => {})
    socket.on('close', () => {
      online.delete(this.jid)
      occupants.delete(this)
    })
  }

  #read(text) {
    this.#input += text
    for (let end = this.#endOfFirst(); end > 0; end = this.#endOfFirst()) {
      const stanza = this.#input.slice(0, end)
      this.#input = this.#input.slice(end)
      this.#answer(stanza)
    }
  }

  /** 0: not all of it is there yet. */
  #endOfFirst() {
    const text = this.#input
    const tagEnd = text.indexOf('>') + 1
    if (tagEnd === 0 || text[tagEnd - 2] === '/' || text[1] === '?' || text.startsWith('<stream:')) return tagEnd
    const endTag = `</${/^<(\w+)/.exec(text)?.[1]}>`
    const at = text.indexOf(endTag)
    return at === -1 ? 0 : at + endTag.length
  }

  #answer(stanza) {
    if (stanza.startsWith('<message')) this.#message(stanza)
    else if (stanza.startsWith('<presence')) this.#enter(/ to='([^']*)'/.exec(stanza)?.[1])
    else if (stanza.startsWith('<stream:')) this.send(header + (this.jid === '' ? plain : bind))
    else if (stanza.startsWith('<starttls')) this.#startTls()
    else if (stanza.startsWith('<auth')) this.#authenticate(stanza)
    else if (stanza.includes('<bind')) this.send(`<iq type='result' id='b1'><bind><jid>${this.jid}</jid></bind></iq>`)
  }

  #startTls() {
    const socket = this.#socket
    socket.removeAllListeners('data')
    socket.setEncoding()
    socket.write("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    this.#listen(new TLSSocket(socket, { isServer: true, secureContext }))
  }

  #authenticate(stanza) {
    const [, user] = Buffer.from(stanza.slice(stanza.indexOf('>') + 1, -'</auth>'.length), 'base64')
      .toString()
      .split('\0')
    this.jid = `${user}@localhost/r`
    online.set(this.jid, this)
    this.send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
  }

  #enter(nick) {
    if (nick === undefined) return
    this.nick = nick
    for (const other of occupants) {
      this.send(`<presence from='${other.nick}' to='${this.jid}${item}`)
      other.send(`<presence from='${nick}' to='${other.jid}${item}`)
    }
    occupants.add(this)
    this.send(`<presence from='${nick}' to='${this.jid}${item}`)
  }

  #message(stanza) {
    if (stanza.includes("type='chat'")) {
      const to = `${/ to='([^']*)'/.exec(stanza)?.[1]}/r`
      return online.get(to)?.send(stanza.replace('<message', `<message from='${this.jid}'`))
    }
    const head = `<message from='${this.nick}' type='groupchat' to='`
    const tail = `'>${stanza.slice(stanza.indexOf('<body>'), -'</message>'.length)}${marks}`
    for (const occupant of occupants) occupant.send(head + occupant.jid + tail)
  }
}

createServer({ noDelay: true }, (socket) => new Client(socket)).listen({
  port: Number(port),
  host: '127.0.0.1',
  backlog: 4096,
})
