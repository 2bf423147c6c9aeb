package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// Sheet is the one table of a document that programs read as CSV (RFC 4180): every row has a field for each column,
// and a number is written as a number, without commas or units.
type Sheet struct {
	Columns []string
	Rows    [][]string
}

func (s Sheet) clean() Sheet {
	out := Sheet{Columns: make([]string, len(s.Columns)), Rows: make([][]string, len(s.Rows))}
	for i, c := range s.Columns {
		out.Columns[i] = printable(c)
	}
	for i, row := range s.Rows {
		out.Rows[i] = make([]string, len(row))
		for j, field := range row {
			out.Rows[i][j] = printable(field)
		}
	}
	return out
}

func writeCSV(w io.Writer, d Document) error {
	if d.Sheet == nil {
		return errors.New("this report has no rows that CSV could show")
	}
	out := csv.NewWriter(w)
	if err := out.Write(d.Sheet.Columns); err != nil {
		return err
	}
	for i, row := range d.Sheet.Rows {
		if len(row) != len(d.Sheet.Columns) {
			return fmt.Errorf("row %d has %d fields for %d columns", i, len(row), len(d.Sheet.Columns))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
