/** Reads XML that this server wrote itself; what came in was bounded already, so the limits are only a last line. */
import type { Element } from '../xml/element.js'
import { parseDocument } from '../xml/reader.js'

const limits = { stanzaBytes: 4 * 1024 * 1024, depth: 256, attributes: 1000 }

/** Throws XmlError if what was stored is damaged. */
export const readStored = (text: string): Element => parseDocument(text, limits, '')
