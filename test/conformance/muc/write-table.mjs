// `npm run conformance`: writes docs/muc.md, docs/rfcs.md and docs/xep-0281.md anew, and says what no test shows.
import { writeFileSync } from 'node:fs'
import '../../support/typescript.mjs'

const { document, gaps, match, readChapters, strays } = await import('./table.ts')
const { allTests } = await import('./titles.ts')
const rfcs = await import('../rfcs/table.ts')
const { missingPoints, pointsDocument, showPoints } = await import('../dmuc/table.ts')

const chapters = readChapters()
const tests = allTests()
const shown = match(chapters, tests)
writeFileSync(new URL('../../../docs/muc.md', import.meta.url), document(chapters, shown))
const missing = gaps(shown)
for (const line of [...missing, ...strays(chapters, tests)]) console.log(line)
console.log(`docs/muc.md: ${shown.length} rules, ${missing.length} that no test shows`)

const asked = rfcs.match(rfcs.readClauses(), tests)
writeFileSync(new URL('../../../docs/rfcs.md', import.meta.url), rfcs.document(asked))
const untested = rfcs.gaps(asked)
for (const line of untested) console.log(line)
console.log(`docs/rfcs.md: ${asked.length} rules, ${untested.length} that no test shows`)

const points = showPoints()
writeFileSync(new URL('../../../docs/xep-0281.md', import.meta.url), pointsDocument(points))
console.log(`docs/xep-0281.md: ${points.length} points, without a test: ${missingPoints(points).join(', ') || 'none'}`)
