package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestNothingJustFails: an error without a code of the server's is sorted by what is known of it, its reason is shown,
// and no value that stands in it.
func TestNothingJustFails(t *testing.T) {
	_, number := strconv.Atoi("canary")
	for _, c := range []struct {
		name, phase string
		err         error
		kind        kind
		reason      string
	}{
		{"the client can't log in", "authentication", fmt.Errorf("connect to user=canary: %w", errors.New("channel binding required")), kindLogIn, "channel binding required"},
		{"an answer of another form", "", pgx.ScanArgError{ColumnIndex: 1, Err: errors.New(`cannot scan "canary" into a date`)}, kindAnswer, "cannot scan"},
		{"JSON that is none", "", json.Unmarshal([]byte("x"), &struct{}{}), kindAnswer, "invalid character"},
		{"no number", "", number, kindAnswer, "invalid syntax"},
		{"of several the last", "", errors.Join(errors.New("first"), errors.New("second")), kindOther, "second"},
		{"a long text", "", errors.New(strings.Repeat("long ", 100)), kindOther, "long long"},
		{"canceled", "", fmt.Errorf("wait: %w", context.Canceled), kindTimeout, ""},
		{"the server has a code", "", &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, kindServer, "57P03: the database system is starting up"},
	} {
		f := explain(t.Context(), c.phase, c.err)
		if f.kind != c.kind || !strings.Contains(f.detail, c.reason) || (c.reason == "") != (f.detail == "") {
			t.Errorf("%s: %q (%q), want %q with %q", c.name, f.kind, f.detail, c.kind, c.reason)
		}
		if strings.Contains(f.Error(), "canary") || len(f.detail) > reasonLength+3 {
			t.Errorf("%s: it shows %s", c.name, f)
		}
	}
}
