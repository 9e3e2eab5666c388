/** Checks the tables of one document against their options, and gathers every problem on the way. */
import type { Option, Options, Table, Values } from './option.js'
import { isTable } from './option.js'
import { nearest, type Problem } from './problem.js'
import type { Path, TomlLines } from './toml-lines.js'

export class Check {
  readonly problems: Problem[] = []
  readonly #file: string
  readonly #lines: TomlLines

  constructor(file: string, lines: TomlLines) {
    this.#file = file
    this.#lines = lines
  }

  report(path: Path, message: string): void {
    this.problems.push({ file: this.#file, line: this.#lines.at(path), message })
  }

  /** The options' values in a table, complete with defaults; wrong ones are reported and take their default. */
  values<O extends Options>(table: Table, options: O, path: Path, fallback: Table = {}): Values<O> {
    const values: Record<string, unknown> = {}
    for (const [name, option] of Object.entries(options))
      values[name] = this.value(table, name, option, path, name in fallback ? fallback[name] : option.default)
    // Every option's check has passed or its default stands in, which is what Values<O> says.
    return values as Values<O>
  }

  value<T>(table: Table, name: string, option: Option<T>, path: Path, fallback: T): T {
    if (!Object.hasOwn(table, name)) return fallback
    const given = table[name]
    const complaints = option.check(given)
    for (const { at, must } of complaints) this.report([...path, name, ...at], `${spell(name, at)} must ${must}`)
    return complaints.length === 0 ? (given as T) : fallback
  }

  /** Reports keys that are none of `known`; `hint` may know better than the nearest spelling what was meant. */
  unknownKeys(
    table: Table,
    known: ReadonlySet<string>,
    path: Path,
    hint: (key: string, value: unknown) => string | undefined = () => undefined,
  ): void {
    for (const [key, value] of Object.entries(table)) {
      if (known.has(key)) continue
      const near = nearest(key, known)
      const better = hint(key, value) ?? (near === undefined ? undefined : `did you mean ${near}?`)
      const where = path.length === 0 ? '' : ` in [${spellPath(path)}]`
      this.report([...path, key], `unknown option ${key}${where}${better === undefined ? '' : `; ${better}`}`)
    }
  }

  /** The table under `key`, or an empty one. */
  table(parent: Table, key: string, path: Path = []): Table {
    const given = Object.hasOwn(parent, key) ? parent[key] : {}
    if (isTable(given)) return given
    this.report([...path, key], `${key} must be a table: [${spellPath([...path, key])}]`)
    return {}
  }
}

const spell = (name: string, at: Path): string =>
  at.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${quote(step)}`), name)

const spellPath = (path: Path): string => path.map((step) => quote(String(step))).join('.')
const quote = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))
