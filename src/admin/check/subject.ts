import type { HostType } from '../../server/module.js'

/** What the checks look at of a configuration; the options are described in docs/configuration.md. */
export interface CheckedConfig {
  readonly file: string
  readonly global: {
    readonly data_path: string
    readonly certificates: string
    readonly s2s_ca_file: string
    readonly interfaces: readonly string[]
    readonly dns_servers: readonly string[]
    readonly c2s_ports: readonly number[]
    readonly c2s_direct_tls_ports: readonly number[]
    readonly s2s_ports: readonly number[]
    readonly s2s_direct_tls_ports: readonly number[]
    readonly s2s_require_encryption: boolean
    readonly s2s_secure_auth: boolean
    readonly s2s_allow_private_addresses: boolean
  }
  readonly hosts: readonly { readonly domain: string; readonly type: HostType }[]
}
