/** Files of the page, from memory: a fixed set, so that no path of a request ever reaches the file system. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

export interface StaticFile {
  readonly type: string
  readonly etag: string
  readonly body: Buffer
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.ttf': 'font/ttf',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
}

export class StaticFiles {
  readonly #paths = new Map<string, string>()
  readonly #read = new Map<string, StaticFile>()

  /** Adds the files below `directory` whose path there, with forward slashes, `wanted` accepts, under `prefix`. */
  add(prefix: string, directory: string, wanted: (path: string) => boolean = () => true): void {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = join(entry.parentPath, entry.name)
      const path = file.slice(directory.length).replaceAll('\\', '/').replace(/^\//, '')
      if (extname(path) in types && wanted(path)) this.#paths.set(`${prefix}${path}`, file)
    }
  }

  /** By the path of a request's URL; undefined for what was never added. Read once, at the first request. */
  get(path: string): StaticFile | undefined {
    const known = this.#read.get(path)
    if (known !== undefined) return known
    const file = this.#paths.get(path)
    if (file === undefined) return undefined
    const body = readFileSync(file)
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    const read = { type: types[extname(file)]!, etag, body }
    this.#read.set(path, read)
    return read
  }

  get size(): number {
    return this.#paths.size
  }
}
