/**
 * What prefixes mean where the reader stands (Namespaces in XML 1.0). One table for the whole document: an element binds as it begins, and
 * what it bound is taken back as it ends. So it costs what is declared there, however much is declared around it.
 */
import { XmlError } from './xml-error.js'

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'
const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/'

/** What stood before an element's declarations, in their order; the prefix of the default namespace is empty. */
export type Declared = readonly (readonly [prefix: string, before: string | undefined])[]

const nothing: Declared = []

export class Scope {
  #defaultNamespace = ''
  readonly #prefixes = new Map([['xml', xmlNamespace]])

  /** Of names without a prefix; empty for none. */
  get defaultNamespace(): string {
    return this.#defaultNamespace
  }

  /** An element with these attributes begins. Returns what `leave` takes back. Throws XmlError where a declaration breaks a rule. */
  enter(names: readonly string[], values: readonly string[]): Declared {
    let declared: (readonly [string, string | undefined])[] | undefined
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      if (!name.startsWith('xmlns') || (name.length > 'xmlns'.length && name[5] !== ':')) continue
      const prefix = name.slice('xmlns:'.length)
      const before = prefix === '' ? this.#defaultNamespace : this.#prefixes.get(prefix)
      if (before === values[i]) continue
      this.#declare(prefix, values[i]!)
      declared ??= []
      declared.push([prefix, before])
    }
    return declared ?? nothing
  }

  leave(declared: Declared): void {
    for (let i = declared.length - 1; i >= 0; i--) {
      const [prefix, before] = declared[i]!
      if (prefix === '') this.#defaultNamespace = before ?? ''
      else if (before === undefined) this.#prefixes.delete(prefix)
      else this.#prefixes.set(prefix, before)
    }
  }

  /** Throws XmlError where the prefix is not bound. */
  namespaceOf(prefix: string): string {
    const namespace = this.#prefixes.get(prefix)
    if (namespace === undefined) throw new XmlError('not-well-formed', 'a prefix that is bound to nothing')
    return namespace
  }

  #declare(prefix: string, namespace: string): void {
    const isReserved = namespace === xmlNamespace || namespace === xmlnsNamespace
    if (prefix === '') {
      if (isReserved) throw new XmlError('not-well-formed', 'a reserved namespace as the default')
      this.#defaultNamespace = namespace
      return
    }
    if (prefix === 'xml' || prefix === 'xmlns' || namespace === '' || isReserved)
      throw new XmlError('not-well-formed', 'a prefix that must not be declared so')
    this.#prefixes.set(prefix, namespace)
  }
}
