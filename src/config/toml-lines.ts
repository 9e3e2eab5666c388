/**
 * Where in a TOML text each key, and each element of each array, stands. smol-toml gives the values of a document but not
 * their places; this reads only as much of TOML 1.0 as it takes to find them, in a text that smol-toml has accepted.
 */

export type Path = readonly (string | number)[]

export interface TomlLines {
  /** The line (from 1) of a path, or of its nearest ancestor that has one; 0 for an unknown first key. */
  at(path: Path): number
}

export function tomlLines(text: string): TomlLines {
  const lines = new Reader(text).document()
  return {
    at(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const line = lines.get(keyOf(path.slice(0, length)))
        if (line !== undefined) return line
      }
      return 0
    },
  }
}

const keyOf = (path: Path): string => JSON.stringify(path)

class Reader {
  readonly #text: string
  readonly #lines = new Map<string, number>()
  readonly #arraySizes = new Map<string, number>()
  #at = 0
  #line = 1

  constructor(text: string) {
    this.#text = text
  }

  document(): ReadonlyMap<string, number> {
    let table: Path = []
    for (;;) {
      this.#blank()
      if (this.#at >= this.#text.length) return this.#lines
      if (this.#peek() === '[') table = this.#header()
      else this.#pair(table)
    }
  }

  /** `[a.b]` or `[[a.b]]`: the path of the table that follows. */
  #header(): Path {
    const line = this.#line
    const isArray = this.#text.startsWith('[[', this.#at)
    this.#skip(isArray ? 2 : 1)
    const path = this.#withIndexes(this.#key())
    this.#skip(isArray ? 2 : 1)
    if (!isArray) return this.#mark(path, line)
    const size = this.#arraySizes.get(keyOf(path)) ?? 0
    this.#arraySizes.set(keyOf(path), size + 1)
    if (size === 0) this.#mark(path, line)
    return this.#mark([...path, size], line)
  }

  /** Under an array of tables a header means its last table. */
  #withIndexes(keys: readonly string[]): Path {
    const path: (string | number)[] = []
    keys.forEach((key, index) => {
      path.push(key)
      const size = this.#arraySizes.get(keyOf(path))
      if (size !== undefined && index < keys.length - 1) path.push(size - 1)
    })
    return path
  }

  #pair(table: Path): void {
    const line = this.#line
    const path = [...table, ...this.#key()]
    for (let length = table.length + 1; length <= path.length; length += 1) this.#mark(path.slice(0, length), line)
    this.#skip(1)
    this.#value(path)
  }

  /** Keys and the dots between them, up to `=` or `]`. */
  #key(): string[] {
    const keys: string[] = []
    for (;;) {
      this.#space()
      const quote = this.#peek()
      if (quote === '"' || quote === "'") keys.push(this.#string())
      else keys.push(this.#take(/[A-Za-z0-9_-]+/y))
      this.#space()
      if (this.#peek() !== '.') return keys
      this.#skip(1)
    }
  }

  #value(path: Path): void {
    this.#blank()
    const first = this.#peek()
    if (first === '"' || first === "'") this.#string()
    else if (first === '[') this.#array(path)
    else if (first === '{') this.#inlineTable(path)
    else this.#take(/[^,\]}\n#]*/y)
  }

  #array(path: Path): void {
    this.#skip(1)
    for (let index = 0; ; index += 1) {
      this.#blank()
      if (this.#ends(']')) return
      this.#mark([...path, index], this.#line)
      this.#value([...path, index])
      this.#blank()
      if (this.#peek() === ',') this.#skip(1)
    }
  }

  #inlineTable(path: Path): void {
    this.#skip(1)
    for (;;) {
      this.#blank()
      if (this.#ends('}')) return
      this.#pair(path)
      this.#blank()
      if (this.#peek() === ',') this.#skip(1)
    }
  }

  /** Steps over the closing bracket; the end of the text closes everything. */
  #ends(bracket: string): boolean {
    if (this.#at >= this.#text.length) return true
    if (this.#peek() !== bracket) return false
    this.#skip(1)
    return true
  }

  /** A string of any of the four kinds; returns its text, escapes decoded where JSON has them too. */
  #string(): string {
    const quote = this.#peek()
    const fence = quote.repeat(3)
    if (this.#text.startsWith(fence, this.#at)) {
      const pattern = quote === '"' ? /"""(?:\\[\s\S]|[^\\])*?"{3,5}/y : /'''[\s\S]*?'{3,5}/y
      return this.#take(pattern)
    }
    const raw = this.#take(quote === '"' ? /"(?:\\.|[^"\\\n])*"/y : /'[^'\n]*'/y)
    if (quote === "'") return raw.slice(1, -1)
    try {
      return String(JSON.parse(raw))
    } catch {
      return raw.slice(1, -1)
    }
  }

  #mark<P extends Path>(path: P, line: number): P {
    const key = keyOf(path)
    if (!this.#lines.has(key)) this.#lines.set(key, line)
    return path
  }

  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #skip(count: number): void {
    for (let left = count; left > 0 && this.#at < this.#text.length; left -= 1) {
      if (this.#text[this.#at] === '\n') this.#line += 1
      this.#at += 1
    }
  }

  /** What the sticky pattern matches here; a step of one where it matches nothing, so that reading always ends. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#skip(Math.max(1, found.length))
    return found
  }

  #space(): void {
    while (this.#peek() === ' ' || this.#peek() === '\t') this.#skip(1)
  }

  /** White space, line ends and comments. */
  #blank(): void {
    for (;;) {
      const next = this.#peek()
      if (next === '#') this.#take(/#[^\n]*/y)
      else if (next === ' ' || next === '\t' || next === '\n' || next === '\r') this.#skip(1)
      else return
    }
  }
}
