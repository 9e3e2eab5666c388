/** What `dmucctl check` says: one sentence for each thing it looked at, and what to do where something is wrong. */

export interface Finding {
  /** `wrong` makes the command fail; `note` is worth knowing. */
  readonly is: 'good' | 'note' | 'wrong'
  readonly text: string
  readonly todo?: string
}

export const good = (text: string): Finding => ({ is: 'good', text })
export const note = (text: string, todo?: string): Finding => ({ is: 'note', text, ...(todo && { todo }) })
export const wrong = (text: string, todo: string): Finding => ({ is: 'wrong', text, todo })

const marks = { good: 'ok  ', note: 'note', wrong: 'BAD ' } as const

export function spellFindings(findings: readonly Finding[]): string {
  const lines = findings.map(
    ({ is, text, todo }) => `${marks[is]}  ${text}${todo === undefined ? '' : `\n      -> ${todo}`}`,
  )
  const bad = findings.filter(({ is }) => is === 'wrong').length
  return [...lines, bad === 0 ? 'Nothing is wrong.' : `${bad} ${bad === 1 ? 'thing is' : 'things are'} wrong.`].join(
    '\n',
  )
}
