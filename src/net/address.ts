/** How an IP address of a socket reads. */
import { isIP } from 'node:net'

/** IPv4 as itself, also where a dual-stack socket shows it inside IPv6. */
export const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '')

/** 127.0.0.0/8 and ::1. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
