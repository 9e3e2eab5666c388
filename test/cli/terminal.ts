/** A terminal for command lines under test: what is written is kept, input is what the test gives. */
import { PassThrough, Readable } from 'node:stream'
import type { Terminal } from '../../src/cli/terminal.js'

export interface TestTerminal extends Terminal {
  readonly written: () => string
  readonly complained: () => string
}

export function testTerminal(input: string | Terminal['input'] = ''): TestTerminal {
  let [output, errors] = ['', '']
  return {
    input: typeof input === 'string' ? Readable.from([input]) : input,
    output: {
      write: (text, done) => {
        output += text
        done?.()
      },
    },
    errors: {
      write: (text) => {
        errors += text
      },
    },
    written: () => output,
    complained: () => errors,
  }
}

/** Somebody who types: each line is given when the next question was asked. */
export function typist(...lines: string[]): Terminal['input'] & { rawModes: boolean[] } {
  const stream = new PassThrough()
  const rawModes: boolean[] = []
  return Object.assign(stream, {
    isTTY: true,
    rawModes,
    setRawMode(raw: boolean) {
      rawModes.push(raw)
      if (raw) queueMicrotask(() => stream.write(lines.shift() ?? '\x03'))
      return stream
    },
  })
}
