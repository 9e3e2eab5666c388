/** XEP-0352: Client State Indication: a client that nobody looks at says so, and is spared what can wait (server/quiet-queue.ts). */
import type { Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import { type Element, xml } from '../xml/element.js'
import { StreamError } from '../xmpp/stream-error.js'
import { clientInactive } from './services.js'

const csiNs = 'urn:xmpp:csi:0'

export const clientState: Module = {
  name: 'csi',
  xeps: [{ number: 352, version: '1.0.0', test: 'dialogue/client-state.test.ts' }],
  hosts: ['user'],
  setup: () => [
    { kind: 'stream-feature', element: () => xml('csi', { xmlns: csiNs }) },
    { kind: 'element', ns: csiNs, handler: indicate },
    {
      kind: 'inline',
      ns: csiNs,
      enable(session, element) {
        indicate(session, element)
        return undefined
      },
    },
  ],
}

function indicate({ outbox, data }: Session, { name }: Element): void {
  if (name !== 'active' && name !== 'inactive') throw new StreamError('unsupported-stanza-type')
  outbox.setActive?.(name === 'active')
  data.set(clientInactive, name === 'inactive')
}
