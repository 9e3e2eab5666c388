/** Where the Converse.js client is installed, and which of its files the page needs. It is an optional dependency. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** Its `dist` directory; undefined when the package is not installed. */
export function findConverse(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve('converse.js/dist/converse.min.js'))
  } catch {
    return undefined
  }
}

/** The client, its style, fonts, sounds, pictures and translations; no source maps, no other build, no OMEMO. */
export const neededOfConverse = (path: string): boolean =>
  ['converse.min.js', 'converse.min.css', 'emoji.json'].includes(path) ||
  /^(webfonts|sounds|images)\//.test(path) ||
  /^chunkjs\/locales\/.*\.js$/.test(path)
