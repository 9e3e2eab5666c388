/**
 * `npm run bench -- --growth`: what each unit of work costs while rooms, archives, connections or servers grow, one SVG chart a
 * series. With `--only NAME` that series alone; `--write` puts the charts and their page into docs; without it, figures are printed.
 */
import { fileURLToPath } from 'node:url'
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
  const sections = []
  for (const { name, title, xTitle, yTitle, points, y, measure } of chosen) {
    say(`${title}: ${yTitle}`)
    const measured = []
    for (const x of points) {
      const figures = await measure(x, certificate)
      if (figures.fault === undefined) {
        measured.push({ x, y: y(figures) })
        say(`  ${x.toLocaleString('en')} ${xTitle}: ${shown(figures)}`)
      } else {
        good = false
        say(`  ${x.toLocaleString('en')} ${xTitle}: ${figures.fault}`)
      }
    }
    if (measured.length === 0) continue
    if (write) put(docs(`growth/${name}.svg`), chart({ title, xTitle, yTitle, points: measured }))
    sections.push(`## ${title}\n\n![${title}: ${yTitle}, by ${xTitle}](growth/${name}.svg)\n`)
  }
  if (write && only.length === 0) put(docs('growth.md'), page(about, sections))
  return good
}

const page = (about, sections) => `# How it grows

Written by \`npm run bench -- --growth --write\`; do not edit. One run for each point, on a fresh server; the x axis is in powers of
ten, so flat is what work per unit should be.

${about.map((line) => `- ${line}`).join('\n')}

${sections.join('\n')}`
