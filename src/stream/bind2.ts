/** Bind 2 (XEP-0386): a resource, and what a session needs besides, in the step that logs in. */
import { createHmac } from 'node:crypto'
import { child, type Element, elements, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import type { Xep } from '../xmpp/xep.js'
import { enabledElement, type Resumable } from './manage.js'

export const bind2Xep: Xep = {
  number: 386,
  version: '1.1.0',
  without: "the archive's metadata in the answer",
  test: 'dialogue/sasl2.test.ts',
}

const bind2Ns = 'urn:xmpp:bind:0'

export interface InlineBind {
  /** Undefined: one of the server's choice. */
  readonly resource: string | undefined
  /** Earlier sessions of the same installation of a client end. */
  readonly agent: string | undefined
  /** Stream management, resumable where it is wanted. */
  readonly manage: { readonly resume: boolean } | undefined
  /** What modules are asked for. */
  readonly requests: readonly Element[]
}

export interface InlineBound {
  /** Full. */
  readonly jid: string
  readonly resumable: Resumable | undefined
  /** What modules answer. */
  readonly results: readonly Element[]
}

/** A child of SASL2's `<inline/>`. */
export const bind2Offer = (features: readonly string[]): Element =>
  xml('bind', { xmlns: bind2Ns }, xml('inline', {}, ...features.map((feature) => xml('feature', { var: feature }))))

const isTrue = (value: unknown): boolean => value === 'true' || value === '1'
const idLength = 12

/** Undefined where the client does not ask for it. `secret` hides the agent's id, which nobody else may learn (§4.2.1). */
export function readInlineBind(
  request: Element,
  { account, agent, secret }: { readonly account: string; readonly agent: string | undefined; readonly secret: Buffer },
): InlineBind | undefined {
  const bind = child(request, 'bind', bind2Ns)
  if (bind === undefined) return undefined
  const enable = child(bind, 'enable', ns.streamManagement)
  const tag = bind.getChildText('tag')?.trim() || undefined
  const stable =
    agent &&
    createHmac('sha256', secret).update(`resource\0${account}\0${agent}`).digest('base64url').slice(0, idLength)
  return {
    resource: stable === undefined ? undefined : tag === undefined ? stable : `${tag}/${stable}`,
    ...{ agent },
    manage: enable && { resume: isTrue(enable.attrs.resume) },
    requests: elements(bind).filter(({ attrs }) => attrs.xmlns !== undefined && attrs.xmlns !== ns.streamManagement),
  }
}

export const boundElement = ({ resumable, results }: InlineBound, manage: InlineBind['manage']): Element =>
  xml('bound', { xmlns: bind2Ns }, manage && enabledElement(resumable), ...results)
