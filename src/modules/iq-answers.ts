/**
 * RFC 6120 §8.2.3: an answer belongs to a request. What a client did not ask for, of that address and with that id, does
 * not reach it: neither forged answers nor a stranger's way to see whether it is there.
 */

import type { Host, Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { between } from './between.js'

/** In `Session.data`. */
const key = 'iq.asked'
export const iqAnswers: Module = {
  name: 'iq-answers',
  rfc: { clauses: 'RFC 6120 §8.2.3', test: 'dialogue/forged.test.ts' },
  hosts: ['user'],
  options: {
    max_pending_requests: {
      type: 'integer',
      default: 1000,
      doc: 'Requests of one client that may wait for an answer; of more, the oldest are forgotten, and their answers do not reach it.',
      check: between(10, 100_000),
    },
  },
  setup: (host) => [
    host.on('outbound', 'iq', 'validate', (iq, from, to) => {
      if (iq.attrs.type === 'get' || iq.attrs.type === 'set') remember(host, from, requestKey(to, iq))
      return undefined
    }),
    host.on('inbound', 'iq', 'validate', (iq, from, to) => {
      const answer = iq.attrs.type === 'result' || iq.attrs.type === 'error'
      return answer && to.isFull && !settle(host, to, requestKey(from, iq)) ? true : undefined
    }),
  ],
}

/** How often each request waits: a client may use an id twice. */
function askedBy(session: Session): Map<string, number> {
  const known = session.data.get(key) as Map<string, number> | undefined
  if (known !== undefined) return known
  const asked = new Map<string, number>()
  session.data.set(key, asked)
  return asked
}

function remember(host: Host, client: Jid, request: string): void {
  const session = host.sessions.get(client.toString())
  if (session === undefined) return
  const asked = askedBy(session)
  asked.set(request, (asked.get(request) ?? 0) + 1)
  const [oldest] = asked.keys()
  if (asked.size <= Number(host.options.max_pending_requests) || oldest === undefined) return
  asked.delete(oldest)
  host.counts.refused('stanza', 'too-many-requests')
}

/** False if nobody asked. */
function settle(host: Host, client: Jid, request: string): boolean {
  const session = host.sessions.get(client.toString())
  if (session === undefined) return false
  const asked = askedBy(session)
  const times = asked.get(request)
  if (times === undefined) return false
  if (times > 1) asked.set(request, times - 1)
  else asked.delete(request)
  return true
}

/** No JID contains a newline: the key is unambiguous. */
const requestKey = (asked: Jid, iq: Element): string => `${asked}\n${iq.attrs.id}`
