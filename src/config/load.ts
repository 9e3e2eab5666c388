/**
 * From the text of a TOML file to a frozen `Config`, or to a `ConfigError` with all its problems. Options of modules are
 * checked like those of the schema; a module that declares an option of the schema (`allow_registration`, `dmuc`) is
 * given the schema's value. Modules of room services are given `dmuc` in any case.
 */

import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse, TomlError } from 'smol-toml'
import type { Route } from '../net/resolver.js'
import type { HostType, Module } from '../server/module.js'
import { extensionNames, type LeftOut } from '../stream/extension.js'
import { parseEndpoint, wrongDomain } from './address.js'
import { Check } from './check.js'
import { checkCoherence } from './coherence.js'
import type { Config, HostConfig } from './config.js'
import { limitsOptions } from './limits.js'
import { declared, isTable, type Option, type Options, type Table } from './option.js'
import { ConfigError, nearest } from './problem.js'
import {
  componentOptions,
  dmucOptions,
  firstStartOptions,
  type GlobalValues,
  globalOptions,
  type HostValues,
  hostOptions,
  routesOption,
} from './schema.js'
import { tomlLines } from './toml-lines.js'

/** Reads and checks a file. Throws ConfigError, also when it cannot be read. */
export function loadConfig(file: string, modules: readonly Module[]): Config {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([{ file, line: 0, message: `cannot be read: ${(error as Error).message}` }])
  }
  return parseConfig(text, file, modules)
}

/** As `loadConfig`, from text; `file` is what problems name and what relative paths are relative to. */
export function parseConfig(text: string, file: string, modules: readonly Module[]): Config {
  const document = parseToml(text, file)
  const check = new Check(file, tomlLines(text))
  const reader = new DocumentReader(document, check, modules)
  const config = reader.config(resolve(file))
  checkCoherence(config, check)
  if (check.problems.length > 0) throw new ConfigError(check.problems.sort((a, b) => a.line - b.line))
  return deepFreeze(config)
}

function parseToml(text: string, file: string): Table {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [message = 'not TOML'] = error.message.replace(/^Invalid TOML document: /, '').split('\n')
    throw new ConfigError([{ file, line: error.line, message: `not TOML: ${message}` }])
  }
}

const sections = ['virtual_host', 'component', 's2s_routes', 'dmuc', 'limits', 'first_start'] as const

class DocumentReader {
  readonly #document: Table
  readonly #check: Check
  readonly #modules: readonly Module[]
  readonly #moduleOptions: Options

  constructor(document: Table, check: Check, modules: readonly Module[]) {
    this.#document = document
    this.#check = check
    this.#modules = modules
    this.#moduleOptions = optionsOfModules(modules)
  }

  config(file: string): Config {
    const check = this.#check
    const document = this.#document
    const forHosts = [...Object.keys(hostOptions), ...Object.keys(this.#moduleOptions)]
    check.unknownKeys(document, new Set([...sections, ...Object.keys(globalOptions), ...forHosts]), [])
    const global = this.#global(file)
    const dmuc = this.#section('dmuc', dmucOptions)
    const limits = this.#section('limits', limitsOptions)
    const firstStart = Object.hasOwn(document, 'first_start')
      ? this.#section('first_start', firstStartOptions)
      : undefined
    const shared: Table = { ...global, dmuc, limits }
    const hosts = [...this.#hosts('virtual_host', shared), ...this.#hosts('component', shared)]
    if (!hosts.some((host) => host.type === 'user'))
      check.report([], 'there is no virtual host; add [virtual_host."example.org"]')
    return { file, global, hosts, leftOut: this.#leftOut(), s2sRoutes: this.#routes(), dmuc, limits, firstStart }
  }

  #leftOut(): LeftOut {
    const { modules_disabled: named } = this.#check.values(this.#document, hostOptions, [])
    return new Set(extensionNames.filter((name) => named.includes(name)))
  }

  #global(file: string): GlobalValues {
    const values = this.#check.values(this.#document, globalOptions, [])
    const base = dirname(file)
    const dataPath = resolve(base, values.data_path)
    return {
      ...values,
      data_path: dataPath,
      certificates: resolve(base, values.certificates),
      s2s_ca_file: values.s2s_ca_file === '' ? '' : resolve(base, values.s2s_ca_file),
      c2s_ca_file: values.c2s_ca_file === '' ? '' : resolve(base, values.c2s_ca_file),
      admin_socket: join(dataPath, values.admin_socket),
    }
  }

  #section<O extends Options>(name: string, options: O) {
    const table = this.#check.table(this.#document, name)
    this.#check.unknownKeys(table, new Set(Object.keys(options)), [name])
    return this.#check.values(table, options, [name])
  }

  #routes(): Readonly<Record<string, Route>> {
    const given = this.#check.value(this.#document, 's2s_routes', routesOption, [], {})
    const routes: Record<string, Route> = {}
    for (const [domain, text] of Object.entries(given)) {
      const endpoint = parseEndpoint(text)
      if (endpoint !== undefined) routes[domain] = endpoint
    }
    return routes
  }

