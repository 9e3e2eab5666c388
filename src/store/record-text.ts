/** What can be searched in a record of an archive: the bodies of a message, or the text of a subject. */
import { elements } from '../xml/element.js'
import { parseDocument } from '../xml/reader.js'

const namespace = 'jabber:client'
const limits = { stanzaBytes: 16 * 1024 * 1024, depth: 256, attributes: 1024 }

/**
 * From the JSON body of a record: its member `content`, child elements of a message as XML, and its member `text`. '' where there
 * is neither, and for what cannot be read.
 */
export function recordText(body: string): string {
  if (body === '') return ''
  try {
    const { content, text } = JSON.parse(body)
    if (typeof text === 'string') return text
    return typeof content === 'string' && content.includes('<body') ? bodiesOf(content) : ''
  } catch {
    return ''
  }
}

const bodiesOf = (content: string): string =>
  elements(parseDocument(`<x xmlns='${namespace}'>${content}</x>`, limits, namespace))
    .filter((element) => element.name === 'body' && element.attrs.xmlns === undefined)
    .map((element) => element.getText())
    .join('\n')
