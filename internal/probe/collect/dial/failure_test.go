package dial

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

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestNothingJustFails: an error without a code of the server's is sorted by what is known of it, its reason is shown,
// and no value that stands in it.
func TestNothingJustFails(t *testing.T) {
	_, number := strconv.Atoi("canary")
	for _, c := range []struct {
		name, phase string
		err         error
		kind        facts.Kind
		reason      string
	}{
		{"the client can't log in", "authentication", fmt.Errorf("connect to user=canary: %w", errors.New("channel binding required")), facts.KindLogIn, "channel binding required"},
		{"an answer of another form", "", pgx.ScanArgError{ColumnIndex: 1, Err: errors.New(`cannot scan "canary" into a date`)}, facts.KindAnswer, "cannot scan"},
		{"JSON that is none", "", json.Unmarshal([]byte("x"), &struct{}{}), facts.KindAnswer, "invalid character"},
		{"no number", "", number, facts.KindAnswer, "invalid syntax"},
		{"of several the last", "", errors.Join(errors.New("first"), errors.New("second")), facts.KindOther, "second"},
		{"a long text", "", errors.New(strings.Repeat("long ", 100)), facts.KindOther, "long long"},
		{"canceled", "", fmt.Errorf("wait: %w", context.Canceled), facts.KindTimeout, ""},
		{"the server has a code", "", &pgconn.PgError{Code: "57P03", Message: "the database system is starting up"}, facts.KindServer, "57P03: the database system is starting up"},
	} {
		f := Explain(t.Context(), c.phase, c.err)
		if f.Kind != c.kind || !strings.Contains(f.Detail, c.reason) || (c.reason == "") != (f.Detail == "") {
			t.Errorf("%s: %q (%q), want %q with %q", c.name, f.Kind, f.Detail, c.kind, c.reason)
		}
		if strings.Contains(f.Error(), "canary") || len(f.Detail) > facts.ReasonLength+3 {
			t.Errorf("%s: it shows %s", c.name, f)
		}
	}
}
