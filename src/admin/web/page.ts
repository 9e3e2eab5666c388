/**
 * The web page: Converse.js over WebSocket, from this server alone. The policy of the answers (CSP) forbids every request
 * to elsewhere. `POST /login` exchanges the secret of a login link and serves loopback only.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { isLoopback, plainAddress } from '../../net/address.js'
import type { HttpHandler } from '../../net/http.js'
import type { LoginLinks } from '../login-links.js'
import { findConverse, neededOfConverse } from './converse.js'
import { type StaticFile, StaticFiles } from './static.js'

export interface PageParts {
  /** What the page needs to know: handed out as `/page.json`. */
  readonly settings: {
    readonly domain: string
    /** Path of the WebSocket on the same origin; undefined where it is left out. */
    readonly websocket: string | undefined
    /** Path of BOSH on the same origin; undefined where it is left out. */
    readonly bosh: string | undefined
    /** Room to enter after login, or undefined. */
    readonly room: string | undefined
    /** Names of rooms that the client offers to look at. */
    readonly rooms: string | undefined
  }
  readonly links: LoginLinks | undefined
  /** Directory of Converse's files, null for none; looked for among the installed packages when not given. */
  readonly converse?: string | null | undefined
}

const webDirectory = fileURLToPath(new URL('../../web', import.meta.url))
const loginBodyLimit = 1024

/** For the route `/`: answers 404 where there is nothing. */
export function webPage({ settings, links, converse = findConverse() ?? null }: PageParts): HttpHandler {
  const files = new StaticFiles()
  files.add('/', webDirectory)
  if (converse !== null) files.add('/converse/', converse, neededOfConverse)
  const front = converse === null ? '/without-converse.html' : '/index.html'
  const settingsJson = JSON.stringify(settings)

  return (request, response, { pathname }) => {
    securityHeaders(request, response)
    if (pathname === '/login' && links !== undefined) return login(request, response, links)
    if (pathname === '/page.json') return readOnly(request, response, () => sendJson(response, 200, settingsJson))
    const file = files.get(pathname === '/' || pathname === '/index.html' ? front : pathname)
    if (file === undefined) {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Not found\n')
      return
    }
    readOnly(request, response, () => sendFile(request, response, file))
  }
}

function sendFile(request: IncomingMessage, response: ServerResponse, { type, etag, body }: StaticFile): void {
  response.setHeader('ETag', etag)
  response.setHeader('Cache-Control', 'no-cache')
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end()
    return
  }
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function readOnly(request: IncomingMessage, response: ServerResponse, answer: () => void): void {
  if (request.method === 'GET' || request.method === 'HEAD') answer()
  else response.writeHead(405, { Allow: 'GET, HEAD' }).end()
}

/** `'unsafe-inline'` is for styles alone: Converse sets style attributes. */
function securityHeaders(request: IncomingMessage, response: ServerResponse): void {
  const host = /^[A-Za-z0-9.:[\]-]+$/.test(request.headers.host ?? '') ? request.headers.host : undefined
  const sockets = host === undefined ? '' : ` ws://${host} wss://${host}`
  response.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; " +
      `media-src 'self' blob:; connect-src 'self'${sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
  response.setHeader('Referrer-Policy', 'no-referrer')
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
}

function sendJson(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  })
  response.end(json)
}

function login(request: IncomingMessage, response: ServerResponse, links: LoginLinks): void {
  const refuse = (status: number, error: string) => sendJson(response, status, JSON.stringify({ error }))
  if (request.method !== 'POST') refuse(405, 'Only POST.')
  else if (!isOwnMachine(request)) refuse(403, 'Login links work on the machine of the server only.')
  else
    readBody(request, (body) => {
      const found = links.exchange(secretOf(body))
      if (found === undefined) refuse(410, 'This link was used already, or is too old.')
      else sendJson(response, 200, JSON.stringify(found))
    })
}

/** What is longer than `loginBodyLimit` counts as empty. */
function readBody(request: IncomingMessage, done: (body: string) => void): void {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    if (body.length <= loginBodyLimit) body += chunk
  })
  request.on('end', () => done(body.length > loginBodyLimit ? '' : body))
}

function secretOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null && 'secret' in value) return String(value.secret)
  } catch {}
  return ''
}

/**
 * The connection comes from this machine, by a name of this machine (so not by a stranger's DNS name that points here),
 * not through a proxy, and from a page of this very origin.
 */
function isOwnMachine(request: IncomingMessage): boolean {
  const { host = '', origin } = request.headers
  const name = host.replace(/:\d+$/, '')
  const forwarded = request.headers.forwarded ?? request.headers['x-forwarded-for'] ?? request.headers.via
  return (
    isLoopback(plainAddress(request.socket.remoteAddress ?? '')) &&
    ['localhost', '127.0.0.1', '[::1]'].includes(name) &&
    forwarded === undefined &&
    origin === `http://${host}` &&
    (request.headers['content-type'] ?? '').startsWith('application/json')
  )
}
