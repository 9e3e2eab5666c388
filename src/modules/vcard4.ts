/**
 * XEP-0292: vCard4 over XMPP: what a user publishes at one node, like everything else that is published (XEP-0222). Who asks for a card of
 * the older kind (XEP-0054) is given what of it that one has a place for, where the user has set no other.
 */
import type { LoadedAccount } from '../server/account.js'
import type { Module } from '../server/module.js'
import { type Element, elements, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { type CardService, cardService, type PublishingService, publishingService } from './services.js'

const vcard4Ns = 'urn:ietf:params:xml:ns:vcard-4.0'
const node = 'urn:xmpp:vcard4'

export const vcard4: Module = {
  name: 'vcard4',
  xeps: [{ number: 292, version: '0.12.0', test: 'dialogue/vcard4.test.ts', features: [vcard4Ns] }],
  hosts: ['user'],
  setup(host) {
    const publishing = host.service<PublishingService>(publishingService)
    if (publishing === undefined) return []
    const service: CardService = { card: (account, asker) => cardFor(publishing, account, asker) }
    host.offer(cardService, service)
    return [host.feature(vcard4Ns, 'account')]
  },
}

async function cardFor(
  publishing: PublishingService,
  account: LoadedAccount,
  asker: Jid,
): Promise<Element | undefined> {
  const id = publishing.ids(account, node).at(-1)
  if (id === undefined || !publishing.mayRetrieve(account, node, asker)) return undefined
  const card = (await publishing.payloads(account, node, [id])).get(id)
  return card?.name === 'vcard' && card.getNS() === vcard4Ns ? olderCard(card) : undefined
}

/** Properties of one text, and the elements that they become, from the outermost. */
const texts: Readonly<Record<string, readonly string[]>> = {
  fn: ['FN'],
  nickname: ['NICKNAME'],
  url: ['URL'],
  bday: ['BDAY'],
  email: ['EMAIL', 'USERID'],
  tel: ['TEL', 'NUMBER'],
  impp: ['JABBERID'],
  title: ['TITLE'],
  role: ['ROLE'],
  note: ['DESC'],
  org: ['ORG', 'ORGNAME'],
}

/** Properties of several parts. */
const structures: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> = {
  n: ['N', { surname: 'FAMILY', given: 'GIVEN', additional: 'MIDDLE', prefix: 'PREFIX', suffix: 'SUFFIX' }],
  adr: [
    'ADR',
    {
      pobox: 'POBOX',
      ext: 'EXTADD',
      street: 'STREET',
      locality: 'LOCALITY',
      region: 'REGION',
      code: 'PCODE',
      country: 'CTRY',
    },
  ],
}

/** The card as vcard-temp, in the order of its properties; what that has no place for is left out. */
export function olderCard(card: Element): Element {
  return xml('vCard', { xmlns: 'vcard-temp' }, ...elements(card).map(older))
}

function older(property: Element): Element | undefined {
  const path = Object.hasOwn(texts, property.name) ? texts[property.name] : undefined
  if (path !== undefined) {
    const text = textOf(property)
    if (text === undefined) return undefined
    const [innermost, ...outer] = [...path].reverse() as [string, ...string[]]
    return outer.reduce((inner, name) => xml(name, {}, inner), xml(innermost, {}, text))
  }
  const structure = Object.hasOwn(structures, property.name) ? structures[property.name] : undefined
  if (structure === undefined) return undefined
  const [name, parts] = structure
  const filled = elements(property).flatMap((part) => {
    const to = Object.hasOwn(parts, part.name) ? parts[part.name] : undefined
    return to === undefined || part.getText() === '' ? [] : [xml(to, {}, part.getText())]
  })
  return filled.length === 0 ? undefined : xml(name, {}, ...filled)
}

/** The value of a property, whatever its type; addresses lose the scheme that the older card does not have. */
function textOf(property: Element): string | undefined {
  const value = elements(property).find(({ name }) => name !== 'parameters')
  const text = value?.getText().trim() ?? ''
  return text === '' ? undefined : text.replace(/^(?:xmpp|tel|mailto):/i, '')
}
