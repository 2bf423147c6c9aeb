package report_test

import (
	"fmt"
	"os"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

// The same document as a table for a terminal and as JSON for a program.
func ExampleWrite() {
	d := report.Document{
		Schema: "honeydue.example/1",
		Title:  "Round trips",
		Blocks: []report.Block{report.Table{
			Columns: []string{"endpoint", "minimum RTT, ms"},
			Rows: [][]report.Cell{
				{report.Text("pooler"), report.Millis(110 * time.Millisecond)},
				{report.Text("redis"), report.Millis(300 * time.Microsecond)},
			},
		}},
		Data: struct {
			PoolerMS float64 `json:"pooler_ms"`
			RedisMS  float64 `json:"redis_ms"`
		}{110, 0.3},
	}
	for _, form := range []report.Format{report.FormatTable, report.FormatJSON} {
		if err := report.Write(os.Stdout, form, d, report.Options{Version: "1.2.3"}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// Round trips
	//
	// endpoint  minimum RTT, ms
	// pooler              110.0
	// redis                 0.3
	// {
	//   "schema": "honeydue.example/1",
	//   "version": "1.2.3",
	//   "pooler_ms": 110,
	//   "redis_ms": 0.3
	// }
}
