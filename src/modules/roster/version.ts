/**
 * The version of a roster (RFC 6121 §2.6): a digest of what the user sees of it. So it needs no place of its own on the disk, and two
 * servers that have the same roster after a restore say the same.
 */
import { createHash } from 'node:crypto'
import type { RosterItem } from '../../store/store.js'
import { itemElement } from './item.js'

/** Of the items that are listed, whatever their order. */
export function versionOf(items: readonly RosterItem[]): string {
  const lines = items.map((item) => itemElement(item).toString()).sort()
  return createHash('sha256').update(lines.join('\n')).digest('base64url').slice(0, 22)
}
