/**
 * The inside of a store thread: opens, answers what arrives, closes. Everything that arrived while the last requests were
 * being answered is answered together, which is what makes the writer's commits grow into groups under load.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Failure, failure } from './errors.js'
import { type Request, unpack } from './packing.js'
import type { Replies, Requests, ThreadData } from './protocol.js'

export interface Service<T> {
  /** One outcome for each request, in their order. Throwing ends the thread; the store then starts another. */
  answer(requests: readonly T[]): Outcome[]
  close(): void
}

export type Outcome = { readonly value: unknown } | { readonly failure: Failure }

/** Call once, from the entry file of a worker thread. */
export function serve<T extends Request>(open: (data: ThreadData) => Service<T>): void {
  const port = parentPort
  if (port === null) throw new Error('a store thread is started by openSqliteStore')
  const data: ThreadData = workerData
  let service: Service<T>
  try {
    service = open(data)
  } catch (error) {
    send(port, { type: 'refused', failure: failure(error, data.path) })
    port.close()
    return
  }
  port.on('message', (first: Requests) => {
    const { requests, closing } = drain<T>(port, first)
    if (requests.length > 0) send(port, answers(service.answer(requests)))
    if (!closing) return
    service.close()
    port.close()
  })
  send(port, { type: 'ready' })
}

function drain<T extends Request>(port: MessagePort, first: Requests): { requests: readonly T[]; closing: boolean } {
  const requests: T[] = []
  let next: Requests | undefined = first
  while (next !== undefined && next !== 'close') {
    unpack(next, requests)
    next = receiveMessageOnPort(port)?.message
  }
  return { requests, closing: next === 'close' }
}

function answers(outcomes: readonly Outcome[]): Replies {
  const values: unknown[] = []
  const failures: [number, Failure][] = []
  for (const [index, outcome] of outcomes.entries()) {
    if ('failure' in outcome) failures.push([index, outcome.failure])
    values.push('value' in outcome ? outcome.value : undefined)
  }
  return { type: 'answers', values, failures }
}

function send(port: MessagePort, replies: Replies): void {
  port.postMessage(replies)
}