  #hosts(section: 'virtual_host' | 'component', shared: Table): HostConfig[] {
    const tables = this.#check.table(this.#document, section)
    const atTop = this.#check.values(this.#document, hostOptions, [])
    const found: HostConfig[] = []
    for (const domain of Object.keys(tables)) {
      const path = [section, domain]
      const wrong = wrongDomain(domain)
      if (wrong !== undefined) this.#check.report(path, `the name of a ${section} must ${wrong}`)
      const table = this.#check.table(tables, domain, [section])
      this.#unknownInHost(table, section, domain)
      const type = section === 'virtual_host' ? 'user' : this.#componentType(table, path)
      const options = this.#hostValues(table, path, atTop)
      const modules = this.#modulesOf(type, options, path)
      const moduleOptions: Record<string, Table> = {}
      for (const module of modules)
        moduleOptions[module.name] = this.#optionsOf(module, table, path, { ...shared, ...options })
      found.push({ domain, type, options, modules: Object.freeze(modules), moduleOptions })
    }
    return found
  }

  #componentType(table: Table, path: readonly string[]): HostType {
    if (!Object.hasOwn(table, 'type'))
      this.#check.report(path, 'a component needs its type = "muc", or "external" for a program of its own')
    return this.#check.values(table, componentOptions, path).type
  }

  #unknownInHost(table: Table, section: string, domain: string): void {
    const known = new Set([...Object.keys(hostOptions), ...Object.keys(this.#moduleOptions)])
    if (section === 'component') known.add('type')
    this.#check.unknownKeys(table, known, [section, domain], (key, value) => {
      if (key in globalOptions) return `${key} concerns the whole server: write it above the first [table]`
      return isTable(value) ? `a domain needs quotes: [${section}."${domain}.${key}"]` : undefined
    })
  }

  /** Lists of a host add to those at the top, as in Prosody; the rest replaces. */
  #hostValues(table: Table, path: readonly string[], atTop: HostValues): HostValues {
    const own = this.#check.values(table, hostOptions, path, {
      ...atTop,
      admins: [],
      modules_enabled: [],
      modules_disabled: [],
    })
    return {
      ...own,
      admins: union(atTop.admins, own.admins),
      modules_enabled: union(atTop.modules_enabled, own.modules_enabled),
      modules_disabled: union(atTop.modules_disabled, own.modules_disabled),
    }
  }

  #modulesOf(type: HostType, options: HostValues, path: readonly string[]): Module[] {
    const names = new Set(this.#modules.map((module) => module.name))
    for (const option of ['modules_enabled', 'modules_disabled'] as const)
      for (const name of options[option]) {
        if (names.has(name) || this.#concernsStreams(option, name, path)) continue
        const near = nearest(name, names)
        const hint = near === undefined ? '' : `; did you mean "${near}"?`
        this.#reportOnce([...this.#placeOf(option, name, path)], `${option}: there is no module "${name}"${hint}`)
      }
    const disabled = new Set(options.modules_disabled)
    return this.#modules.filter((module) => module.hosts.includes(type) && !disabled.has(module.name))
  }

  /** Named where it belongs, at the top; else that is the problem. */
  #concernsStreams(option: string, name: string, path: readonly string[]): boolean {
    if (!extensionNames.some((each) => each === name)) return false
    const at = this.#placeOf(option, name, path)
    if (at[0] !== option)
      this.#reportOnce(at, `${option}: "${name}" concerns the whole server: write it above the first [table]`)
    return true
  }

  /** Where a list names a module: in the host's table, or at the top. */
  #placeOf(option: string, name: string, path: readonly string[]): (string | number)[] {
    for (const at of [path, []]) {
      const table = at.reduce<unknown>((value, key) => (isTable(value) ? value[key] : undefined), this.#document)
      const list = isTable(table) ? table[option] : undefined
      const index = Array.isArray(list) ? list.indexOf(name) : -1
      if (index >= 0) return [...at, option, index]
    }
    return [option]
  }

  #reportOnce(path: readonly (string | number)[], message: string): void {
    if (!this.#check.problems.some((problem) => problem.message === message)) this.#check.report(path, message)
  }

  #optionsOf(module: Module, table: Table, path: readonly string[], shared: Table): Table {
    const values: Record<string, unknown> = {}
    if (module.hosts.includes('muc')) values.dmuc = shared.dmuc
    for (const [name, declaration] of Object.entries(module.options ?? {})) {
      if (Object.hasOwn(shared, name)) {
        values[name] = shared[name]
        continue
      }
      const option = declared(declaration)
      const atTop = this.#topLevel(name, option)
      values[name] = this.#check.value(table, name, option, path, atTop)
    }
    return values
  }

  /** A module's option at the top; its problems are reported once, however many hosts have the module. */
  #topLevel(name: string, option: Option<unknown>): unknown {
    if (!Object.hasOwn(this.#document, name)) return option.default
    const given = this.#document[name]
    const [complaint] = option.check(given)
    if (complaint === undefined) return given
    this.#reportOnce([name, ...complaint.at], `${name} must ${complaint.must}`)
    return option.default
  }
}

const union = (first: readonly string[], second: readonly string[]): readonly string[] => [
  ...new Set([...first, ...second]),
]

/** The options that modules declare, but for those of the schema itself. */
export function optionsOfModules(modules: readonly Module[]): Options {
  const options: Record<string, Option<unknown>> = {}
  for (const module of modules)
    for (const [name, declaration] of Object.entries(module.options ?? {}))
      if (!(name in globalOptions) && !(name in hostOptions) && !sections.some((section) => section === name))
        options[name] = both(options[name], declared(declaration))
  return options
}

/** What two modules have, each on its own kind of host, under one name. */
function both(one: Option<unknown> | undefined, other: Option<unknown>): Option<unknown> {
  if (one === undefined) return other
  return {
    ...other,
    doc: `${one.doc} ${other.doc}`,
    check: (value) => [one, other].map(({ check }) => check(value)).find((complaints) => complaints.length > 0) ?? [],
  }
}

/** What is frozen already, as a host's modules are, is left as it is. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const key of Object.keys(value)) deepFreeze(Reflect.get(value, key))
  return Object.freeze(value)
}
