/** Answers that come in parts: written to standard output, or to a file that is there once it is whole. */
import { open, rename, rm } from 'node:fs/promises'
import type { AdminReply } from '../admin/protocol.js'
import type { Terminal } from './terminal.js'

type Write = (text: string) => Promise<unknown>

/** `ask` is called with `part` for each part but the first. Resolves to the reply that refused, if one did. */
export async function writeParts(
  ask: (part: string | undefined) => Promise<AdminReply>,
  file: string | undefined,
  terminal: Terminal,
): Promise<AdminReply> {
  if (file === undefined) return pass(ask, (text) => written(terminal, text))
  const partial = `${file}.part`
  const handle = await open(partial, 'w', 0o600).catch((cause: Error) => {
    throw new Error(`${file} cannot be written: ${cause.message}`, { cause })
  })
  try {
    const reply = await pass(ask, (text) => handle.write(text))
    await handle.close()
    if (reply.ok) await rename(partial, file)
    else await rm(partial)
    return reply
  } catch (error) {
    await handle.close()
    await rm(partial, { force: true })
    throw error
  }
}

async function pass(ask: (part: string | undefined) => Promise<AdminReply>, write: Write): Promise<AdminReply> {
  for (let part: string | undefined; ; ) {
    const reply = await ask(part)
    if (!reply.ok) return reply
    if (reply.text !== '') await write(`${reply.text}\n`)
    const { next } = reply.data as { readonly next?: unknown }
    if (typeof next !== 'string') return reply
    part = next
  }
}

/** Waits for a reader who is slow. */
const written = ({ output }: Terminal, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    output.write(text, (error) => (error ? reject(error) : resolve()))
  })
