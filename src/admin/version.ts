/** The release, as package.json says it. */
import { readFileSync } from 'node:fs'

const { version: found } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

export const version = found
