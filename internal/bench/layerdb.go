package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// databaseLayer is a transport that asks the database where another one would
// ask the API: the path of a hot list becomes its statement, by the token, as
// serve sends it when nothing is cached. So the schedule, the verdicts and the
// reports of a load test hold for the database tier alone: the floor that no
// API on it can beat.
type databaseLayer struct {
	ask map[string]func(context.Context, []byte) error // by path
}

// NewDatabaseLayer makes the transport of a Hitter that tests the database tier
// alone. mix has the routes to be asked; one that has no statement here is an error.
func NewDatabaseLayer(db *store.DB, mix Mix) (http.RoundTripper, error) {
	layer := databaseLayer{ask: map[string]func(context.Context, []byte) error{}}
	for _, r := range mix.Routes() {
		ask := hotStatement(db, r.ID)
		if ask == nil {
			return nil, fmt.Errorf("route %s has no statement that the database layer knows", r.ID)
		}
		layer.ask[r.Path] = ask
	}
	return layer, nil
}

// hotStatement is what serve asks the database on a miss; nil for a route that has none.
func hotStatement(db *store.DB, route string) func(context.Context, []byte) error {
	switch route {
	case "task_board":
		return func(ctx context.Context, token []byte) error {
			_, _, err := db.Board(ctx, token, time.Now(), household.DueSoonDays)
			return err
		}
	case "residence_list":
		return func(ctx context.Context, token []byte) error {
			_, _, err := db.Residences(ctx, token, store.Page{})
			return err
		}
	case "contractor_list":
		return func(ctx context.Context, token []byte) error {
			_, _, err := db.Contractors(ctx, token, store.Page{})
			return err
		}
	case "document_list":
		return func(ctx context.Context, token []byte) error {
			_, _, err := db.Documents(ctx, token, store.Page{})
			return err
		}
	}
	return nil
}

// RoundTrip implements http.RoundTripper. A token that the database does not
// know is a 401, as the API's is; any other failure is an error.
func (l databaseLayer) RoundTrip(r *http.Request) (*http.Response, error) {
	ask := l.ask[r.URL.RequestURI()]
	if ask == nil {
		return nil, fmt.Errorf("no statement for %s", r.URL.RequestURI())
	}
	ctx, tally := link.WithTally(r.Context())
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: true}) // waiting for the pool is part of what is measured: see acquire
	}
	hash := sha256.Sum256([]byte(strings.TrimPrefix(r.Header.Get("Authorization"), "Token ")))
	status := http.StatusOK
	switch err := ask(ctx, hash[:]); {
	case errors.Is(err, store.ErrNotFound):
		status = http.StatusUnauthorized
	case err != nil:
		return nil, err
	}
	acquire, db := tally.Acquire(), tally.DB()
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Body: http.NoBody,
		Header: http.Header{
			"X-Db-Turns":    {strconv.FormatInt(tally.Turns(), 10)},
			"Server-Timing": {fmt.Sprintf("acquire;dur=%.3f, db;dur=%.3f", stats.MS(acquire), stats.MS(db))},
		},
	}, nil
}
