// Several transcripts side by side, as they grow. What is put into the columns waits until `flush`, which prints it row by
// row, so that a message that everybody has heard stands on one row. Colours are for terminals alone.

/** @typedef {'plain' | 'late' | 'notice'} Style */
/** @typedef {{ text: string, style: Style, hue: number }} Cell */

const hues = [36, 35, 33]
const narrowest = 24
const widest = 38

export class Board {
  #output
  #titles
  #width
  #colour
  /** @type {Cell[][]} */
  #waiting

  /**
   * @param {NodeJS.WriteStream} output
   * @param {readonly string[]} titles one for each column
   */
  constructor(output, titles) {
    const columns = output.columns || 120
    this.#output = output
    this.#titles = titles
    this.#width = Math.max(narrowest, Math.min(widest, Math.floor((columns - 1) / titles.length) - 3))
    this.#colour = output.isTTY === true && process.env.NO_COLOR === undefined
    this.#waiting = titles.map(() => [])
  }

  heading() {
    this.#row(this.#titles.map((title, hue) => this.#paint(pad(title, this.#width), `1;${hues[hue % hues.length]}`)))
    this.#row(this.#titles.map(() => '─'.repeat(this.#width)))
  }

  /**
   * @param {number} column
   * @param {string} text
   * @param {Style} [style]
   * @param {number} [hue] the column that it comes from
   */
  put(column, text, style = 'plain', hue = column) {
    this.#waiting[column]?.push({ text, style, hue })
  }

  flush() {
    while (this.#waiting.some((cells) => cells.length > 0)) {
      const cells = this.#waiting.map((queue) => queue.shift())
      const lines = cells.map((cell) => (cell === undefined ? [] : wrap(cell.text, this.#width)))
      const height = Math.max(...lines.map(({ length }) => length))
      for (let line = 0; line < height; line++)
        this.#row(cells.map((cell, column) => this.#show(lines[column]?.[line] ?? '', cell)))
    }
  }

  /** Across all columns, behind what waits. @param {string} text */
  note(text) {
    this.flush()
    const whole = this.#titles.length * (this.#width + 3) - 3
    const left = Math.max(3, Math.floor((whole - text.length - 2) / 2))
    const right = Math.max(3, whole - text.length - 2 - left)
    this.line(this.#paint(`${'━'.repeat(left)} ${text} ${'━'.repeat(right)}`, '1'))
  }

  /** @param {string} [text] */
  line(text = '') {
    this.#output.write(`${text}\n`)
  }

  /** @param {string} text @param {Cell | undefined} cell */
  #show(text, cell) {
    const padded = pad(text, this.#width)
    if (cell === undefined) return padded
    if (cell.style === 'notice') return this.#paint(padded, '2')
    return this.#paint(padded, `${cell.style === 'late' ? '3;' : ''}${hues[cell.hue % hues.length]}`)
  }

  /** @param {readonly string[]} cells */
  #row(cells) {
    this.line(cells.join(' │ ').trimEnd())
  }

  /** @param {string} text @param {string} code */
  #paint(text, code) {
    return this.#colour ? `\x1b[${code}m${text}\x1b[0m` : text
  }
}

/** @param {string} text @param {number} width */
const pad = (text, width) => text.padEnd(width)

/** At spaces, where there are some. @param {string} text @param {number} width @returns {string[]} */
function wrap(text, width) {
  if (text.length <= width) return [text]
  const space = text.lastIndexOf(' ', width)
  const end = space > 0 ? space : width
  return [text.slice(0, end), ...wrap(`  ${text.slice(end).trimStart()}`, width)]
}
