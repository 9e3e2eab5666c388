/** The HTTP side of XEP-0363: PUT into a slot, GET and HEAD of what is there, for clients of every origin. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { allowOrigins } from '../../net/cors.js'
import type { HttpHandler } from '../../net/http.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import { type FileNote, type Files, UploadRefused } from './files.js'
import { disposition, isShown, mediaType, unknownType } from './media-type.js'
import { idPattern, type Slot, type SlotSigner } from './slots.js'

export interface ServeParts {
  readonly files: Files
  readonly slots: SlotSigner
  readonly clock: Clock
  readonly log: Logger
  /** Media types that browsers may show in place. */
  readonly safeTypes: readonly string[]
  /** How long a file stays, in milliseconds; undefined: for ever. */
  readonly keptMs: number | undefined
  /** A file of so many bytes is being put; false where there is no room for it, as many slots are good at a time. */
  readonly begins: (bytes: number) => boolean
  readonly ends: (bytes: number, stored: boolean) => void
}

/** For `PREFIX/ID/NAME`; the name is for people, the id finds the file. */
export function serveFiles(parts: ServeParts): HttpHandler {
  return async (request, response, url) => {
    if (allowOrigins(request, response, ['GET', 'HEAD', 'PUT'], ['Content-Type', 'Authorization'])) return
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
    const [id = '', name = '', ...more] = url.pathname.split('/').slice(3)
    if (!idPattern.test(id) || more.length > 0) return refuse(response, 404, 'There is no such file')
    if (request.method === 'PUT') return put(parts, request, response, id, url)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, PUT, OPTIONS')
      return refuse(response, 405, 'GET, HEAD or PUT')
    }
    const note = await parts.files.note(id)
    const expired = note !== undefined && parts.keptMs !== undefined && note.at + parts.keptMs < parts.clock.now()
    if (note === undefined || expired) return refuse(response, 404, 'There is no such file, or no more')
    await get(parts, request, response, id, note, decoded(name))
  }
}

async function put(
  parts: ServeParts,
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  url: URL,
): Promise<void> {
  const slot = parts.slots.read(url.searchParams.get('token') ?? '', id, parts.clock.now())
  const wrong = slot === undefined ? ([403, 'This is no slot, or it is too old'] as const) : wrongRequest(request, slot)
  if (slot === undefined || wrong !== undefined) return refuse(response, ...(wrong ?? [403, 'This is no slot']))
  const { owner, size } = slot
  if (!parts.begins(size)) return refuse(response, 507, 'The server has no room for more files now')
  const type = mediaType(slot.type ?? request.headers['content-type'])
  let stored = false
  try {
    await parts.files.put(id, { owner, size, type, at: parts.clock.now() }, request)
    stored = true
  } catch (error) {
    if (error instanceof UploadRefused) return refuse(response, 409, error.message)
    // A client that went away is no fault of ours.
    if (request.destroyed && !request.complete) return
    parts.log.error({ err: error, owner }, 'A file could not be stored')
    return refuse(response, 507, 'The file could not be stored')
  } finally {
    parts.ends(size, stored)
  }
  response.writeHead(201, { 'Content-Length': '0' }).end()
}

/** §6: the length must be the announced one, the type if one was announced. */
function wrongRequest(request: IncomingMessage, slot: Slot): readonly [number, string] | undefined {
  const { 'content-length': length, 'content-type': type } = request.headers
  if (length === undefined) return [411, 'The length must be told']
  if (length !== String(slot.size)) return [413, `${slot.size} bytes were announced`]
  if (slot.type !== undefined && type !== undefined && mediaType(type) !== mediaType(slot.type))
    return [415, `${slot.type} was announced`]
  return undefined
}

async function get(
  parts: ServeParts,
  request: IncomingMessage,
  response: ServerResponse,
  id: string,
  note: FileNote,
  name: string,
): Promise<void> {
  const etag = `"${id}"`
  response.setHeader('ETag', etag)
  response.setHeader('Accept-Ranges', 'bytes')
  response.setHeader('Cache-Control', 'private, max-age=86400, immutable')
  response.setHeader('Content-Type', isShown(note.type, parts.safeTypes) ? note.type : unknownType)
  response.setHeader('Content-Disposition', disposition(note.type, parts.safeTypes, name))
  response.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
  )
  response.setHeader('X-Robots-Tag', 'noindex')
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end()
    return
  }
  const range = rangeOf(request.headers.range, note.size)
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${note.size}`)
    return refuse(response, 416, 'The file is not that long')
  }
  const [start, end] = range ?? [0, note.size - 1]
  if (range !== undefined) response.setHeader('Content-Range', `bytes ${start}-${end}/${note.size}`)
  response.writeHead(range === undefined ? 200 : 206, { 'Content-Length': String(end - start + 1) })
  if (request.method === 'HEAD' || note.size === 0) response.end()
  else await pipeline(parts.files.read(id, start, end), response).catch(() => response.destroy())
}

/** RFC 9110 §14: one range of bytes; several, or another unit, are answered with the whole. */
function rangeOf(header: string | undefined, size: number): readonly [number, number] | 'unsatisfiable' | undefined {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (found === null || (found[1] === '' && found[2] === '')) return undefined
  if (found[1] === '') {
    const last = Number(found[2])
    return last === 0 || size === 0 ? 'unsatisfiable' : [Math.max(0, size - last), size - 1]
  }
  const start = Number(found[1])
  const end = found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1)
  if (found[2] !== '' && Number(found[2]) < start) return undefined
  return start >= size ? 'unsatisfiable' : [start, end]
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name) || 'file'
  } catch {
    return 'file'
  }
}

/** What is still being sent of a body is not read: the connection ends. */
function refuse(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.destroy()
  response.removeHeader('Content-Disposition')
  response.setHeader('Cache-Control', 'no-store')
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(`${text}\n`)
}
