/**
 * docs/xep-0281.md: the points of XEP-0281 (points.md) beside the tests that show them. Titles in this folder begin with the numbers of
 * their points; those with the foreign implementation name the examples of the text.
 */
import { readFileSync } from 'node:fs'
import { allTests, type Titled } from '../muc/titles.js'

export interface Point {
  readonly number: number
  readonly examples: readonly number[]
  readonly text: string
  readonly reading: string
}

export interface ShownPoint {
  readonly point: Point
  readonly tests: readonly Titled[]
  /** With the foreign implementation. */
  readonly peers: readonly Titled[]
}

export function readPoints(): Point[] {
  const lines = readFileSync(new URL('./points.md', import.meta.url), 'utf8').split('\n')
  return lines
    .filter((line) => /^\| \d/.test(line))
    .map((line) => {
      const [, number = '', examples = '', text = '', reading = ''] = line.split('|').map((cell) => cell.trim())
      return { number: Number(number), examples: exampleNumbers(examples), text, reading }
    })
}

/** The points at the beginning of a title: `13 E3 and 14 E4 the peerhost accepts` is of 13 and 14. */
export function pointsOf(title: string): number[] {
  const [lead = ''] = /^(?:\s|,|and\b|E?\d+\b)*/.exec(title) ?? []
  return [...lead.matchAll(/(?<![E\d])\d+/g)].map(([number]) => Number(number))
}

/** `E3 to E5, E9` is 3, 4, 5 and 9. */
export function exampleNumbers(text: string): number[] {
  return [...text.matchAll(/\bE(\d+)(?: to E(\d+))?/g)].flatMap(([, from, to]) => {
    const first = Number(from)
    return Array.from({ length: Number(to ?? from) - first + 1 }, (_, index) => first + index)
  })
}

export function showPoints(points = readPoints(), tests = allTests()): ShownPoint[] {
  const ours = tests.filter(({ file }) => file.startsWith('conformance/dmuc/'))
  const foreign = tests.filter(({ file }) => file.startsWith('peers/foreign'))
  return points.map((point) => ({
    point,
    tests: ours.filter(({ path }) => path.some((title) => pointsOf(title).includes(point.number))),
    peers: foreign.filter(({ path }) => exampleNumbers(path.at(-1) ?? '').some((n) => point.examples.includes(n))),
  }))
}

/** What is a client's affair. */
const notOurs = new Set([32])

/** Points that no test shows. */
export const missingPoints = (shown: readonly ShownPoint[]): number[] =>
  shown
    .filter(({ point, tests }) => (tests.length === 0) !== notOurs.has(point.number))
    .map(({ point }) => point.number)

const preface = `# XEP-0281, point by point

What [XEP-0281](https://xmpp.org/extensions/xep-0281.html) 0.2 asks, how its slips are read, and the tests that show it; E1 to E25 are its
examples in their order. Made by \`npm run conformance\` from the titles of the tests and test/conformance/dmuc/points.md. Tests in
\`peers/foreign\` meet a second implementation that was written from the text alone.

| Point | Examples | The text | The reading | Shown by |
|---|---|---|---|---|
`

export const pointsDocument = (shown: readonly ShownPoint[]): string => `${preface}${shown.map(rowOf).join('\n')}\n`

const most = 3

function rowOf({ point, tests, peers }: ShownPoint): string {
  const named = tests.slice(0, most).map(nameOf)
  const more = tests.length > most ? ['and more'] : []
  const shown = [...named, ...more, ...peers.slice(0, 1).map(nameOf)].join('<br>') || '—'
  const examples = point.examples.map((number) => `E${number}`).join(' ')
  return `| ${point.number} | ${examples} | ${point.text} | ${point.reading} | ${shown} |`
}

function nameOf({ file, path }: Titled): string {
  const name = file.replace('conformance/dmuc/', '')
  const title = (path.at(-1) ?? '').replace(/^…: /, '')
  return `${name}: ${title.replaceAll('|', '\\|').replaceAll('<', '&lt;')}`
}
