/** A pipe to one peer. TCP, TLS, WebSocket and BOSH look alike from above. */

import type { Element } from '../xml/element.js'
import type { Channel } from './channel-binding.js'

/** Facts about an established TLS layer. */
export interface TlsInfo {
  readonly protocol: string
  readonly cipher: string
  /** The peer's certificate in DER with its chain's verdict, where it sent one. */
  readonly peer:
    | {
        readonly certificate: Buffer
        /** SHA-256 of its public key, in hexadecimal. */
        readonly pin: string
        readonly trusted: boolean
        readonly reason: string | undefined
        /** Its dNSName entries, wildcards among them. */
        readonly subjectAltNames: readonly string[]
        /** Domains in SRVName and xmppAddr entries. */
        readonly xmppNames: readonly string[]
        readonly validTo: string
        /** When it ends, or before that another of its chain: milliseconds since the epoch. */
        readonly validUntil: number
      }
    | undefined
  readonly alpn: string | undefined
}

export interface TransportHandler {
  /** Bytes of a stream transport; a whole text frame of a WebSocket or of BOSH. */
  data(chunk: Uint8Array | string): void
  /** In place of `data`, from a transport that has parsed the frame within the limits of a stream: its element, and what it took. */
  parsed?(frame: Element, bytes: number): void
  /** The peer has proved who it is: of one that has not, no long frame is kept while it arrives. */
  readonly authenticated?: boolean
  /** One that has not sent too much, in frames that are whole or not: end this. */
  tooMuch?(): void
  /** Once, and last. `error` where it did not end cleanly. */
  closed(error?: Error): void
}

export interface Transport {
  readonly kind: 'tcp' | 'websocket' | 'bosh'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  /** The TLS layer, if there is one now. */
  readonly tls: TlsInfo | undefined
  /** What authentication can be bound to; undefined where there is no TLS, or it ends elsewhere. */
  readonly channel?: Channel | undefined
  /** Set before the first data arrives; may be set anew (after STARTTLS it stays). */
  handler: TransportHandler
  /** Queues text; everything queued in one turn of the event loop leaves in one write (one frame each for WebSocket and BOSH). */
  write(text: string): void
  /** Bytes queued and not taken by the kernel yet. */
  readonly backlog: number
  /** Stops and resumes reading. */
  pause(): void
  resume(): void
  /** Flushes what is queued and then ends; closes hard after `deadlineMs` (default 5000). */
  end(deadlineMs?: number): void
  /** Closes at once. */
  destroy(): void
}

/** What STARTTLS needs: a TCP transport that can put TLS under itself. */
export interface UpgradableTransport extends Transport {
  /** Flushes first. Bytes that arrived before the handshake are never given to the handler. Rejects when the handshake fails. */
  startTls(options: { readonly server: boolean; readonly serverName?: string }): Promise<TlsInfo>
}
