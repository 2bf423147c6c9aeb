package lab_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
)

// A program asks Postgres through a real PgBouncer, 50 ms away.
func ExampleStart() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "lab-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // root's servers run as the user postgres
		fmt.Println(err)
		return
	}
	l, err := lab.Start(ctx, lab.Config{Dir: dir, RTT: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() {
		if err := l.Stop(ctx); err != nil {
			fmt.Println(err)
		}
	}()

	conn, err := pgx.Connect(ctx, l.Env().DatabaseURL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	var answer int
	before, began := l.Pooler().Counts().Turns, time.Now()
	if err := conn.QueryRow(ctx, "SELECT 6 * 7", pgx.QueryExecModeExec).Scan(&answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer, "in", l.Pooler().Counts().Turns-before, "turn")
	fmt.Println("at least 50 ms:", time.Since(began) >= 50*time.Millisecond)
	// Output:
	// 42 in 1 turn
	// at least 50 ms: true
}
