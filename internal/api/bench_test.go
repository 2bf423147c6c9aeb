package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
)

// benchBoard is a board of 200 cards, the upper end of what a user has.
func benchBoard() household.Board {
	in := household.BoardInput{Homes: []household.Home{{ID: 1, TimeZone: "Europe/Berlin"}}, Now: time.Unix(1_800_000_000, 0), DueSoonDays: 30}
	for i := range int64(200) {
		due := household.Date{Year: 2027, Month: time.January, Day: 1 + int(i%28)}
		in.Cards = append(in.Cards, household.Card{
			ID: i, ResidenceID: 1, Title: fmt.Sprintf("Replace the pressure valve in room %d", i),
			Category: "plumbing", Priority: "high", Frequency: "annually", DueDate: &due, Version: 1,
		})
	}
	return household.BuildBoard(in)
}

// BenchmarkBoardReply compares a hot reply through huma with one that gin
// writes itself; what differs is what huma costs.
//
//	go test ./internal/api -run - -bench BoardReply -benchmem
func BenchmarkBoardReply(b *testing.B) {
	board := benchBoard()
	through := newRouter()
	format := huma.Format{Marshal: encode, Unmarshal: json.Unmarshal}
	a := humagin.New(through, huma.Config{
		OpenAPI: newDocument(""), Formats: map[string]huma.Format{"application/json": format}, DefaultFormat: "application/json",
	})
	huma.Register(a, huma.Operation{Method: http.MethodGet, Path: "/api/tasks/"}, func(context.Context, *boardInput) (*struct{ Body household.Board }, error) {
		return &struct{ Body household.Board }{board}, nil
	})
	bare := newRouter()
	bare.GET("/api/tasks/", func(c *gin.Context) {
		c.Header("Content-Type", "application/json")
		if err := encode(c.Writer, board); err != nil {
			b.Error(err)
		}
	})
	for name, h := range map[string]http.Handler{"huma": through, "gin": bare} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/tasks/", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// BenchmarkBoardAgain is what the first read of a day costs without the database: a board of 200 cards, made of its copy,
// encoded and compressed.
//
//	go test ./internal/api -run - -bench BoardAgain -benchmem
func BenchmarkBoardAgain(b *testing.B) {
	s, now := &Server{}, time.Unix(1_800_000_000, 0)
	body, err := s.compressors.render(benchBoard())
	if err != nil {
		b.Fatal(err)
	}
	aged := &cache.AgedCopy{Body: string(body), Remake: string(remakeOf([]household.Home{{ID: 1, TimeZone: "Europe/Berlin"}}, nil))}
	b.ReportAllocs()
	for b.Loop() {
		again, ok := boardAgain(&cache.Reading{UserID: 7, Aged: aged}, now.AddDate(0, 0, 1))
		if !ok {
			b.Fatal("it cannot be made anew")
		}
		if _, err := answer(s, again); err != nil {
			b.Fatal(err)
		}
	}
}
