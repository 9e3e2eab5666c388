// What the people say: three observatories look at one comet, and talk about it. No line occurs twice.

/** By server; the first letter of a name tells where somebody is. @type {Readonly<Record<string, readonly string[]>>} */
export const names = {
  a: ['ada', 'abel', 'amy', 'anton', 'alma'],
  b: ['ben', 'bea', 'bruno', 'bella', 'boris'],
  c: ['cleo', 'carl', 'cora', 'cyril', 'clara'],
}

/** @typedef {readonly [at: string, text: string]} Line */

/** @type {readonly Line[]} */
export const together = [
  ['a', 'Good evening! Clear sky here.'],
  ['b', 'Clouds, but they are moving.'],
  ['c', 'Telescope is open.'],
  ['a', 'There it is, low in the west!'],
  ['c', 'Got it. What a tail.'],
  ['b', 'I see it now, too.'],
]

/** While c.example is cut off. @type {readonly Line[]} */
export const apart = [
  ['c', 'Is anybody there?'],
  ['a', 'c.example has gone quiet.'],
  ['c', 'Then we go on without them.'],
  ['b', 'We keep measuring.'],
  ['c', 'The tail is splitting!'],
  ['a', 'Magnitude 3.1.'],
  ['c', 'Two tails now. Write it down.'],
  ['b', 'Magnitude 3.0 from here.'],
]

/** At c.example while it is cut off: who is in the way, what he says, and who puts him out. */
export const heckler = { at: 'c', name: 'rudi', words: 'Comets bring bad luck! Shut the roof!', kickedBy: 'cleo' }

/** Two people, on either side of the split, who choose the same nickname. */
export const namesakes = { name: 'nova', ats: ['a', 'c'] }

/** @type {readonly Line[]} */
export const afterwards = [
  ['b', 'Two tails? We missed that!'],
  ['c', 'You can read it all above.'],
  ['b', 'And you our magnitudes.'],
  ['c', 'So we can. Good night!'],
]

/** The last word. @type {Line} */
export const farewell = ['a', 'Good night, everybody']
