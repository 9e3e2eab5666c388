/**
 * The page of an invitation (XEP-0401 §6.2): for who has a client, a link that opens it; for who has none yet, a form that makes the
 * account. The token stands in the fragment of the address, so it is in no log; the page sends it back in the body of a request.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { HttpHandler } from '../../net/http.js'
import { clientAddress, readBody } from '../../net/request.js'
import type { Host } from '../../server/module.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { AccountMaking } from './accounts.js'
import { type Invites, pagePath, uriOf } from './invites.js'

export interface InvitePageParts {
  readonly host: Host
  readonly invites: Invites
  readonly making: AccountMaking
}

const longestBody = 4096

/** By the last part of their paths. */
const files: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '': { file: 'invite.html', type: 'text/html; charset=utf-8' },
  'invite.js': { file: 'invite.js', type: 'text/javascript; charset=utf-8' },
  'page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
}

export function invitePage(parts: InvitePageParts): HttpHandler {
  const path = pagePath(parts.host.domain)
  return async (request, response, { pathname }) => {
    response.setHeader(
      'Content-Security-Policy',
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    response.setHeader('Referrer-Policy', 'no-referrer')
    response.setHeader('Cache-Control', 'no-store')
    const name = pathname.slice(path.length + 1)
    const found = Object.hasOwn(files, name) ? files[name] : undefined
    if (pathname === path) response.writeHead(308, { Location: `${path}/` }).end()
    else if (name === 'look' || name === 'register') await answerJson(parts, request, response, name)
    else if (found === undefined) answer(response, 404, 'text/plain; charset=utf-8', 'Not found\n')
    else if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'text/plain', 'GET or HEAD\n')
    else
      answer(
        response,
        200,
        found.type,
        readFileSync(fileURLToPath(new URL(`../../web/${found.file}`, import.meta.url))),
      )
  }
}

async function answerJson(
  parts: InvitePageParts,
  request: IncomingMessage,
  response: ServerResponse,
  what: 'look' | 'register',
): Promise<void> {
  const json = (status: number, value: unknown): void =>
    answer(response, status, 'application/json; charset=utf-8', JSON.stringify(value))
  if (request.method !== 'POST') return json(405, { error: 'Only POST.' })
  // A form of another page cannot send this type without asking first.
  if (!(request.headers['content-type'] ?? '').startsWith('application/json')) return json(415, { error: 'Only JSON.' })
  const { token = '', name = '', password = '' } = fieldsOf(await readBody(request, longestBody))
  const invite = parts.invites.find(token)
  if (invite === undefined) return json(410, { error: 'This invitation was used already, or is too old.' })
  const { domain } = parts.host
  if (what === 'look')
    return json(200, { domain, name: invite.name, contact: invite.contact, uri: uriOf(domain, invite, token) })
  try {
    const address = clientAddress(request)
    json(200, { jid: await parts.making.make({ address, name, password, invitation: { token, invite } }) })
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error
    json(error.condition === 'conflict' ? 409 : 400, { error: `${error.text ?? error.condition}.` })
  }
}

function fieldsOf(body: Buffer | undefined): Readonly<Record<string, string | undefined>> {
  try {
    const given: unknown = JSON.parse(body?.toString() ?? '')
    if (typeof given !== 'object' || given === null) return {}
    return Object.fromEntries(Object.entries(given).filter(([, each]) => typeof each === 'string'))
  } catch {
    return {}
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
