/**
 * Plays a transcript to a room: `C:` what a client sends, `S:` what the room answers. The stanzas are those of the text of XEP-0045,
 * never built with our own writer. Per recipient the order counts; all of the answer must be there, unless it ends with `S: ...`.
 * Marks that other XEPs add (0359, 0421) are left out of the comparison; they have their own tests.
 */
import type { Delivery } from '../../../src/room/index.js'
import { copy, type Element } from '../../../src/xml/element.js'
import { Rendered } from '../../../src/xml/writer.js'
import { errorReply } from '../../../src/xmpp/stanza.js'
import { StanzaError } from '../../../src/xmpp/stanza-error.js'
import { parse, type Stage } from '../../room/stage.js'
import { mismatch } from '../../support/xml-match.js'

const added: ReadonlySet<string | undefined> = new Set(['urn:xmpp:sid:0', 'urn:xmpp:occupant-id:0'])

function addressed(deliveries: readonly Delivery[]): string[] {
  return deliveries.flatMap(({ to, stanza }) => {
    const plain: Element = copy(stanza)
    plain.children = plain.children.filter((child) => typeof child === 'string' || !added.has(child.getNS()))
    return to.map((jid) => new Rendered(plain).to(jid))
  })
}

function answers(stage: Stage, stanza: string): string[] {
  const result = stage.try(stanza)
  if (!(result instanceof StanzaError)) return addressed(result)
  const reply = errorReply(parse(stanza), result)
  if (reply === undefined) return []
  reply.children = reply.children.filter((child) => typeof child !== 'string' && child.name === 'error')
  for (const error of reply.getChildElements())
    error.children = error.children.filter((child) => typeof child !== 'string' && child.name !== 'text')
  return [reply.toString()]
}

const recipient = (text: string): string => String(parse(text).attrs.to)

/** Throws what is missing, different or too much. */
export function play(stage: Stage, transcript: string): void {
  let open: string[] = []
  let complete = true
  let sent = 0
  const finish = (): void => {
    if (complete && open.length > 0) throw new Error(`nobody expected:\n${open.join('\n')}`)
  }
  for (const [, side, text = ''] of transcript.matchAll(/^\s*([CS]):\s*([\s\S]*?)(?=^\s*[CS]:|$(?![\s\S]))/gm)) {
    if (side === 'C') {
      finish()
      sent++
      complete = true
      open = answers(stage, text.trim().replace(/^<(\w+)/, `<$1 xmlns='jabber:client'`))
    } else if (text.trim() === '...') complete = false
    else take(open, text.trim())
  }
  finish()
  if (sent === 0) throw new Error('the transcript says nothing')
}

/** The first that matches goes, and with it, none that the same recipient should have got before. */
function take(open: string[], expected: string): void {
  const differences: string[] = []
  const to = recipient(expected.replaceAll('{any}', 'any'))
  const index = open.findIndex((actual) => {
    if (recipient(actual) !== to) return false
    const difference = mismatch(actual, expected.replace(/>\s+</g, '><'))
    if (difference !== undefined) differences.push(`${difference} in ${actual}`)
    return difference === undefined
  })
  if (index < 0) throw new Error(`missing: ${expected}\n${differences.join('\n') || open.join('\n')}`)
  for (let earlier = index - 1; earlier >= 0; earlier--) if (recipient(open[earlier]!) === to) open.splice(earlier, 1)
  open.splice(
    open.findIndex((actual) => mismatch(actual, expected.replace(/>\s+</g, '><')) === undefined),
    1,
  )
}
