/**
 * The admin socket's protocol: one JSON object on one line asks, one on one line answers, then the server closes. Only
 * the user who runs the server can open the socket (mode 0600, in a directory of mode 0700).
 */

export interface AdminRequest {
  readonly command: string
  readonly args: Readonly<Record<string, unknown>>
}

export type AdminReply =
  | { readonly ok: true; readonly text: string; readonly data?: unknown; readonly failed?: boolean }
  | { readonly ok: false; readonly error: string }

/** Bytes of the longest request. */
export const requestLimit = 64 * 1024

export const encode = (message: AdminRequest | AdminReply): string => `${JSON.stringify(message)}\n`

/** Undefined for what is no request. */
export function decodeRequest(line: string): AdminRequest | undefined {
  const value = parse(line)
  if (!isRecord(value) || typeof value.command !== 'string') return undefined
  return { command: value.command, args: isRecord(value.args) ? value.args : {} }
}

/** Undefined for what is no reply. */
export function decodeReply(line: string): AdminReply | undefined {
  const value = parse(line)
  if (!isRecord(value)) return undefined
  if (value.ok === true && typeof value.text === 'string')
    return { ok: true, text: value.text, data: value.data, ...(value.failed === true && { failed: true }) }
  if (value.ok === false && typeof value.error === 'string') return { ok: false, error: value.error }
  return undefined
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
