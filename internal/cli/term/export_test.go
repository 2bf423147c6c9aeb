package term

// Screen is screen for the tests from outside.
type Screen = screen

// NewScreen is an empty screen of so many columns.
func NewScreen(columns int) *Screen { return &screen{columns: columns, rows: []string{""}} }

// Cursor is where the next text goes.
func (s *screen) Cursor() (row, column int) { return s.row, s.col }
