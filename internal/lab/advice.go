package lab

import "fmt"

// advised is an error that knows what to do about itself. What failed is the
// error, what to do its hint: two sentences, which a program shows as it likes.
type advised struct {
	error
	hint string
}

func (e *advised) Hint() string  { return e.hint }
func (e *advised) Unwrap() error { return e.error }

// advise makes the error of what failed, with what to do about it.
func advise(hint, format string, args ...any) error {
	return &advised{fmt.Errorf(format, args...), hint}
}
