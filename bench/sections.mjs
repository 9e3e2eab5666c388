/** A page of sections, of which a run may have measured some: the others stay as they were. */
import { existsSync, readFileSync } from 'node:fs'
import { put } from './servers/process.mjs'

/**
 * @param {string} file
 * @param {string} head of the page
 * @param {readonly string[]} titles of all sections, in their order
 * @param {ReadonlyMap<string, string>} measured by title, each with its heading
 */
export function putSections(file, head, titles, measured) {
  const former = existsSync(file) ? sectionsOf(readFileSync(file, 'utf8')) : new Map()
  const sections = titles.flatMap((title) => measured.get(title) ?? former.get(title) ?? [])
  put(file, `${[head, ...sections].map((text) => text.trim()).join('\n\n')}\n`)
}

function sectionsOf(text) {
  const sections = text.split(/^(?=## )/m).slice(1)
  return new Map(sections.map((section) => [section.slice(3, section.indexOf('\n')), section]))
}
