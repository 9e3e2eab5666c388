/** The grammar of the client's SCRAM messages (RFC 5802 §7). */
import { decodeBase64 } from './base64.js'

/** `gs2-cbind-flag`: no channel binding, the client could but the server did not offer it, or the type that is used. */
export type BindingFlag = { readonly type: 'n' | 'y' } | { readonly type: 'p'; readonly name: string }

export interface ClientFirst {
  readonly flag: BindingFlag
  /** '' where there is none. */
  readonly authzid: string
  readonly username: string
  readonly nonce: string
  /** As it was sent, to its second comma inclusive; comes back in `c=`. */
  readonly gs2Header: string
  /** All after the header: part of what is signed. */
  readonly bare: string
}

export interface ClientFinal {
  /** What `c=` holds: the gs2 header, and the channel's data where it is bound. */
  readonly binding: Buffer
  readonly nonce: string
  readonly proof: Buffer
  /** All before `,p=`: part of what is signed. */
  readonly withoutProof: string
}

const saslName = String.raw`(?:[^,=\0]|=2C|=3D)+`
const nonce = String.raw`[\x21-\x2b\x2d-\x7e]+`
/** Optional extensions, which we ignore; a mandatory one (`m=`) does not fit anywhere. */
const extensions = String.raw`(?:,[A-Za-ln-z]=[^,\0]+)*`
const first = new RegExp(
  `^((n|y|p=([A-Za-z0-9.-]+)),(?:a=(${saslName}))?,)(n=(${saslName}),r=(${nonce})${extensions})$`,
  'u',
)
const final = new RegExp(`^(c=([A-Za-z0-9+/=]+),r=(${nonce})${extensions}),p=([A-Za-z0-9+/=]+)$`, 'u')

/** Undefined for what does not follow the grammar. */
export function parseClientFirst(text: string): ClientFirst | undefined {
  const match = first.exec(text)
  if (match === null) return undefined
  const [, gs2Header, flag, binding, authzid, bare, username, clientNonce] = match as unknown as string[]
  return {
    flag: binding === undefined ? { type: flag === 'y' ? 'y' : 'n' } : { type: 'p', name: binding },
    authzid: unescapeName(authzid ?? ''),
    username: unescapeName(username!),
    nonce: clientNonce!,
    gs2Header: gs2Header!,
    bare: bare!,
  }
}

/** Undefined for what does not follow the grammar. */
export function parseClientFinal(text: string): ClientFinal | undefined {
  const [, withoutProof, binding, serverNonce, proof] = final.exec(text) ?? []
  const bindingData = decodeBase64(binding ?? '-')
  const proofData = decodeBase64(proof ?? '-')
  if (withoutProof === undefined || serverNonce === undefined) return undefined
  if (bindingData === undefined || proofData === undefined) return undefined
  return { binding: bindingData, nonce: serverNonce, proof: proofData, withoutProof }
}

const unescapeName = (name: string): string => name.replace(/=2C/g, ',').replace(/=3D/g, '=')
