/** The configuration as the program sees it: complete with defaults, typed and frozen. Option names are the operator's own. */

import type { Route } from '../net/resolver.js'
import type { HostType, Module } from '../server/module.js'
import type { LeftOut } from '../stream/extension.js'
import type { DmucValues, FirstStartValues, GlobalValues, HostValues, LimitsValues } from './schema.js'

export interface HostConfig {
  readonly domain: string
  readonly type: HostType
  readonly options: HostValues
  /** In the order of `src/modules/index.ts`. */
  readonly modules: readonly Module[]
  /** By module name: its declared options, complete. */
  readonly moduleOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface Config {
  /** The absolute path it was read from. */
  readonly file: string
  /** `data_path` and `certificates` are absolute. */
  readonly global: GlobalValues
  /** Virtual hosts first, then components; at least one virtual host. */
  readonly hosts: readonly HostConfig[]
  /** What `modules_disabled` at the top names of streams, for all hosts. */
  readonly leftOut: LeftOut
  readonly s2sRoutes: Readonly<Record<string, Route>>
  readonly dmuc: DmucValues
  readonly limits: LimitsValues
  /** Present where the file has the section. */
  readonly firstStart: FirstStartValues | undefined
}
