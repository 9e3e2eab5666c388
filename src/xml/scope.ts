/** What prefixes mean at one place of a document (Namespaces in XML 1.0). Immutable; most elements share their parent's. */
import { XmlError } from './xml-error.js'

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

export class Scope {
  /** Of names without a prefix; empty for none. */
  readonly defaultNamespace: string
  readonly #prefixes: ReadonlyMap<string, string>

  constructor(defaultNamespace = '', prefixes: ReadonlyMap<string, string> = new Map([['xml', xmlNamespace]])) {
    this.defaultNamespace = defaultNamespace
    this.#prefixes = prefixes
  }

  /** The scope of an element with these attributes in this one. Throws XmlError where a declaration breaks a rule. */
  within(names: readonly string[], values: readonly string[]): Scope {
    let scope: Scope = this
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (name === 'xmlns') scope = scope.#withDefault(values[i]!)
      else if (name.startsWith('xmlns:')) scope = scope.#withPrefix(name.slice('xmlns:'.length), values[i]!)
    }
    return scope
  }

  /** Throws XmlError where the prefix is not bound. */
  namespaceOf(prefix: string): string {
    const namespace = this.#prefixes.get(prefix)
    if (namespace === undefined) throw new XmlError('not-well-formed', 'a prefix that is bound to nothing')
    return namespace
  }

  #withDefault(namespace: string): Scope {
    if (namespace === this.defaultNamespace) return this
    if (namespace === xmlNamespace || namespace === xmlnsNamespace)
      throw new XmlError('not-well-formed', 'a reserved namespace as the default')
    return new Scope(namespace, this.#prefixes)
  }

  #withPrefix(prefix: string, namespace: string): Scope {
    if (this.#prefixes.get(prefix) === namespace) return this
    const reserved = prefix === 'xml' || prefix === 'xmlns'
    if (reserved || namespace === '' || namespace === xmlNamespace || namespace === xmlnsNamespace)
      throw new XmlError('not-well-formed', 'a prefix that must not be declared so')
    return new Scope(this.defaultNamespace, new Map(this.#prefixes).set(prefix, namespace))
  }
}
