package benchmark

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// What a board of 200 tasks may weigh: compressed it fits into the first
// window of a TCP connection to the phone (10 segments), and the result of its
// statement into two windows from the database.
const (
	maxRaw        = 60_000
	maxCompressed = 12_500
	maxStatement  = 26_000
)

type sizes struct{ raw, compressed, statement int }

// TestBoardFitsTheWindow: the seed is the same on every machine, and so are
// the bytes.
func TestBoardFitsTheWindow(t *testing.T) {
	now := time.Date(2027, time.March, 10, 12, 0, 0, 0, time.UTC)
	env, token := seededBoard(t, now)
	p := newPod(t, env, podOptions{now: func() time.Time { return now }})
	got := weigh(t, p, token)
	t.Logf("200 tasks: %d bytes raw, %d compressed, %d from the database", got.raw, got.compressed, got.statement)
	if got.raw > maxRaw || got.compressed > maxCompressed || got.statement > maxStatement {
		t.Errorf("%+v; at most %d raw, %d compressed, %d from the database", got, maxRaw, maxCompressed, maxStatement)
	}
}

// weigh reads the board once, past the cache's copy.
func weigh(t testing.TB, p pod, token string) sizes {
	t.Helper()
	before := p.database.Counts().BytesToClient
	r := boardRequest(t, token)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	statement := p.database.Counts().BytesToClient - before
	if w.Code != http.StatusOK || w.Header().Get("X-Db-Turns") != "1" {
		t.Fatalf("%d in %s turns, want 200 in one", w.Code, w.Header().Get("X-Db-Turns"))
	}
	size := weighCopy(t, w.Body.Bytes())
	size.statement = int(statement)
	return size
}

// weighCopy is the weight of a compressed board, which has to have all its cards.
func weighCopy(t testing.TB, compressed []byte) sizes {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var board household.Board
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	cards := 0
	for _, c := range board.Columns {
		cards += len(c.Tasks)
	}
	if cards != tasks {
		t.Fatalf("the board has %d cards, want %d", cards, tasks)
	}
	return sizes{raw: len(raw), compressed: len(compressed)}
}

func boardRequest(t testing.TB, token string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, boardPath, nil)
	r.Header.Set("Authorization", "Token "+token)
	r.Header.Set("Accept-Encoding", "gzip")
	return r
}
