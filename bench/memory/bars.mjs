/** Bars as SVG, one below the other, the longest as wide as there is room. Readable on light and dark pages. */

const width = 640
const labels = 270
const longest = 290
const rowHeight = 22
const top = 40

const escaped = (content) => content.replace(/&/g, '&amp;').replace(/</g, '&lt;')

/** @param {{ title: string, rows: readonly (readonly [label: string, value: number, shown: string])[] }} chart no value is below 0 */
export function bars({ title, rows }) {
  const scale = longest / Math.max(...rows.map(([, value]) => value), Number.MIN_VALUE)
  const lines = rows.map(([label, value, shown], at) => {
    const y = top + at * rowHeight
    const long = (value * scale).toFixed(1)
    return `<text x='${labels - 10}' y='${y + 12}' text-anchor='end'>${escaped(label)}</text><rect x='${labels}' y='${y}' width='${long}' height='16' rx='2'/><text x='${(labels + value * scale + 6).toFixed(1)}' y='${y + 12}' class='value'>${escaped(shown)}</text>`
  })
  const height = top + rows.length * rowHeight + 10
  return `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${width} ${height}' width='${width}' height='${height}' role='img'>
<title>${escaped(title)}</title>
<style>text{font:12px sans-serif;fill:#6b7280}.title{font-weight:600;font-size:14px}.value{fill:#3b82f6}rect{fill:#3b82f6}</style>
<text x='10' y='22' class='title'>${escaped(title)}</text>
${lines.join('\n')}
</svg>
`
}
