/** Delayed delivery (XEP-0203): when a stanza was first sent, and who kept it. */
import { child, type Element, xml } from '../xml/element.js'
import { parseDateTime, writeDateTime } from './date-time.js'
import { ns } from './namespaces.js'

export interface Delay {
  /** Milliseconds since the Unix epoch. */
  readonly stampMs: number
  /** The JID of who delayed it. */
  readonly from?: string
  /** For people. */
  readonly reason?: string
}

export const writeDelay = ({ stampMs, from, reason }: Delay): Element =>
  xml('delay', { xmlns: ns.delay, from, stamp: writeDateTime(stampMs) }, reason)

/** The first `<delay/>` of a stanza; undefined where there is none or its stamp cannot be read. */
export function readDelay(stanza: Element): Delay | undefined {
  const element = child(stanza, 'delay', ns.delay)
  const stampMs = element && parseDateTime(String(element.attrs.stamp))
  if (element === undefined || stampMs === undefined) return undefined
  return { stampMs, from: element.attrs.from, reason: element.getText() || undefined }
}
