/** Pages of other origins may use what is public or guarded by secrets of its own (Fetch standard, CORS): no cookies are involved. */
import type { IncomingMessage, ServerResponse } from 'node:http'

const daySeconds = 86_400

/** Allows every origin these methods and request headers. True if this was a preflight, which is answered then. */
export function allowOrigins(
  request: IncomingMessage,
  response: ServerResponse,
  methods: readonly string[],
  headers: readonly string[] = ['Content-Type'],
): boolean {
  response.setHeader('Access-Control-Allow-Origin', '*')
  if (request.method !== 'OPTIONS') return false
  response.writeHead(204, {
    'Access-Control-Allow-Methods': [...methods, 'OPTIONS'].join(', '),
    'Access-Control-Allow-Headers': headers.join(', '),
    'Access-Control-Max-Age': String(daySeconds),
    'Content-Length': '0',
  })
  response.end()
  return true
}
