/**
 * A negotiable feature of a stream (RFC 6120 §4.3.2) as a value: what must be true before it, what rules it out, how it
 * is offered, and what happens when the peer asks for it. `Context` is what the feature needs of its stream.
 */
import type { Element } from '../xml/element.js'
import type { Extension } from './extension.js'

/** What has been achieved on a stream. */
export type Fact = 'secure' | 'authenticated' | 'bound' | 'managed'

export interface Feature<Context> {
  /** The word that the specifications use for it, also in the log. */
  readonly name: string
  /** The namespace of the elements by which the peer asks for it: its own, or the payload's of an IQ of type set. */
  readonly ns: string
  readonly requires: readonly Fact[]
  readonly excludes: readonly Fact[]
  /** What it is called where an operator may leave it out. */
  readonly extension?: Extension
  /** A child for `<stream:features/>`; undefined where there is nothing to offer. Asked only when the facts allow it. */
  offer(context: Context): Element | undefined
  /** Takes an element of `ns`. What it throws as StreamError ends the stream. Called whatever the facts are. */
  accept(element: Element, context: Context): void
}

/** Do the facts allow this feature now? */
export const isPossible = (feature: Pick<Feature<never>, 'requires' | 'excludes'>, facts: ReadonlySet<Fact>): boolean =>
  feature.requires.every((fact) => facts.has(fact)) && !feature.excludes.some((fact) => facts.has(fact))
