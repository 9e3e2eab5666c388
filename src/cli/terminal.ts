/** Passwords from the operator: typed twice without an echo, from standard input, or made here. */
import { randomInt } from 'node:crypto'

/** What a command line reads from and writes to; tests pass their own. */
export interface Terminal {
  readonly input: NodeJS.ReadStream | NodeJS.ReadableStream
  readonly output: { write(text: string, done?: (error?: Error | null) => void): unknown }
  readonly errors: { write(text: string): unknown }
}

export const processTerminal: Terminal = { input: process.stdin, output: process.stdout, errors: process.stderr }

/** Without letters that look like others; 71 bits. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

export const generatePassword = (): string =>
  Array.from({ length: 3 }, () => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('')).join(
    '-',
  )

/** The first line of standard input, without its end. */
export async function readPassword(terminal: Terminal): Promise<string> {
  let text = ''
  for await (const chunk of terminal.input) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.split(/\r?\n/, 1)[0] ?? ''
}

/** Asks twice. Throws an Error with a sentence when there is no terminal or the two differ. */
export async function askPassword(terminal: Terminal, jid: string): Promise<string> {
  const { input } = terminal
  if (!('isTTY' in input) || !input.isTTY)
    throw new Error('There is no terminal to ask for a password: use --password-stdin or --generate')
  const first = await askHidden(terminal, input, `New password for ${jid}: `)
  const second = await askHidden(terminal, input, 'The same again: ')
  if (first !== second) throw new Error('The two passwords differ; nothing was changed')
  return first
}

function askHidden(terminal: Terminal, input: NodeJS.ReadStream, question: string): Promise<string> {
  terminal.errors.write(question)
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = (settle: () => void) => {
      input.off('data', read)
      input.setRawMode(false)
      input.pause()
      terminal.errors.write('\n')
      settle()
    }
    const read = (chunk: string) => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') return finish(() => resolve(typed))
        if (key === '\x03' || (key === '\x04' && typed === ''))
          return finish(() => reject(new Error('Nothing was changed')))
        typed = key === '\x7f' || key === '\b' ? [...typed].slice(0, -1).join('') : typed + key
      }
    }
    input.setRawMode(true)
    input.setEncoding('utf8')
    input.on('data', read)
    input.resume()
  })
}
