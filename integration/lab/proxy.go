// SPDX-License-Identifier: Apache-2.0

package lab

// TCPPort is where a proxy takes connections in TCP mode; it is an HTTP proxy on port 80.
const TCPPort = 8000

// proxyConfig has the page of a web server, and all else by the backend of the host. %[1]s
// is the path of the stats socket, %[2]s the host's name.
const proxyConfig = `global
    stats socket %[1]s mode 600 level admin
    nbthread 1
    maxconn 4000
defaults
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    timeout connect 5s
frontend web
    mode http
    bind :80
    bind :::80 v6only
    http-request return status 200 content-type text/plain string "%[2]s" if { path / }
    default_backend web
backend web
    mode http
    server backend ` + backendAddress + `
listen stream
    mode tcp
    bind :8000
    bind :::8000 v6only
    server backend ` + backendAddress + `
`

// StartProxy runs HAProxy in n, as [StartHAProxy] does, as a proxy for the [Backend] of n.
// What is behind it has no virtual address, so that its connections stay when one moves.
func StartProxy(n *Namespace, dir string) (*HAProxy, error) {
	return startHAProxy(n, dir, "haproxy", proxyConfig)
}
