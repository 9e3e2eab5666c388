/** Types of channel binding (RFC 5056) that we know, and how they are announced (XEP-0440). */
import type { Xep } from '../xmpp/xep.js'

export const channelBindingXep: Xep = { number: 440, version: '1.0.0', test: 'server/channel-binding.test.ts' }

/** The strongest first: `tls-exporter` (RFC 9266), `tls-server-end-point` (RFC 5929 §4). */
export const bindingTypes = ['tls-exporter', 'tls-server-end-point'] as const

export type BindingType = (typeof bindingTypes)[number]

/** Undefined for a type that we do not know. */
export const asBindingType = (name: string): BindingType | undefined => bindingTypes.find((type) => type === name)

/**
 * COMPAT slixmpp 1.8: binds by this type under TLS 1.3, where it is not defined (RFC 8446 appendix C.5), and sends its password by PLAIN
 * where that is refused. It is never announced, and as good as others there: the client's Finished message stands for all of the
 * handshake (docs/decisions/0016).
 */
export const unannounced = 'tls-unique'
export type UsableBinding = BindingType | typeof unannounced
