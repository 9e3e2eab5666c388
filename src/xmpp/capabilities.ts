/** Entity capabilities (XEP-0115): the verification string of what service discovery tells, and the checks of §5.4. */
import { createHash } from 'node:crypto'
import { type Element, elements, xml } from '../xml/element.js'
import { formType, readForm } from './data-form.js'
import { ns } from './namespaces.js'

export const capsNs = 'http://jabber.org/protocol/caps'

/** The names that XEP-0300 has for what Node's crypto can compute; MD5 proves nothing. */
const algorithms: Readonly<Record<string, string>> = {
  'sha-1': 'sha1',
  'sha-256': 'sha256',
  'sha-512': 'sha512',
}

/**
 * The hash of an answer to disco#info (its `<query/>`), base64; undefined for one that is ill-formed (§5.4), and for an algorithm that is
 * not known.
 */
export function verification(query: Element, hash = 'sha-1'): string | undefined {
  const algorithm = Object.hasOwn(algorithms, hash) ? algorithms[hash] : undefined
  const text = verificationText(query)
  return algorithm === undefined || text === undefined ? undefined : createHash(algorithm).update(text).digest('base64')
}

function verificationText(query: Element): string | undefined {
  const told = elements(query)
  const identities = told
    .filter(({ name }) => name === 'identity')
    .map(({ attrs }) => [attrs.category, attrs.type, attrs['xml:lang'], attrs.name].map((each) => each ?? '').join('/'))
  const features = told.filter(({ name }) => name === 'feature').map(({ attrs }) => attrs.var ?? '')
  const forms = told.flatMap((node) => {
    const form = readForm(node)
    const types = form?.fields.find((field) => field.var === 'FORM_TYPE')
    return form === undefined || types?.type !== 'hidden' ? [] : [form]
  })
  const types = forms.map((form) => formType(form) ?? '')
  if ([identities, features, types].some((list) => new Set(list).size !== list.length)) return undefined
  const parts = [...sorted(identities), ...sorted(features)]
  for (const type of sorted(types)) {
    const { fields } = forms.find((form) => formType(form) === type)!
    if (new Set(fields.find((field) => field.var === 'FORM_TYPE')?.values).size > 1) return undefined
    const named = new Map(fields.map((field) => [field.var ?? '', field.values]))
    named.delete('FORM_TYPE')
    parts.push(type)
    for (const name of sorted([...named.keys()])) parts.push(name, ...sorted(named.get(name) ?? []))
  }
  return parts.map((part) => `${part}<`).join('')
}

/** By the bytes of UTF-8 (i;octet). */
const sorted = (texts: readonly string[]): string[] =>
  [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** `<c/>` of an entity whose node is `node`. */
export const capsElement = (node: string, ver: string): Element => xml('c', { xmlns: capsNs, hash: 'sha-1', node, ver })

/** What asks for the features behind `<c/>`. */
export const capsQuery = ({ attrs }: Element): Element =>
  xml('query', { xmlns: ns.discoInfo, node: `${attrs.node ?? ''}#${attrs.ver ?? ''}` })
