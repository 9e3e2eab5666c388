/** Domainparts (RFC 7622 §3.2): internationalized domain names as U-labels, or literal IP addresses. */
import { isIPv4, isIPv6 } from 'node:net'
import { toASCII, toUnicode } from 'tr46'
import { isIdentifierClass } from './precis-class.js'

const strict = {
  checkHyphens: true,
  checkBidi: true,
  checkJoiners: true,
  useSTD3ASCIIRules: true,
  verifyDNSLength: true,
} as const

/** What every step leaves as it is, nearly always the case: letters, digits and hyphens in lower case, no A-label. Those steps take 25 µs. */
const plain =
  /^(?!.{254})(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * The name in lower case, A-labels turned into U-labels, without a final dot; undefined where it is no domain name. The
 * mapping is that of UTS #46; what it lets through beyond IDNA2008 (emoji, symbols) is refused.
 */
export function prepareDomain(text: string): string | undefined {
  if (plain.test(text)) return text
  if (text.startsWith('[')) {
    const address = text.slice(1, -1)
    return text.endsWith(']') && isIPv6(address) && !address.includes('%') ? text.toLowerCase() : undefined
  }
  if (isIPv4(text)) return text
  const name = text.replace(/[.\u3002\uff0e\uff61]$/, '')
  const ascii = toASCII(name, strict)
  if (ascii === null) return undefined
  const { domain, error } = toUnicode(ascii, strict)
  return error || !domain.split('.').every(isIdentifierClass) ? undefined : domain
}

/** The form for DNS, TLS and certificates: A-labels. `domain` is a prepared one. */
export const asciiDomain = (domain: string): string => (plain.test(domain) ? domain : (toASCII(domain) ?? domain))
