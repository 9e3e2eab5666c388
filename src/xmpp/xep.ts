/**
 * What a part of the server says of a XEP that it implements, beside the code that does. docs/xeps.md and docs/doap.xml are made
 * of these declarations; tests hold them against what service discovery tells and against the tests that they name.
 */

/** One XEP, or as much of it as one part implements: several parts may declare the same one, of the same version. */
export interface Xep {
  readonly number: number
  /** The latest version of the specification that the implementation was held against. */
  readonly version: string
  /** What of it is not there, in words that end a sentence "without …"; absent where nothing is missing that concerns a server. */
  readonly without?: string
  /**
   * The test that shows it, below test/: one that `npm test` runs. In a file that shows several XEPs those whose titles name it. Of a module's
   * XEP it has to fail without the module (test/check).
   */
  readonly test: string
  /** What service discovery tells of it. Whatever is told there belongs to a declaration. */
  readonly features?: readonly string[]
}
