/** The commented configuration that `dmucd init DOMAIN` writes. */

/** For a prepared domain; the text is a valid configuration. */
export const configTemplate = (domain: string): string => `# Configuration of dmucd for ${domain}
# Check it with:   dmucd --config FILE --check
# All options:     docs/configuration.md

# Relative to this file. The directory is made with mode 0700.
data_path = "./data"

# HOST.crt and HOST.key, or HOST/fullchain.pem and HOST/privkey.pem, as certbot writes them, for
# ${domain} and conference.${domain} (a certificate of the parent domain that names both will do).
certificates = "./certs"

# Who may administer the server. Make the account with: dmucctl --config FILE adduser admin@${domain}
admins = ["admin@${domain}"]

# Nothing listens beyond this machine until you say so. For the public internet:
# interfaces = ["*", "::"]
interfaces = ["127.0.0.1", "::1"]

c2s_ports = [5222]
# c2s_direct_tls_ports = [5223]
s2s_ports = [5269]
# WebSocket and the web page, plain HTTP on loopback: put a TLS proxy in front to reach them from outside.
http_ports = [5280]
# How others reach them through that proxy: for web clients, uploaded files and invitations (docs/services.md).
# http_external_url = "https://${domain}/"

# "full": what was acknowledged survives a power cut. "normal": it survives a crash of the server.
durability = "full"

# Let strangers make accounts?
allow_registration = false

# Clients and servers must use TLS, and servers must have a valid certificate. Dialback alone is enough for:
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = true
# s2s_insecure_domains = ["old.example"]

[virtual_host."${domain}"]

[component."conference.${domain}"]
type = "muc"
name = "Chat rooms"

# Rooms that live on several servers at once (XEP-0281): the room services that may take part.
# [dmuc]
# allow = ["rooms.b.example"]
`
