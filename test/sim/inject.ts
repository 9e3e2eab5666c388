/**
 * Faults that no server may have, put in from outside: with any of them a run has to fail. So that a run that finds nothing says
 * something.
 */
import { child, type Element, elements } from '../../src/xml/element.js'
import { ns } from '../../src/xmpp/namespaces.js'
import type { World } from './world.js'

/** The site that has the fault. */
const faulty = 1

const carries = (stanza: Element, ...names: readonly string[]): boolean =>
  elements(stanza).some(({ name }) => names.includes(name))

const isSaid = (stanza: Element): boolean => stanza.attrs.type === 'groupchat' && stanza.getChildText('body') !== null

export const injections: Readonly<Record<string, (world: World) => void>> = {
  /** What is said there reaches nobody else, however it is asked for. */
  'lose-a-relay': ({ network }) => {
    network.tamper = (stanza, from) =>
      from === faulty && carries(stanza, 'event', 'events', 'history') ? 'lose' : 'deliver'
  },
  /** Its people get everything that others say twice. */
  'double-a-relay': (world) => {
    world.door = (person, stanza) => (person.site === faulty && isSaid(stanza) ? 2 : 1)
  },
  /** What it missed it never gets. */
  'skip-a-pull': ({ network }) => {
    network.tamper = (stanza, _from, to) => {
      const page = to === faulty ? child(stanza, 'events', ns.dmucSync) : undefined
      if (page !== undefined) page.children = []
      return 'deliver'
    }
  },
  /** Every disk says that it is done before it has begun. */
  'ack-before-commit': ({ sites }) => {
    for (const { disk } of sites) disk.lies = true
  },
  /** What it says is another thing to one of the others, who takes it. */
  'trust-a-peer': ({ network }) => {
    network.tamper = (stanza, from, to) => {
      const body = from === faulty && to === 0 && isSaid(stanza) ? stanza.getChild('body') : undefined
      if (body !== undefined) body.children = ['a lie']
      return 'deliver'
    }
  },
  /** Its people are not told what was refused. */
  'swallow-an-error': (world) => {
    world.door = (person, stanza) => (person.site === faulty && stanza.attrs.type === 'error' ? 0 : 1)
  },
}
