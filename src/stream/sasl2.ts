/**
 * The extensible profile of SASL (XEP-0388), over TLS only: a login, and in the same step a former stream that goes on (XEP-0198) or a
 * resource (XEP-0386) and a token (XEP-0484). Nothing of it is done before the client has proved who it is; the stream does not begin anew.
 */
import { encodeBase64 } from '../sasl/base64.js'
import { child, childText, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Xep } from '../xmpp/xep.js'
import { begin, type Profile, refuse, respond, settle, usableMechanisms } from './authentication.js'
import { bind2Offer, boundElement, type InlineBind, type InlineBound, readInlineBind } from './bind2.js'
import type { LeftOut } from './extension.js'
import { asksForTokenLogin, type FastContext, fastOffer, logInByToken, requestedToken, tokenElement } from './fast.js'
import type { Feature } from './feature.js'
import { failedElement, type Resumption, resumedElement } from './manage.js'
import { readCount } from './management.js'

export const sasl2Xep: Xep = { number: 388, version: '1.0.4', test: 'dialogue/sasl2.test.ts' }

const sasl2Ns = 'urn:xmpp:sasl:2'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export interface Sasl2Context extends FastContext {
  /** What modules can do while a resource is bound. */
  readonly inlineFeatures: readonly string[]
  /** What the operator wants none of. */
  readonly leftOut: LeftOut
  /** As ManageContext.resume, for an account that is not authenticated yet as far as the stream knows. */
  resumeFor(username: string, id: string, h: number, answer: (resumption: Resumption) => void): void
  /** Makes the session. Throws StanzaError. */
  bindFor(username: string, request: InlineBind): InlineBound
  /** The client is who it says: lifts what holds for strangers. */
  loggedIn(username: string, password: string | undefined): void
  /** The stream's features as they are now. */
  features(): Element
  /** The session is there, and managed or not. */
  online(managed: boolean): void
  /** The client knows its JID, and what the stream can do: stanzas may be sent. */
  bound(): void
  resumed(): void
}

interface Login {
  readonly username: string
  readonly data: Buffer | undefined
  readonly password: string | undefined
  /** Mechanism of a token that is due. */
  readonly renew?: string | undefined
}

const profile: Profile<Sasl2Context> = {
  emptyAsEquals: false,
  challenge: (data) => xml('challenge', { xmlns: sasl2Ns }, encodeBase64(data)),
  failure: (condition, text) =>
    xml(
      'failure',
      { xmlns: sasl2Ns },
      xml(condition, { xmlns: ns.sasl }),
      text === undefined ? undefined : xml('text', {}, text),
    ),
  succeed: (success, context) => complete(success, context),
}

export const sasl2: Feature<Sasl2Context> = {
  name: 'sasl2',
  ns: sasl2Ns,
  extension: 'sasl2',
  requires: ['secure'],
  excludes: ['authenticated'],

  offer(context) {
    const usable = usableMechanisms(context)
    if (usable.length === 0) return undefined
    return xml(
      'authentication',
      { xmlns: sasl2Ns },
      ...usable.map(({ name }) => xml('mechanism', {}, name)),
      xml('inline', {}, ...inlineOffers(context)),
    )
  },

  accept(element: Element, context) {
    if (context.facts.has('authenticated')) throw new StreamError('policy-violation', 'already authenticated')
    if (element.name === 'authenticate') authenticate(element, context)
    else if (element.name === 'response') respond(profile, element.getText(), context)
    else if (element.name === 'abort') refuse(profile, context, 'aborted')
    else throw new StreamError('unsupported-stanza-type')
  },
}

function inlineOffers(context: Sasl2Context): (Element | undefined)[] {
  const { leftOut, inlineFeatures } = context
  const managed = !leftOut.has('smacks')
  return [
    managed ? xml('sm', { xmlns: ns.streamManagement }) : undefined,
    leftOut.has('sasl2_bind2') ? undefined : bind2Offer([...(managed ? [ns.streamManagement] : []), ...inlineFeatures]),
    fastOffer(context),
  ]
}

