package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Explain turns err into a failure; phase is the phase of connecting, or empty. ctx is the probe's own:
// once that has ended, an error says nothing about the server.
func Explain(ctx context.Context, phase string, err error) *facts.Failure {
	if err == nil {
		return nil
	}
	f := &facts.Failure{Kind: facts.KindOther, Phase: phase, Err: err}
	if ctx.Err() != nil && phase != "config" {
		f.Kind = facts.KindOutOfTime
		return f
	}
	var (
		pg       *pgconn.PgError
		dns      *net.DNSError
		netErr   net.Error
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		header   tls.RecordHeaderError
		alert    tls.AlertError
		deadline = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	)
	switch {
	case phase == "config":
		f.Kind = facts.KindURL
	case errors.As(err, &pg):
		f.Detail = fmt.Sprintf("%s: %s", pg.Code, facts.MaskMessage(pg.Message))
		switch pg.Code {
		case "28P01", "28000":
			f.Kind = facts.KindCredentials
		case "3D000":
			f.Kind = facts.KindDatabase
		case "53300":
			f.Kind = facts.KindTooMany
		case "57014":
			f.Kind = facts.KindTimeout
		case "08P01":
			f.Kind = facts.RefusalOfPooler(pg.Message)
		default:
			f.Kind = facts.KindServer
		}
	case errors.As(err, &dns):
		f.Kind = facts.KindName
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Kind = facts.KindRefused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		f.Kind = facts.KindUnreachable
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		f.Kind = facts.KindCertificate
		switch {
		case errors.As(err, &host):
			f.Detail = "it was issued for another host"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			f.Detail = "it has expired"
		case errors.As(err, &unknown):
			f.Detail = "signed by an unknown authority"
		}
	case errors.As(err, &header), errors.As(err, &alert), phase == "ssl_request" && !deadline && !facts.Closed(err):
		f.Kind = facts.KindTLS
	case deadline, errors.As(err, &netErr) && netErr.Timeout():
		f.Kind = facts.KindTimeout
	case facts.Closed(err):
		f.Kind = facts.KindClosed
	case errors.Is(err, context.Canceled):
		f.Kind = facts.KindTimeout
	case phase == "startup", phase == "authentication":
		f.Kind, f.Detail = facts.KindLogIn, facts.ReasonOf(err)
	case facts.Unreadable(err):
		f.Kind, f.Detail = facts.KindAnswer, facts.ReasonOf(err)
	default:
		f.Detail = facts.ReasonOf(err)
	}
	return f
}
