/**
 * What streams can do beyond RFC 6120, and an operator may leave out: by the names in `modules_disabled`, which are those of Prosody's
 * modules where it has one.
 */
export const extensionNames = [
  'smacks',
  'sasl2',
  'sasl2_bind2',
  'sasl2_fast',
  'websocket',
  'bosh',
  'dialback',
  's2s_bidi',
  's2s_direct_tls',
] as const

export type Extension = (typeof extensionNames)[number]

/** Those that are left out. */
export type LeftOut = ReadonlySet<Extension>

export const nothing: LeftOut = new Set()
