/**
 * Which IP addresses a record from somebody else's DNS may send us to. Private, loopback, link-local, unspecified and
 * multicast ones would let a stranger point us at our own network (RFC 6890's special-purpose registries).
 */
import { BlockList, isIP } from 'node:net'

/** Apart, as a rule for IPv4 inside IPv6 would hold for all of IPv4. */
const special4 = new BlockList()
const special6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special4.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  // Also holds `::`, `::1` and the deprecated IPv4-compatible addresses.
  ['::', 96],
  // IPv4 inside IPv6: nothing on the wire has such an address.
  ['::ffff:0:0', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const)
  special6.addSubnet(network, prefix, 'ipv6')

/** NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056): the IPv4 address that stands inside decides. */
const nat64 = new BlockList()
nat64.addSubnet('64:ff9b::', 96, 'ipv6')
const sixToFour = new BlockList()
sixToFour.addSubnet('2002::', 16, 'ipv6')

/** False also for what is no address at all. A zone (`%eth0`) makes an address link-local. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !special4.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  if (special6.check(address, 'ipv6')) return false
  const groups = groupsOf(address)
  if (nat64.check(address, 'ipv6')) return isPublicAddress(dotted(groups[6]!, groups[7]!))
  if (sixToFour.check(address, 'ipv6')) return isPublicAddress(dotted(groups[1]!, groups[2]!))
  return true
}

/** The eight groups of a valid IPv6 address; the WHATWG URL parser writes every form in hexadecimal. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const numbers = (text: string | undefined): number[] =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []
  const before = numbers(head)
  const after = numbers(tail)
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

const dotted = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`

/** The address of an XMPP domain that is an IP literal (RFC 7622 §3.2: IPv6 stands in brackets), or undefined. */
export function ipLiteral(domain: string): string | undefined {
  const bare = domain.startsWith('[') && domain.endsWith(']') ? domain.slice(1, -1) : domain
  return isIP(bare) === 0 || (isIP(bare) === 6 && bare === domain) ? undefined : bare
}
