/**
 * XEP-0114: a component of its own process behind one of our domains. It gets every stanza to that domain; while it is not connected,
 * whoever waits for an answer is told so. `src/server/component-listener.ts` is where it connects.
 */
import { type ComponentOutlet, type ComponentPlace, componentService } from '../server/component-gateway.js'
import type { Module } from '../server/module.js'
import type { Element } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'

const conflictWords = ['kick_new', 'kick_old'] as const

export const component: Module = {
  name: 'component',
  xeps: [
    {
      number: 114,
      version: '1.6',
      without: 'connections that the server makes (jabber:component:connect)',
      test: 'dialogue/component.test.ts',
    },
  ],
  hosts: ['external'],
  options: {
    component_secret: {
      type: 'string',
      default: '',
      doc: 'What an external component (`type = "external"`, XEP-0114) proves that it knows when it connects to `component_ports`: a long random text, another one for each component.',
    },
    component_conflict_resolve: {
      type: 'string',
      default: 'kick_new',
      doc: 'When a component connects that is connected already: `"kick_new"` refuses it with `conflict`, `"kick_old"` gives it the place and ends the older connection.',
      check: (value) => (conflictWords.some((word) => word === value) ? undefined : 'be one of "kick_new", "kick_old"'),
    },
  },
  setup(host) {
    const { component_secret, component_conflict_resolve } = host.options
    const place = new Place(String(component_secret), component_conflict_resolve === 'kick_old')
    host.offer(componentService, place)
    return [{ kind: 'component', handler: (stanza) => place.deliver(stanza) }]
  },
}

class Place implements ComponentPlace {
  readonly secret: string
  readonly #replaces: boolean
  #outlet: ComponentOutlet | undefined

  constructor(secret: string, replaces: boolean) {
    this.secret = secret
    this.#replaces = replaces
  }

  get connected(): boolean {
    return this.#outlet !== undefined
  }

  attach(outlet: ComponentOutlet): void {
    const older = this.#outlet
    if (older !== undefined && !this.#replaces)
      throw new StreamError('conflict', 'this component is connected already (component_conflict_resolve)')
    this.#outlet = outlet
    older?.replaced()
  }

  detach(outlet: ComponentOutlet): void {
    if (this.#outlet === outlet) this.#outlet = undefined
  }

  deliver(stanza: Element): void {
    if (this.#outlet !== undefined) this.#outlet.send(stanza)
    else if (wantsAnswer(stanza))
      throw new StanzaError('service-unavailable', { type: 'wait', text: 'The component is not connected' })
  }
}

/** Who is there, or asks something, is to know that nobody hears it. */
function wantsAnswer({ name, attrs: { type } }: Element): boolean {
  if (name === 'iq') return type === 'get' || type === 'set'
  return name === 'message' ? type !== 'error' : type === undefined
}
