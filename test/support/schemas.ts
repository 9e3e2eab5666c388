/**
 * The schemas of XEP-0281 and of its extension (docs/schemas) as a test of whatever crosses a link: every element of their namespaces
 * must be declared, look as declared, and stand where it belongs.
 */
import { readFileSync } from 'node:fs'
import { XmlDocument, XmlValidateError, XsdValidator } from 'libxml2-wasm'
import { copy, type Element, elements } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { ns } from '../../src/xmpp/namespaces.js'

const files: ReadonlyMap<string, string> = new Map([
  [ns.dmuc, 'dmuc.xsd'],
  [ns.dmucSync, 'dmuc-sync.xsd'],
])
const validators = new Map<string, XsdValidator>()

function validatorOf(namespace: string): XsdValidator {
  let validator = validators.get(namespace)
  if (validator === undefined) {
    const url = new URL(`../../docs/schemas/${files.get(namespace)}`, import.meta.url)
    const schema = XmlDocument.fromString(readFileSync(url, 'utf8'))
    validator = XsdValidator.fromDoc(schema)
    schema.dispose()
    validators.set(namespace, validator)
  }
  return validator
}

/** Where the elements of both namespaces may stand in a stanza, and with which type of it. */
const places: Readonly<Record<string, readonly string[]>> = {
  'iq set': ['replicate', 'config', 'roster', 'peerhost', 'hello', 'claim', 'order', 'shared'],
  'iq get': ['room', 'occupants', 'pull', 'card', 'digest', 'restore', 'shared'],
  // A plain peer may put the history (E10) into <room/>.
  'iq result': ['accepted', 'room', 'hello', 'occupants', 'events', 'grant', 'card', 'digest', 'config', 'shared'],
  'message groupchat': ['event', 'ephemeral'],
  message: ['event', 'leave', 'ephemeral', 'head', 'heads'],
  presence: ['occupant'],
  'presence unavailable': ['occupant'],
}

/**
 * What is wrong with a stanza between two servers, or with a part of one, one line for each fault. Errors carry what was refused,
 * whatever it was.
 */
export function faults(stanza: Element): string[] {
  const { type } = stanza.attrs
  if (type === 'error') return []
  if (!['iq', 'message', 'presence'].includes(stanza.name)) return invalid(stanza, undefined)
  const kind = type === undefined ? stanza.name : `${stanza.name} ${type}`
  const misplaced = elements(stanza)
    .filter((node) => files.has(node.getNS() ?? '') && !places[kind]?.includes(node.name))
    .map((node) => `<${node.name}/> in a stanza of the kind "${kind}"`)
  return [...misplaced, ...invalid(stanza, undefined)]
}

/** Validates every topmost element of each namespace, wherever it stands. */
function invalid(element: Element, around: string | undefined): string[] {
  const namespace = element.getNS() ?? ''
  const own = files.has(namespace) && namespace !== around ? errorsOf(element, namespace) : []
  return [...own, ...elements(element).flatMap((child) => invalid(child, namespace))]
}

function errorsOf(element: Element, namespace: string): string[] {
  const document = XmlDocument.fromString(serialize(copy(element)))
  try {
    validatorOf(namespace).validate(document)
    return []
  } catch (error) {
    if (!(error instanceof XmlValidateError)) throw error
    return error.details.map(({ message }) => `docs/schemas/${files.get(namespace)}: ${message.trim()}`)
  } finally {
    document.dispose()
  }
}

/** What crossed the links of a test, to be looked at in the end. */
export class Traffic {
  readonly #stanzas = new Map<string, Element>()

  add(stanza: Element): void {
    const text = stanza.toString()
    if (text.includes(ns.dmuc) || text.includes(ns.dmucSync)) this.#stanzas.set(text, stanza)
  }

  /** Different stanzas with something of ours. */
  get size(): number {
    return this.#stanzas.size
  }

  /** Throws an Error that shows every stanza that is not as the schemas say. */
  check(): void {
    const wrong = [...this.#stanzas].flatMap(([text, stanza]) => {
      const found = faults(stanza)
      return found.length === 0 ? [] : [`${found.join('\n')}\nin ${text}`]
    })
    this.#stanzas.clear()
    if (wrong.length > 0)
      throw new Error(
        `not as docs/schemas declare it (what is new on the wire is declared there and told in docs/dmuc-sync.md):\n${wrong.join('\n\n')}`,
      )
  }
}
