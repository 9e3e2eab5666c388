/**
 * XEP-0156: where the WebSocket and BOSH are, for clients that know the domain alone: `/.well-known/host-meta` in XRD (RFC 6415) and the
 * same in JSON. Web clients of other origins may read it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { escapeAttribute } from '../xml/writer.js'
import type { Xep } from '../xmpp/xep.js'
import { allowOrigins } from './cors.js'
import type { HttpHandler } from './http.js'

export const hostMetaXep: Xep = { number: 156, version: '1.4.0', test: 'net/host-meta.test.ts' }

export const hostMetaPath = '/.well-known/host-meta'
export const hostMetaJsonPath = '/.well-known/host-meta.json'

export interface HostMetaOptions {
  /** As others reach this HTTP server, with a slash at the end; undefined where it is known to this machine alone. */
  readonly externalUrl: string | undefined
  /** Paths; undefined for what is not there. */
  readonly websocket: string | undefined
  readonly bosh: string | undefined
}

interface Link {
  readonly rel: string
  readonly href: string
}

/** For both paths. Without an external URL the answer is for those on this machine, who said how they call it. */
export function hostMeta(options: HostMetaOptions): HttpHandler {
  return (request, response, { pathname }) => {
    if (allowOrigins(request, response, ['GET', 'HEAD'])) return
    const base = options.externalUrl ?? localUrl(request)
    if (base === undefined || (pathname !== hostMetaPath && pathname !== hostMetaJsonPath))
      answer(response, 404, 'text/plain; charset=utf-8', 'Not found: http_external_url is not set\n')
    else if (request.method !== 'GET' && request.method !== 'HEAD')
      response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    else if (pathname === hostMetaPath) answer(response, 200, 'application/xrd+xml', xrd(linksOf(base, options)))
    else answer(response, 200, 'application/json', `${JSON.stringify({ links: linksOf(base, options) })}\n`)
  }
}

function linksOf(base: string, { websocket, bosh }: HostMetaOptions): Link[] {
  const at = (path: string): string => new URL(path.slice(1), base).href
  return [
    ...(websocket === undefined
      ? []
      : [{ rel: 'urn:xmpp:alt-connections:websocket', href: at(websocket).replace(/^http/, 'ws') }]),
    ...(bosh === undefined ? [] : [{ rel: 'urn:xmpp:alt-connections:xbosh', href: at(bosh) }]),
  ]
}

const xrd = (links: readonly Link[]): string =>
  `<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n${links
    .map(({ rel, href }) => `  <Link rel='${rel}' href='${escapeAttribute(href)}'/>\n`)
    .join('')}</XRD>\n`

/** Only for names of this machine: what a stranger's request says of us is told to nobody. */
function localUrl(request: IncomingMessage): string | undefined {
  const { host = '' } = request.headers
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(host) ? `http://${host}/` : undefined
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-cache' })
  response.end(text)
}
