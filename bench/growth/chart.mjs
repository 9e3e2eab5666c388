/** A line chart as SVG: x in powers of ten, y from 0. Readable on light and dark pages. */

const width = 640
const height = 260
const inner = { left: 64, right: 616, top: 44, bottom: 212 }

const text = (x, y, content, more = '') => `<text x='${x.toFixed(1)}' y='${y.toFixed(1)}' ${more}>${content}</text>`
const escaped = (content) => content.replace(/&/g, '&amp;').replace(/</g, '&lt;')

/** The least of 1, 2, 5 times a power of ten that is not below `value`. */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value)
}

/**
 * @param {{ title: string, xTitle: string, yTitle: string, points: readonly { x: number, y: number }[] }} chart points rise by x, which
 *   is above 0
 */
export function chart({ title, xTitle, yTitle, points }) {
  const [low, high] = [Math.log10(points[0].x), Math.log10(points.at(-1).x)]
  const top = niceCeiling(Math.max(...points.map(({ y }) => y), Number.MIN_VALUE))
  const xAt = (x) => inner.left + ((inner.right - inner.left) * (Math.log10(x) - low)) / (high - low || 1)
  const yAt = (y) => inner.bottom - ((inner.bottom - inner.top) * y) / top
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = yAt(top * share)
    const label = text(inner.left - 8, y + 4, Number((top * share).toPrecision(3)), "text-anchor='end'")
    return `<line x1='${inner.left}' x2='${inner.right}' y1='${y.toFixed(1)}' y2='${y.toFixed(1)}' class='grid'/>${label}`
  })
  const places = points.map(({ x, y }) => [xAt(x), yAt(y)])
  const line = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  const dots = places.map(([x, y], at) => {
    const value = Number(points[at].y.toPrecision(3))
    return `<circle cx='${x.toFixed(1)}' cy='${y.toFixed(1)}' r='4'/>${text(x, y - 10, value, "text-anchor='middle' class='value'")}`
  })
  const labels = points.map(({ x }) => text(xAt(x), inner.bottom + 18, x.toLocaleString('en'), "text-anchor='middle'"))
  return `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${width} ${height}' width='${width}' height='${height}' role='img'>
<title>${escaped(title)}</title>
<style>text{font:12px sans-serif;fill:#6b7280}.title{font-weight:600;font-size:14px}.value{fill:#3b82f6}.grid{stroke:#9ca3af;stroke-opacity:.35}polyline{fill:none;stroke:#3b82f6;stroke-width:2}circle{fill:#3b82f6}</style>
${text(inner.left, 20, escaped(title), "class='title'")}
${text(inner.left, 36, escaped(yTitle))}
${grid.join('\n')}
<polyline points='${line}'/>
${dots.join('\n')}
${labels.join('\n')}
${text((inner.left + inner.right) / 2, height - 12, escaped(xTitle), "text-anchor='middle'")}
</svg>
`
}
