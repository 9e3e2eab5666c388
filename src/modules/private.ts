/** XEP-0049: Private XML Storage: each payload element is kept under its name and namespace, for its owner only. */

import type { LoadedAccount } from '../server/account.js'
import type { Host, Module } from '../server/module.js'
import type { Write } from '../store/store.js'
import { copy, type Element, elements, xml } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { payload, result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { between } from './between.js'
import { ownAccount } from './own-account.js'
import { type PrivateConversion, privateConversion } from './services.js'
import { readStored } from './stored-xml.js'

const privateNs = 'jabber:iq:private'
const kind = 'private'
/** Of the account's data in memory: a payload that somebody keeps in another form now. */
const outdated = 'private.outdated'
export const privateStorage: Module = {
  name: 'private',
  xeps: [{ number: 49, version: '1.2', test: 'dialogue/queries.test.ts', features: [privateNs] }],
  hosts: ['user'],
  options: {
    max_private_payloads: {
      type: 'integer',
      default: 100,
      doc: 'Different payloads that one account may keep in private storage (XEP-0049); more are refused.',
      check: between(1, 10_000),
    },
  },
  setup: (host) => [
    host.feature(privateNs),
    host.iq('account', 'get', privateNs, 'query', async (iq, from, to) => {
      ownAccount(from, to, 'forbidden')
      const asked = keptElements(iq)
      if (asked.length !== 1)
        throw new StanzaError('bad-request', { text: 'Exactly one payload is asked for at a time' })
      const [wanted] = asked as [Element]
      const conversion = conversionOf(host, wanted)
      if (conversion !== undefined) {
        const account = host.account(to.bare().toString()) as LoadedAccount
        return result(iq, xml('query', { xmlns: privateNs }, await conversion.read(account)))
      }
      const kept = await host.store.data(to.bare().toString(), kind, keyOf(wanted))
      const found = kept === undefined ? xml(wanted.name, { xmlns: wanted.getNS() }) : readStored(kept)
      return result(iq, xml('query', { xmlns: privateNs }, found))
    }),
    host.iq('account', 'set', privateNs, 'query', async (iq, from, to) => {
      ownAccount(from, to, 'forbidden')
      const owner = to.bare().toString()
      const given = keptElements(iq)
      const converted = given.filter((element) => conversionOf(host, element) !== undefined)
      const payloads = given.filter((element) => !converted.includes(element))
      if (given.length === 0) throw new StanzaError('not-acceptable', { text: 'There is nothing to store' })
      const account = host.account(owner) as LoadedAccount
      // What comes meanwhile waits: of many at once each is counted before the next.
      await account.hold(keep(host, owner, payloads))
      for (const element of converted)
        await account.inTurn(() => account.hold(conversionOf(host, element)!.write(account, element)))
      return result(iq)
    }),
    {
      kind: 'account',
      name: outdated,
      load: async (owner) => {
        const conversion = host.service<PrivateConversion>(privateConversion)
        return conversion && host.store.data(owner, kind, keyOf(xml(conversion.name, { xmlns: conversion.ns })))
      },
    },
    { kind: 'session', bound: ({ jid }) => adopt(host, jid.bare().toString()) },
  ],
}

async function keep(host: Host, owner: string, payloads: readonly Element[]): Promise<void> {
  const most = host.options.max_private_payloads as number
  const keys = new Set([...(await host.store.dataKeys(owner, kind)), ...payloads.map(keyOf)])
  if (keys.size > most) throw new StanzaError('resource-constraint', { text: `At most ${most} payloads are kept` })
  await host.store.commit(
    payloads.map((element) => ({
      type: 'data.put',
      owner,
      kind,
      key: keyOf(element),
      value: serialize(copy(element)),
    })),
  )
}

/** What was kept here before the conversion was there to keep it otherwise: once, when the first client comes. */
function adopt(host: Host, owner: string): void {
  const account = host.account(owner)
  const text = account?.data.get(outdated)
  const conversion = host.service<PrivateConversion>(privateConversion)
  if (account === undefined || typeof text !== 'string' || conversion === undefined) return
  account.data.delete(outdated)
  const payload = readStored(text)
  const gone: Write = { type: 'data.put', owner, kind, key: keyOf(payload), value: undefined }
  account
    .inTurn(() => account.hold(conversion.adopt(account, payload, [gone])))
    ?.catch((error: unknown) => {
      host.log.error({ err: error, jid: owner }, 'What was kept privately could not be converted')
    })
}

function conversionOf(host: Host, { name, attrs }: Element): PrivateConversion | undefined {
  const conversion = host.service<PrivateConversion>(privateConversion)
  return conversion?.name === name && conversion.ns === attrs.xmlns ? conversion : undefined
}

/** §2.3: a payload is in a namespace of its own, never in one of the core's. */
function keptElements(iq: Element): Element[] {
  const kept = elements(payload(iq) as Element)
  if (kept.some((element) => element.attrs.xmlns === undefined || /^jabber:(client|server)$/.test(element.attrs.xmlns)))
    throw new StanzaError('not-acceptable', { text: 'A payload needs a namespace of its own' })
  return kept
}

const keyOf = (element: Element): string => `${element.name} ${element.getNS()}`
