package inspect

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard answers requests that may not be served, and reports whether it did. A
// tree tells much about a program: no page of another origin may read it, not
// even one whose name has been made to lead to this machine.
func guard(w http.ResponseWriter, r *http.Request) (refused bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; "+
		"script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "inspect: read only", http.StatusMethodNotAllowed)
	case isCrossOrigin(r):
		refuse(w, "the request comes from another origin")
	case isRebound(r):
		refuse(w, "on a loopback address the host must be localhost or an address, not "+r.Host)
	default:
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, why string) {
	http.Error(w, "inspect: refused: "+why, http.StatusForbidden)
}

// isCrossOrigin reports whether a browser sent r on behalf of another origin.
// Who follows a link to the page is let in: the page it comes from sees nothing.
func isCrossOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "": // not a browser, or an old one
	default:
		return r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
			r.Header.Get("Sec-Fetch-Dest") != "document"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// isRebound reports whether r reached a loopback address under a foreign name:
// then the name's owner makes a browser believe that this program is his.
func isRebound(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return false
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && net.ParseIP(host) == nil
}
