/** What we use of two packages that bring no types. */

declare module '@xmpp/jid' {
  export function escapeLocal(local: string): string
  export function unescapeLocal(local: string): string
  export function detectEscape(local: string): boolean
}

declare module 'tr46' {
  export interface Options {
    readonly checkHyphens?: boolean
    readonly checkBidi?: boolean
    readonly checkJoiners?: boolean
    readonly useSTD3ASCIIRules?: boolean
    readonly verifyDNSLength?: boolean
    readonly transitionalProcessing?: boolean
  }
  export function toASCII(domain: string, options?: Options): string | null
  export function toUnicode(domain: string, options?: Options): { readonly domain: string; readonly error: boolean }
}
