package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"
)

func readlistsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: readlists URL FILE")
	}
	client := &http.Client{Timeout: patience}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		_, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, path := range []string{"/api/tasks/", "/api/residences/", "/api/contractors/", "/api/documents/"} {
			request, err := http.NewRequest(http.MethodGet, args[0]+path, nil)
			ts.Check(err)
			request.Header.Set("Authorization", "Token "+token)
			wait(ts, path+" to come from the cache", func() bool {
				response, err := client.Do(request)
				ts.Check(err)
				ts.Check(response.Body.Close())
				return strings.Contains(response.Header.Get("Cache-Status"), "list; hit")
			})
		}
	}
}

func sqlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE_DIRECT_URL"))
	ts.Check(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, args[0])
	ts.Check(err)
}

func redisCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: redis COMMAND [ARGUMENTS]")
	}
	options, err := redis.ParseURL(ts.Getenv("REDIS_URL"))
	ts.Check(err)
	client := redis.NewClient(options)
	defer client.Close()
	command := make([]any, len(args))
	for i, a := range args {
		command[i] = a
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(client.Do(ctx, command...).Err())
}
