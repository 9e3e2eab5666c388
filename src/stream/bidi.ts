/**
 * Bidirectional streams between servers (XEP-0288): who opened a stream says that it takes stanzas on it, too. They may come from domains
 * that let a domain of its in, to that one.
 */
import { child, type Element, xml } from '../xml/element.js'
import type { Xep } from '../xmpp/xep.js'

export const bidiXep: Xep = { number: 288, version: '1.0.1', test: 'server/s2s-bidi.test.ts' }

const feature = 'urn:xmpp:features:bidi'
const namespace = 'urn:xmpp:bidi'

/** A child of the stream's features. */
export const bidiFeature = (): Element => xml('bidi', { xmlns: feature })

export const offersBidi = (features: Element): boolean => child(features, 'bidi', feature) !== undefined

export const bidiRequest = (): Element => xml('bidi', { xmlns: namespace })

export const isBidiRequest = ({ name, attrs }: Element): boolean => name === 'bidi' && attrs.xmlns === namespace
