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
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/net/http2"
)

// Kind is why a request failed. The kinds are few on purpose: the text of an
// error carries ports and addresses and would make hundreds. An answer with
// another status than the expected ones is of the kind of its status, "503", which
// may carry the code of a problem (RFC 9457): "503:database_unavailable".
type Kind string

// The kinds of failure. KindNone is a success.
const (
	KindNone    Kind = ""
	KindDNS     Kind = "dns"     // the name was not resolved
	KindConnect Kind = "connect" // no TCP connection
	KindTLS     Kind = "tls"     // handshake or certificate
	KindReset   Kind = "reset"   // the connection broke before the reply's head
	KindRetried Kind = "retried" // the same, and net/http asked again by itself and then got a good answer
	KindGoAway  Kind = "goaway"  // HTTP/2: the server gave the connection up (GOAWAY)
	KindStream  Kind = "stream"  // HTTP/2: the server broke the request off (RST_STREAM)
	KindTimeout Kind = "timeout" // no whole reply in time, and nothing says in which stage
	KindBody    Kind = "body"    // the reply broke off in its body
	KindCheck   Kind = "check"   // a whole reply that says it is JSON and is none, or is none where the API's is
	KindOther   Kind = "other"

	// What this machine lacked: such a request was never sent, and makes the run invalid.
	KindDescriptors Kind = "descriptors" // no file descriptor was free
	KindPorts       Kind = "ports"       // no ephemeral port was free

	// A time-out by what the request was waiting for.
	KindTimeoutQueue  Kind = "timeout_queue"  // a connection: the cap on them, or the resolver
	KindTimeoutDial   Kind = "timeout_dial"   // the TCP handshake
	KindTimeoutTLS    Kind = "timeout_tls"    // the TLS handshake
	KindTimeoutHeader Kind = "timeout_header" // the reply's head
	KindTimeoutBody   Kind = "timeout_body"   // the rest of the reply
)

// Kinds is every kind of failure but the statuses, in the order of a request's life.
func Kinds() []Kind {
	return []Kind{
		KindDNS, KindTimeoutQueue, KindConnect, KindTimeoutDial, KindTLS, KindTimeoutTLS, KindReset, KindRetried, KindGoAway, KindStream, KindTimeoutHeader,
		KindTimeout, KindBody, KindTimeoutBody, KindCheck, KindOther, KindDescriptors, KindPorts,
	}
}

// TimedOut reports whether the kind is a time-out, whatever was waited for.
func (k Kind) TimedOut() bool { return strings.HasPrefix(string(k), string(KindTimeout)) }

// Statuses are the statuses of good answers; empty: 2xx and 304. A redirect is no
// good answer: the path asked for is then not the one measured.
type Statuses []int

// kindOf judges a reply by its status.
func (s Statuses) kindOf(code int) Kind {
	good := slices.Contains(s, code)
	if len(s) == 0 {
		good = code >= 200 && code < 300 || code == http.StatusNotModified
	}
	if good {
		return KindNone
	}
	return Kind(strconv.Itoa(code))
}

// Status is the status that the kind is, 0 where it is none.
func (k Kind) Status() int {
	code, err := strconv.Atoi(string(k.Class()))
	if err != nil {
		return 0
	}
	return code
}

// ofServer reports whether the kind is a status by which a server says that the
// failure is its own.
func (k Kind) ofServer() bool { return k.Status() >= 500 }

// kindOfError judges an error that came before the reply's head.
func kindOfError(err error) Kind {
	var (
		dns  *net.DNSError
		op   *net.OpError
		wait net.Error
	)
	switch {
	case err == nil:
		return KindNone
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return KindDescriptors
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return KindPorts
	case errors.As(err, &dns):
		return KindDNS
	case isTimeout(err):
		return KindTimeout
	case errors.As(err, &op) && op.Op == "dial":
		return KindConnect
	case isTLS(err):
		return KindTLS
	case kindOfHTTP2(err) != KindNone:
		return kindOfHTTP2(err)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return KindReset
	case errors.As(err, &wait):
		return KindReset
	}
	return KindOther
}

// kindOfBodyError judges an error that came while the body was read.
func kindOfBodyError(err error) Kind {
	if isTimeout(err) {
		return KindTimeoutBody
	}
	return or(kindOfHTTP2(err), KindBody)
}

// kindOfHTTP2 is the kind of an error that only HTTP/2 has, KindNone of others.
func kindOfHTTP2(err error) Kind {
	var (
		gone   http2.GoAwayError //nolint:staticcheck // see overHTTP
		stream http2.StreamError
	)
	switch {
	case errors.As(err, &gone):
		return KindGoAway
	case errors.As(err, &stream):
		return KindStream
	}
	return KindNone
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
		op      *net.OpError
	)
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") { // an alert, as crypto/tls has it
		return true
	}
	return errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &verify) ||
		errors.As(err, &unknown) || errors.As(err, &host) || errors.As(err, &invalid)
}
