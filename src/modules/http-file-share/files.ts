/**
 * The files themselves: each under its secret name in one of 4096 directories, with a note beside it of whose it is and what it is said to
 * be. All of it goes through threads of Node's own; a file is there once it is whole, or not at all.
 */
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { idPattern } from './slots.js'

export interface FileNote {
  /** Bare JID. */
  readonly owner: string
  readonly size: number
  /** A media type as its uploader said it; not to be believed. */
  readonly type: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What arrived was not what was announced, or the file is there already. */
export class UploadRefused extends Error {}

/** A part whose upload was interrupted by the end of the server. */
const staleMs = 3_600_000

export class Files {
  readonly #directory: string

  /** It is made with the first file. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Resolves once the file is whole. Rejects with UploadRefused, or with what the disk said; then nothing of it stays. */
  async put(id: string, note: FileNote, content: Readable): Promise<void> {
    const path = this.#path(id)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    if ((await this.note(id)) !== undefined) throw new UploadRefused('This file is there already')
    const part = `${path}.part`
    try {
      await pipeline(content, exactly(note.size), createWriteStream(part, { flags: 'wx', mode: 0o600 }))
    } catch (error) {
      // Where another request is writing it, it is not ours to remove.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new UploadRefused('This file is being uploaded')
      await rm(part, { force: true })
      throw error
    }
    await rename(part, path)
    await writeFile(`${path}.json`, JSON.stringify(note), { mode: 0o600 })
  }

  /** Undefined where there is no such file. */
  async note(id: string): Promise<FileNote | undefined> {
    try {
      return JSON.parse(await readFile(`${this.#path(id)}.json`, 'utf8')) as FileNote
    } catch (error) {
      // Half a note is what the end of the server left of it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  /** From byte `start` to byte `end`, both included. */
  read(id: string, start: number, end: number): ReadStream {
    return createReadStream(this.#path(id), { start, end })
  }

  async remove(id: string): Promise<void> {
    // The note first: without it the file is not served.
    await rm(`${this.#path(id)}.json`, { force: true })
    await rm(this.#path(id), { force: true })
  }

  /** Every file, one after the other; parts of interrupted uploads are removed on the way. */
  async *all(now: number): AsyncGenerator<readonly [id: string, note: FileNote]> {
    for (const shelf of await names(this.#directory)) {
      for (const name of await names(join(this.#directory, shelf))) {
        const path = join(this.#directory, shelf, name)
        if (name.endsWith('.part')) await this.#removeStale(path, now)
        else if (idPattern.test(name)) {
          const note = await this.note(name)
          if (note === undefined) await this.#removeStale(path, now)
          else yield [name, note]
        }
      }
    }
  }

  async #removeStale(path: string, now: number): Promise<void> {
    const found = await stat(path).catch(() => undefined)
    if (found === undefined || found.mtimeMs >= now - staleMs) return
    await rm(path, { force: true })
    await rm(`${path}.json`, { force: true })
  }

  /** `id` has passed `idPattern`. */
  #path(id: string): string {
    return join(this.#directory, id.slice(0, 2), id)
  }
}

/** Passes on exactly so many bytes, or fails. */
function exactly(size: number): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    let passed = 0
    for await (const chunk of source) {
      passed += chunk.length
      if (passed > size) throw new UploadRefused('The file is longer than was announced')
      yield chunk
    }
    if (passed < size) throw new UploadRefused('The file is shorter than was announced')
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return []
    throw error
  }
}
