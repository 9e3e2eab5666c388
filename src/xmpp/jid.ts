/**
 * XMPP addresses (RFC 7622). A `Jid` is prepared when it is made, never changes, and is compared by its string. JIDs are
 * parsed for every stanza, so plain ASCII ones take a short way, and the latest are remembered.
 */
import { Recent } from '../util/recent.js'
import { prepareDomain } from './domain.js'
import { opaqueString, usernameCaseMapped } from './precis.js'
import { StanzaError } from './stanza-error.js'

/** Bytes of UTF-8 in each part (RFC 7622 §3.1). */
const maxPartBytes = 1023
/** Longer texts are not worth the work: each part would be too long, unless nearly all of it were mapped away. */
const maxTextLength = 3 * maxPartBytes + 2

/** ASCII that only has to be lower-cased: none of the excluded characters, no hyphens that IDNA reserves. */
const plain =
  /^(?:([A-Za-z0-9!#$%()*+,\-.;=?[\\\]^_`{|}~]+)@)?([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:\.[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)*)(?:\/([!-~][ -~]*))?$/
/** Longer ones are not remembered. */
const maxRecentLength = 256
/** No label of a shorter name is too long for DNS. */
const maxPlainDomain = 63

export class Jid {
  /** '' where there is none. */
  readonly local: string
  readonly domain: string
  /** '' where there is none. */
  readonly resource: string
  readonly #text: string
  #bare: Jid | undefined

  private constructor(local: string, domain: string, resource: string) {
    this.local = local
    this.domain = domain
    this.resource = resource
    const bare = local === '' ? domain : `${local}@${domain}`
    this.#text = resource === '' ? bare : `${bare}/${resource}`
  }

  /** Throws StanzaError `jid-malformed`. */
  static parse(text: string): Jid {
    const known = recent.get(text)
    if (known !== undefined) return known
    const jid = Jid.#parsePlain(text) ?? Jid.#parseAny(text)
    if (text.length <= maxRecentLength) recent.set(text, jid)
    return jid
  }

  /** Undefined for what is no JID. */
  static tryParse(text: string | undefined): Jid | undefined {
    if (text === undefined) return undefined
    try {
      return Jid.parse(text)
    } catch {
      return undefined
    }
  }

  /** Prepares the parts; an empty local or resource means none. Throws StanzaError `jid-malformed`. */
  static of(local: string, domain: string, resource = ''): Jid {
    const text = `${local === '' ? '' : `${local}@`}${domain}${resource === '' ? '' : `/${resource}`}`
    const plainly = Jid.#parsePlain(text)
    // Otherwise a part holds what parts are divided by.
    if (plainly?.local.length === local.length && plainly.domain.length === domain.length) return plainly
    return new Jid(
      local === '' ? '' : prepared('localpart', local, prepareLocal),
      prepared('domainpart', domain, prepareDomain),
      resource === '' ? '' : prepared('resourcepart', resource, prepareResource),
    )
  }

  static #parsePlain(text: string): Jid | undefined {
    if (text.length > maxPartBytes) return undefined
    const match = plain.exec(text)
    const domain = match?.[2]
    if (domain === undefined || domain.length > maxPlainDomain) return undefined
    return new Jid(match?.[1]?.toLowerCase() ?? '', domain.toLowerCase(), match?.[3] ?? '')
  }

  static #parseAny(text: string): Jid {
    if (text.length > maxTextLength) throw malformed('the JID is too long')
    const slash = text.indexOf('/')
    const bare = slash === -1 ? text : text.slice(0, slash)
    const at = bare.indexOf('@')
    if (at === 0) throw malformed('the localpart is empty')
    if (slash === text.length - 1) throw malformed('the resourcepart is empty')
    return Jid.of(bare.slice(0, Math.max(0, at)), bare.slice(at + 1), slash === -1 ? '' : text.slice(slash + 1))
  }

  get isBare(): boolean {
    return this.resource === ''
  }

  get isFull(): boolean {
    return this.resource !== ''
  }

  bare(): Jid {
    if (this.resource === '') return this
    this.#bare ??= new Jid(this.local, this.domain, '')
    return this.#bare
  }

  /** Prepares the resource, which must not be empty. Throws StanzaError `jid-malformed`. */
  withResource(resource: string): Jid {
    return new Jid(this.local, this.domain, prepared('resourcepart', resource, prepareResource))
  }

  equals(other: Jid): boolean {
    return this.#text === other.#text
  }

  toString(): string {
    return this.#text
  }

  toJSON(): string {
    return this.#text
  }
}

/** RFC 7622 §3.3.1: not all that the profile allows may stand before the `@`. */
function prepareLocal(text: string): string | undefined {
  const local = usernameCaseMapped(text)
  return local === undefined || /["&'/:<>@]/.test(local) ? undefined : local
}

/**
 * COMPAT: what keyboards put after and between emoji, which RFC 8264 refuses and resourceprep removed: without it a nick is the same here
 * and at servers of RFC 6122 (docs/jids.md). Anywhere else these characters are refused, as the class has it.
 */
const howEmojiLook =
  /(?<=[0-9#*])\ufe0f(?=\u20e3)|(?<=(?![0-9#*])\p{Emoji})[\ufe0e\ufe0f]|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})/gu

/**
 * RFC 7622 §3.5, example 18: no space at the beginning. The profile itself would let it pass; two nicks that look alike
 * are worth the refusal.
 */
function prepareResource(text: string): string | undefined {
  const resource = opaqueString(text.replace(howEmojiLook, ''))
  return resource?.startsWith(' ') ? undefined : resource
}

function prepared(name: string, text: string, prepare: (text: string) => string | undefined): string {
  if (text.length > maxTextLength) throw malformed(`the ${name} is too long`)
  const part = prepare(text)
  if (part === undefined || part === '') throw malformed(`the ${name} is not valid`)
  if (Buffer.byteLength(part) > maxPartBytes) throw malformed(`the ${name} is too long`)
  return part
}

const malformed = (text: string): StanzaError => new StanzaError('jid-malformed', { text })

/** The latest JIDs by their text. */
const recent = new Recent<string, Jid>(8192)
