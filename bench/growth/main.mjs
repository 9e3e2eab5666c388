/**
 * `npm run bench -- --growth`: what each unit of work costs while rooms, archives, connections or servers grow, one SVG chart a
 * series. With `--only NAME` that series alone; `--write` puts the charts and their page into docs; without it, figures are printed.
 */
import { fileURLToPath } from 'node:url'
import { putSections } from '../sections.mjs'
import { put } from '../servers/process.mjs'
import { chart } from './chart.mjs'
import { series } from './series.mjs'

const docs = (path) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url))
const shown = (figures) =>
  Object.entries(figures)
    .filter(([, value]) => typeof value === 'number')
    .map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`)
    .join(', ')

/**
 * @param {{ only: readonly string[], write: boolean, say: (text: string) => void, certificate: object, about: readonly string[] }} options
 * @returns {Promise<boolean>} whether every run was good
 */
export async function grow({ only, write, say, certificate, about }) {
  const chosen = series.filter(({ name }) => only.length === 0 || only.includes(name))
  let good = true
  const sections = new Map()
  for (const { name, title, xTitle, yTitle, points, y, measure } of chosen) {
    say(`${title}: ${yTitle}`)
    const measured = []
    const startedAt = performance.now()
    for (const x of points) {
      const figures = await measure(x, certificate)
      if (figures.fault === undefined) {
        measured.push({ x, y: y(figures), figures })
        say(`  ${x.toLocaleString('en')} ${xTitle}: ${shown(figures)}`)
      } else {
        good = false
        say(`  ${x.toLocaleString('en')} ${xTitle}: ${figures.fault}`)
      }
    }
    if (measured.length === 0) continue
    if (write) put(docs(`growth/${name}.svg`), chart({ title, xTitle, yTitle, points: measured }))
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    say(`  in ${seconds} s`)
    const image = `![${title}: ${yTitle}, by ${xTitle}](growth/${name}.svg)`
    sections.set(title, `## ${title}\n\n${image}\n\n${table(xTitle, measured)}\n\n${about.join('; ')}; ${seconds} s.`)
  }
  const titles = series.map(({ title }) => title)
  if (write) putSections(docs('growth.md'), head, titles, sections)
  return good
}

/** All figures of all points. */
function table(xTitle, measured) {
  const keys = [...new Set(measured.flatMap(({ figures }) => Object.keys(figures)))]
  const cell = (value) => (value === undefined ? '' : Number(value.toPrecision(3)).toLocaleString('en'))
  const rows = measured.map(({ x, figures }) => [x.toLocaleString('en'), ...keys.map((key) => cell(figures[key]))])
  return [[xTitle, ...keys], ['--:', ...keys.map(() => '--:')], ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
}

const head = `# How it grows

Written by \`npm run bench -- --growth --write\`; do not edit. One run for each point, on a fresh server; the x axis is in powers of
ten, so flat is what work per unit should be. \`loopMs\` is the event loop's longest block in 99.9 % of its turns, \`loopMaxMs\` the longest
of all, as \`monitorEventLoopDelay\` has them: with one core for all threads of the server, what the disk's and V8's take of it counts, too.`