function authenticate(request: Element, context: Sasl2Context): void {
  const { authentication, facts } = context
  if (!facts.has('secure')) return refuse(profile, context, 'encryption-required')
  if (authentication.exchange !== undefined)
    return refuse(profile, context, 'malformed-request', 'another exchange is under way')
  authentication.request = request
  if (asksForTokenLogin(request)) settle(profile, byToken(request, context), context)
  else begin(profile, request.attrs.mechanism, childText(request, 'initial-response'), context)
}

async function byToken(request: Element, context: Sasl2Context): Promise<void> {
  const login = await logInByToken(request, agentOf(request), context)
  if (context.stream.state.is === 'ended') return
  if (login.is === 'refused') return refuse(profile, context, login.condition)
  await complete({ ...login, password: undefined }, context)
}

/** The id of the client's installation; what is no UUID is none. */
function agentOf(request: Element): string | undefined {
  const id: unknown = request.getChild('user-agent')?.attrs.id
  return typeof id === 'string' && uuid.test(id) ? id.toLowerCase() : undefined
}

async function complete(login: Login, context: Sasl2Context): Promise<void> {
  const { authentication, named, stream, tokens } = context
  const { request } = authentication
  if (request === undefined) throw new Error('a login succeeded that nobody asked for')
  if (named !== undefined && named !== login.username)
    return refuse(profile, context, 'invalid-authzid', 'the stream was opened in the name of another')
  const agent = agentOf(request)
  const mechanism = requestedToken(request, context) ?? login.renew
  const token =
    mechanism === undefined || agent === undefined
      ? undefined
      : await tokens?.issue(login.username, { agent, mechanism })
  if (stream.state.is === 'ended') return
  const results = token === undefined ? [] : [tokenElement(token)]
  const resume = context.leftOut.has('smacks') ? undefined : child(request, 'resume', ns.streamManagement)
  if (resume === undefined) return finish(request, login, results, context)
  const { previd } = resume.attrs
  const h = readCount(resume.attrs.h)
  if (typeof previd !== 'string' || h === undefined)
    return finish(request, login, [...results, failedElement('bad-request')], context)
  await new Promise<void>((resolve, reject) => {
    context.resumeFor(login.username, previd, h, (resumption) => {
      try {
        // At once: what is sent to the session from now on must come behind it.
        goOn(resumption, previd, request, login, results, context)
        resolve()
      } catch (error) {
        reject(error)
      }
    })
  })
}

function goOn(
  resumption: Resumption,
  previd: string,
  request: Element,
  login: Login,
  results: readonly Element[],
  context: Sasl2Context,
): void {
  if (resumption.is === 'impossible') return context.stream.fail(resumption.error)
  if (resumption.is === 'failed')
    return finish(request, login, [...results, failedElement('item-not-found', resumption.h)], context)
  succeed(login, resumption.jid, [resumedElement(previd, resumption.h), ...results], context)
  context.resumed()
  context.stream.send(context.features())
  for (const text of resumption.texts) context.stream.sendText(text)
}

/** Without a former stream: with a resource, where one is asked for. */
function finish(request: Element, login: Login, results: readonly Element[], context: Sasl2Context): void {
  const account = `${login.username}@${context.start.domain}`
  const asked = askedBind(request, account, context)
  if (asked === undefined) {
    succeed(login, account, results, context)
    context.stream.send(context.features())
    return
  }
  let bound: InlineBound
  try {
    bound = context.bindFor(login.username, asked)
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error
    return refuse(profile, context, 'temporary-auth-failure', error.text ?? error.condition)
  }
  succeed(login, bound.jid, [boundElement(bound, asked.manage), ...results], context)
  context.online(asked.manage !== undefined)
  context.stream.send(context.features())
  context.bound()
}

function askedBind(request: Element, account: string, { start, leftOut }: Sasl2Context): InlineBind | undefined {
  if (leftOut.has('sasl2_bind2')) return undefined
  const asked = readInlineBind(request, { account, agent: agentOf(request), secret: start.secret })
  return asked && leftOut.has('smacks') ? { ...asked, manage: undefined } : asked
}

function succeed({ username, data, password }: Login, jid: string, results: readonly Element[], context: Sasl2Context) {
  context.loggedIn(username, password)
  context.stream.send(
    xml(
      'success',
      { xmlns: sasl2Ns },
      data === undefined ? undefined : xml('additional-data', {}, encodeBase64(data)),
      xml('authorization-identifier', {}, jid),
      ...results,
    ),
  )
}
