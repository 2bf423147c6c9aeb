package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Kind is why a request failed. The kinds are few on purpose: the text of an
// error carries ports and addresses and would make hundreds.
type Kind string

// The kinds of failure. None is a success.
const (
	None     Kind = ""
	DNS      Kind = "dns"      // the name was not resolved
	Connect  Kind = "connect"  // no TCP connection
	TLS      Kind = "tls"      // handshake or certificate
	Reset    Kind = "reset"    // the connection broke before the reply's head
	Timeout  Kind = "timeout"  // no whole reply in time
	Limited  Kind = "429"      // refused by a rate limit
	Client   Kind = "4xx"      // another client error
	Server   Kind = "5xx"      // a server error
	Body     Kind = "body"     // the reply broke off in its body
	Redirect Kind = "redirect" // 3xx: the path asked for is not the one measured
	Other    Kind = "other"
)

// Kinds is every kind of failure, in the order of a request's life.
func Kinds() []Kind {
	return []Kind{DNS, Connect, TLS, Reset, Timeout, Redirect, Limited, Client, Server, Body, Other}
}

// kindOfStatus judges a reply by its status code.
func kindOfStatus(code int) Kind {
	switch {
	case code >= 200 && code < 300, code == http.StatusNotModified:
		return None
	case code >= 300 && code < 400:
		return Redirect
	case code == http.StatusTooManyRequests:
		return Limited
	case code >= 400 && code < 500:
		return Client
	case code >= 500 && code < 600:
		return Server
	}
	return Other
}

// kindOfError judges an error that came before the reply's head.
func kindOfError(err error) Kind {
	var (
		dns  *net.DNSError
		op   *net.OpError
		wait net.Error
	)
	switch {
	case err == nil:
		return None
	case errors.As(err, &dns):
		return DNS
	case isTimeout(err):
		return Timeout
	case errors.As(err, &op) && op.Op == "dial":
		return Connect
	case isTLS(err):
		return TLS
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return Reset
	case errors.As(err, &wait):
		return Reset
	}
	return Other
}

// kindOfBodyError judges an error that came while the body was read.
func kindOfBodyError(err error) Kind {
	if isTimeout(err) {
		return Timeout
	}
	return Body
}

func isTimeout(err error) bool {
	var wait net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		(errors.As(err, &wait) && wait.Timeout())
}

func isTLS(err error) bool {
	var (
		record  tls.RecordHeaderError
		alert   tls.AlertError
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &verify) ||
		errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
