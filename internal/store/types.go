package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// registerTypes makes what is read independent of the settings of the session
// that no connection can ask for at its start.
func registerTypes(m *pgtype.Map) {
	// In UTC, however they come: pgx gives text in the session's time zone and
	// binary in the process's, and the two are to be the same bytes as JSON.
	m.RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	m.RegisterType(&pgtype.Type{Name: "bytea", OID: pgtype.ByteaOID, Codec: byteaCodec{}})
}

// byteaCodec reads both forms of bytea_output; pgx reads hex alone.
type byteaCodec struct{ pgtype.ByteaCodec }

// PlanScan implements pgtype.Codec.
func (c byteaCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*[]byte); ok && format == pgtype.TextFormatCode {
		return scanByteaText{}
	}
	return c.ByteaCodec.PlanScan(m, oid, format, target)
}

type scanByteaText struct{}

// Scan implements pgtype.ScanPlan.
func (scanByteaText) Scan(src []byte, dst any) error {
	into, ok := dst.(*[]byte)
	if !ok {
		return errBytea
	}
	if src == nil {
		*into = nil
		return nil
	}
	var err error
	if digits, ok := bytes.CutPrefix(src, []byte(`\x`)); ok {
		*into = make([]byte, hex.DecodedLen(len(digits)))
		_, err = hex.Decode(*into, digits)
		return err
	}
	*into, err = unescapeBytea(src)
	return err
}

var errBytea = errors.New("a bytea in escape format is malformed")

// unescapeBytea reads the escape format: \\ is a backslash, \ooo a byte in
// octal, and anything else stands for itself.
func unescapeBytea(src []byte) ([]byte, error) {
	out := make([]byte, 0, len(src))
	for i := 0; i < len(src); i++ {
		switch {
		case src[i] != '\\':
			out = append(out, src[i])
		case i+1 < len(src) && src[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(src) && isOctal(src[i+1:i+4]):
			out = append(out, (src[i+1]-'0')<<6|(src[i+2]-'0')<<3|(src[i+3]-'0'))
			i += 3
		default:
			return nil, errBytea
		}
	}
	return out, nil
}

func isOctal(digits []byte) bool {
	for i, d := range digits {
		if d < '0' || d > '7' || i == 0 && d > '3' {
			return false
		}
	}
	return true
}
