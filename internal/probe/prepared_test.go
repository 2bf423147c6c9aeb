package probe

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestForgetMeetsDeepConnections leaves a name on the server connection that the pooler gives last of four:
// two clients can't meet it, more of them do where the console says that there is room.
func TestForgetMeetsDeepConnections(t *testing.T) {
	env := labtest.Database(t, nil)
	const depth = 4
	config, err := pgx.ParseConfig(env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p := openPair(t.Context(), config)
	defer p.close(t.Context())
	pools, failed := openPools(t.Context(), env.AdminURL, config.Database)
	if failed != nil {
		t.Fatal(failed)
	}
	defer pools.close(t.Context())

	name := p.name("deep")
	var others [depth + 1]*pairClient
	for i := range others {
		c := &pairClient{}
		if c.conn, c.w, err = connectPG(t.Context(), p.config); err != nil {
			t.Fatal(err)
		}
		defer c.conn.Close(t.Context())
		others[i] = c
		if err := c.exec(t.Context(), "BEGIN"); err != nil {
			t.Fatal(err)
		}
	}
	deepest := others[1]
	if err := deepest.exec(t.Context(), fmt.Sprintf("PREPARE %s AS SELECT 1", name)); err != nil {
		t.Fatal(err)
	}
	for _, c := range others { // what is given back last is given out first
		if err := c.exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
	p.owed = []string{name}

	p.forget(t.Context(), nil)
	if len(p.owed) != 1 || len(p.more) != 0 {
		t.Fatalf("without a console %d names are owed and %d more clients were opened, want 1 and 0", len(p.owed), len(p.more))
	}
	p.forget(t.Context(), pools)
	if len(p.owed) != 0 {
		t.Errorf("%d names are still owed after %d clients", len(p.owed), 2+len(p.more))
	}
	if want := depth - 2; len(p.more) != want {
		t.Errorf("%d more clients were opened, want %d", len(p.more), want)
	}
	if dials, _ := p.bill(); dials != depth {
		t.Errorf("%d connections are on the bill, want %d", dials, depth)
	}
}
