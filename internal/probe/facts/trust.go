package facts

// TLSTrust is what a client demands of the server that it connects to, in libpq's terms.
type TLSTrust string

// What a client may demand, the least first; the names are those of sslmode.
const (
	TrustDisable    TLSTrust = "disable"
	TrustAllow      TLSTrust = "allow"
	TrustPrefer     TLSTrust = "prefer"
	TrustRequire    TLSTrust = "require"
	TrustVerifyCA   TLSTrust = "verify-ca"
	TrustVerifyFull TLSTrust = "verify-full"
)

// Allows says what somebody between client and server may do; empty if nothing.
func (t TLSTrust) Allows() string {
	switch t {
	case TrustVerifyFull:
		return ""
	case TrustVerifyCA:
		return "the certificate's name is not compared with the host, so a holder of any certificate of the same authority can pose as the server"
	case TrustRequire:
		return "the certificate is not verified, so an attacker on the path can pose as the server and read everything, including the exchange that proves the password"
	case TrustDisable:
		return "nothing is encrypted, so an attacker on the path can read and change everything"
	default:
		return "a connection without TLS is accepted, so an attacker on the path can force plain text"
	}
}
