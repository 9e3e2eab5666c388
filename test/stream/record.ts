/** A stream whose output and events are written down. */
import type { LoginHandler, SessionHandler } from '../../src/stream/client-handler.js'
import type { Header } from '../../src/stream/header.js'
import { clientLimits, defaultTimeouts } from '../../src/stream/limits.js'
import { Stream, type StreamEnd, type StreamHandler, type StreamOptions } from '../../src/stream/stream.js'
import { ManualClock } from '../../src/util/clock.js'
import type { Element } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'

export interface Recorded {
  readonly stream: Stream
  readonly clock: ManualClock
  readonly headers: Header[]
  readonly elements: string[]
  readonly ends: StreamEnd[]
  /** All that was written since the last call. */
  output(): string
}

export function record(options: Partial<StreamOptions> = {}, react: Partial<StreamHandler> = {}): Recorded {
  const clock = new ManualClock()
  let written = ''
  let ids = 0
  const recorded: Recorded = {
    clock,
    headers: [],
    elements: [],
    ends: [],
    output() {
      const text = written
      written = ''
      return text
    },
    stream: new Stream(
      {
        role: 'receiving',
        framing: 'stream',
        contentNamespace: 'jabber:client',
        limits: clientLimits,
        timeouts: defaultTimeouts,
        clock,
        mintId: () => `id${++ids}`,
        ...options,
      },
      {
        output: (text) => {
          written += text
        },
        opened: (header) => {
          recorded.headers.push(header)
          if (react.opened !== undefined) react.opened(header)
          else if (options.role !== 'initiating') recorded.stream.open({ from: 'a.example', lang: 'en' })
        },
        element: (element: Element) => {
          recorded.elements.push(serialize(element))
          react.element?.(element)
        },
        ended: (end) => recorded.ends.push(end),
      },
    ),
  }
  return recorded
}

export const clientHeader = (attributes = `to='a.example' version='1.0'`): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' ${attributes}>`

export const ourHeader = (id: string, from = ` from='a.example'`): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'${from}` +
  ` id='${id}' version='1.0' xml:lang='en'>`

export const streamError = (condition: string, text?: string): string =>
  `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>${
    text === undefined ? '' : `<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>${text}</text>`
  }</stream:error></stream:stream>`

/** Of a client's handler: TLS ends elsewhere, every account has keys of every hash, and strangers are offered nothing. */
export const noChannel: Omit<LoginHandler, 'credentials'> = {
  tokens: () => undefined,
  bindings: [],
  binding: () => undefined,
  certified: () => [],
  hashes: () => ['sha1', 'sha256', 'sha512'],
  takesGuests: () => false,
  guest: () => Promise.reject(new Error('no guests')),
  passwordShown: () => {},
  provedByCertificate: () => {},
  refused: () => {},
  strangerFeatures: () => [],
  answerStranger: () => undefined,
}

/** Of a client's handler: nothing is bound inline, and nothing is resumed. */
export const plainSession: Pick<SessionHandler, 'bindInline' | 'inlineFeatures' | 'takeElement' | 'enable' | 'resume'> =
  {
    bindInline: () => {
      throw new Error('not here')
    },
    inlineFeatures: () => [],
    takeElement: () => false,
    enable: () => undefined,
    resume: (_account, _id, _h, answer) => answer({ is: 'failed' }),
  }
