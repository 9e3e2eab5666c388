/** XEP-0050: Ad-Hoc Commands of the host: what modules register, listed for those who may run it. */
import type { Host, HostCommand, Module } from '../server/module.js'
import type { Element } from '../xml/element.js'
import { commandsNamespace, readCommand, stepOf, writeCommand } from '../xmpp/ad-hoc.js'
import type { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'

export const adHoc: Module = {
  name: 'adhoc',
  xeps: [{ number: 50, version: '1.3.0', test: 'dialogue/ad-hoc.test.ts', features: [commandsNamespace] }],
  hosts: ['user'],
  setup: (host) => [
    host.feature(commandsNamespace),
    {
      kind: 'disco-node',
      at: 'host',
      info: (node, from) => {
        if (node === commandsNamespace)
          return { identities: [{ category: 'automation', type: 'command-list' }], features: [commandsNamespace] }
        const command = allowed(host, from).find((each) => each.node === node)
        if (command === undefined) return undefined
        const identity = { category: 'automation', type: 'command-node', name: command.name }
        return { identities: [identity], features: [commandsNamespace, ns.dataForm] }
      },
      items: (node, from) =>
        node === commandsNamespace
          ? allowed(host, from).map((command) => ({ jid: host.domain, node: command.node, name: command.name }))
          : undefined,
    },
    host.iq('host', 'set', commandsNamespace, 'command', (iq, from) => run(host, iq, from)),
  ],
}

const allowed = (host: Host, from: Jid): readonly HostCommand[] =>
  host.registered.commands.filter((command) => command.may(from))

async function run(host: Host, iq: Element, from: Jid): Promise<Element> {
  const request = readCommand(iq)
  if (request instanceof StanzaError) throw request
  const command = host.registered.commands.find(({ node }) => node === request?.node)
  if (request === undefined || command === undefined)
    throw new StanzaError('item-not-found', { text: 'There is no such command' })
  if (!command.may(from)) throw new StanzaError('forbidden', { text: 'You may not use that command' })
  const { node, sessionId = host.random.token(), form = emptyForm } = request
  const step = stepOf(request, command.form !== undefined)
  if (step instanceof StanzaError) throw step
  if (step === 'cancel') return result(iq, writeCommand({ node, sessionId, status: 'canceled' }))
  if (step === 'ask' && command.form !== undefined)
    return result(iq, writeCommand({ node, sessionId, status: 'executing', form: command.form() }))
  const outcome = await command.run(from, form)
  const note = outcome.note === undefined ? {} : { note: { type: 'info', text: outcome.note } as const }
  const shown = outcome.form === undefined ? {} : { form: outcome.form }
  return result(iq, writeCommand({ node, sessionId, status: 'completed', ...shown, ...note }))
}

const emptyForm = { type: 'submit', fields: [] } as const
