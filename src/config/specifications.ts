/** All that the server implements: what the modules declare, and what is declared beside streams, federation and the formats. */
import { hostMetaXep } from '../net/host-meta.js'
import { channelBindingXep } from '../sasl/channel-binding.js'
import { downgradeProtectionXep } from '../sasl/downgrade-protection.js'
import type { Module } from '../server/module.js'
import { dialbackKeysXep } from '../stream/dialback.js'
import { externalXep } from '../stream/external.js'
import { limitsXep } from '../stream/limits.js'
import { dataFormXeps } from '../xmpp/data-form.js'
import { dateTimeXep } from '../xmpp/date-time.js'
import { jidEscapingXep } from '../xmpp/jid-escaping.js'
import { resultSetXep } from '../xmpp/result-set.js'
import type { Xep } from '../xmpp/xep.js'
import { extensions } from './extensions.js'
import { xepNames } from './xep-names.js'

/** RFCs whose protocols are spoken, by number. */
export const rfcs: readonly number[] = [5802, 6120, 6121, 6455, 7395, 7590, 7622, 7677, 8305, 9525]

const outsideModules: readonly Xep[] = [
  ...dataFormXeps,
  resultSetXep,
  dateTimeXep,
  jidEscapingXep,
  externalXep,
  dialbackKeysXep,
  limitsXep,
  channelBindingXep,
  downgradeProtectionXep,
  hostMetaXep,
  ...Object.values(extensions).flatMap(({ xeps }) => xeps),
]

/** One XEP, whatever number of parts make it up. */
export interface Specification {
  readonly number: number
  readonly name: string
  readonly version: string
  /** Without something that concerns a server: `partial`. */
  readonly status: 'complete' | 'partial'
  readonly without: readonly string[]
  /** Below test/. */
  readonly tests: readonly string[]
  readonly features: readonly string[]
}

/** By number. Throws Error where two parts declare different versions of one XEP, or it has no name in xep-names.ts. */
export function specifications(modules: readonly Module[]): Specification[] {
  const declared = [...outsideModules, ...modules.flatMap(({ xeps }) => xeps ?? [])]
  const numbers = [...new Set(declared.map(({ number }) => number))].sort((a, b) => a - b)
  return numbers.map((number) => specification(declared.filter((xep) => xep.number === number)))
}

function specification(parts: readonly Xep[]): Specification {
  const { number, version } = parts[0]!
  const other = parts.find((part) => part.version !== version)
  if (other !== undefined) throw new Error(`XEP ${number} is declared as ${version} and as ${other.version}`)
  const name = xepNames[number]
  if (name === undefined)
    throw new Error(`XEP ${number} is declared and has no name: add it to src/config/xep-names.ts`)
  const without = parts.flatMap((part) => part.without ?? [])
  return {
    number,
    name,
    version,
    status: without.length === 0 ? 'complete' : 'partial',
    without,
    tests: [...new Set(parts.map(({ test }) => test))],
    features: [...new Set(parts.flatMap(({ features }) => features ?? []))],
  }
}

/** `XEP-0045` of 45 is `0045`. */
export const fourDigits = (number: number): string => String(number).padStart(4, '0')

const link = (digits: string): string => `[${digits}](https://xmpp.org/extensions/xep-${digits}.html)`

const [tableStart, tableEnd] = ['<!-- node dist/config/write-reference.js -->', '<!-- end -->']

/** README.md with its table of XEPs made anew. Throws Error where it has no place for one. */
export function withXepTable(readme: string, modules: readonly Module[]): string {
  const [start, end] = [readme.indexOf(tableStart), readme.indexOf(tableEnd)]
  if (start === -1 || end < start) throw new Error(`README.md has no lines "${tableStart}" and "${tableEnd}"`)
  const all = specifications(modules)
  const rows = all.map(
    ({ number, name, version, status }) => `| ${link(fourDigits(number))} | ${name} | ${version} | ${status} |`,
  )
  const summary = `<summary>${all.length} XEPs: number, version, status</summary>`
  const table = ['| XEP | | Version | Status |', '|---|---|---|---|', ...rows].join('\n')
  return `${readme.slice(0, start)}${tableStart}\n<details>${summary}\n\n${table}\n\n</details>\n${readme.slice(end)}`
}

/** docs/xeps.md. */
export function xepTable(modules: readonly Module[]): string {
  const rows = specifications(modules).map(({ number, name, version, status, without, tests }) => {
    const digits = fourDigits(number)
    const state = status === 'complete' ? status : `${status}: without ${without.join('; ')}`
    return `| ${link(digits)} | ${name} | ${version} | ${state} | ${tests.join('<br>')} |`
  })
  return `# XEPs

What is implemented of the [extensions of XMPP](https://xmpp.org/extensions/), the version that it was held against, and the tests
(below test/) that show it. Made from what each part declares, by \`node dist/config/write-reference.js\`; the same for programs is
[doap.xml](doap.xml).

| XEP | | Version | Status | Shown by |
|---|---|---|---|---|
${rows.join('\n')}
`
}
